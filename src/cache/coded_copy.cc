// SPDX-License-Identifier: Apache-2.0
#include "cache/coded_copy.h"

#include <fmt/format.h>

namespace weir::cache {

namespace {

/// As a Key without realm whose method class no request has.
constexpr std::string_view kPrefix{"\0C\0", 3};

} // namespace

std::string coded_copy_key(const DiskTier& disk, std::string_view body, http::Coding coding,
                           int level) {
  Hash128 hash = disk.hash_of(body);
  return fmt::format("{}{} {} {} {:016x}{:016x}", kPrefix, http::name(coding), level, body.size(),
                     hash.high, hash.low);
}

bool is_coded_copy(std::string_view key) noexcept {
  return key.substr(0, kPrefix.size()) == kPrefix;
}

std::vector<Slice> read_coded_copy(DiskTier& disk, const std::string& key) {
  Hash128 hash = disk.hash_of(key);
  Hash128 variant = disk.hash_of({});
  auto found = disk.read_variant(hash, variant);
  if (!found || found->meta.key != key) {
    return {};
  }
  auto body = disk.read_body(found->body, 0, found->body.size);
  if (!body) {
    return {};
  }
  disk.touch(hash, variant);
  return std::move(*body);
}

void store_coded_copy(DiskTier& disk, const std::string& key, const std::vector<Slice>& copy) {
  auto store = disk.begin_store(disk.hash_of(key));
  for (const Slice& slice : copy) {
    if (!store || !store->append(slice)) {
      return;
    }
  }
  if (store) {
    Meta meta;
    meta.key = key;
    meta.status = 200;
    meta.body_size = size_of(copy);
    store->commit(meta);
  }
}

} // namespace weir::cache
