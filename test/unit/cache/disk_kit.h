// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the disk tier share: a folder of their own, bodies made from a number, storing
// and reading with a wait.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "cache/disk_tier.h"

namespace weir::cache {

class TempDir {
public:
  TempDir() {
    const char* base = ::getenv("TMPDIR");
    path_ = std::string(base != nullptr ? base : "/tmp") + "/weir-disk-XXXXXX";
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  /// Bytes of what is in it, never more than were there at one moment: a file that went while they
  /// were counted does not count, or it and its successor would both do.
  std::uint64_t bytes() const {
    std::vector<std::pair<std::filesystem::path, std::uintmax_t>> files;
    std::error_code ignored;
    for (auto at = std::filesystem::recursive_directory_iterator(path_, ignored);
         at != std::filesystem::recursive_directory_iterator(); at.increment(ignored)) {
      if (at->is_regular_file(ignored)) {
        std::uintmax_t size = at->file_size(ignored);
        files.emplace_back(at->path(), ignored ? 0 : size);
      }
    }
    std::uint64_t sum = 0;
    for (const auto& [path, size] : files) {
      sum += std::filesystem::exists(path, ignored) ? size : 0;
    }
    return sum;
  }

private:
  std::string path_;
};

/// Bytes that do not compress and are known by their number.
inline std::string body_of(std::uint64_t number, std::size_t size) {
  std::string body(size, '\0');
  std::uint64_t x = number * 0x9e3779b97f4a7c15U + 1;
  for (std::size_t i = 0; i < size; ++i) {
    if (i % 8 == 0) {
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
    }
    body[i] = static_cast<char>(x >> (8 * (i % 8)));
  }
  return body;
}

inline std::string host_in(std::string_view key) {
  return std::string(key.substr(0, key.find('/')));
}

inline Meta meta_of(const std::string& key, std::size_t size) {
  Meta meta;
  meta.key = key;
  meta.head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
  meta.status = 200;
  meta.freshness.lifetime = std::chrono::seconds(60);
  meta.date = WallTime{std::chrono::seconds(1'700'000'000)};
  meta.etag = "\"" + key + "\"";
  meta.body_size = size;
  return meta;
}

inline Ref<Chunk> chunk_of(std::string_view bytes) {
  Ref<Chunk> chunk = Chunk::of_capacity(bytes.size());
  bytes.copy(chunk->data(), bytes.size());
  return chunk;
}

/// Gives a body in pieces, and waits until it can be found.
inline Result<void> store(DiskTier& tier, const Meta& meta, const std::string& body,
                          std::size_t piece = 16'000) {
  std::unique_ptr<DiskStore> handle = tier.begin_store(tier.hash_of(meta.key));
  if (!handle) {
    return fail(Code::io);
  }
  for (std::size_t at = 0; at < body.size(); at += piece) {
    std::string_view part = std::string_view(body).substr(at, piece);
    Ref<Chunk> chunk = chunk_of(part);
    Slice slice({chunk->data(), part.size()}, Ref<const Shared>(chunk));
    for (int tries = 0; !handle->append(slice); ++tries) {
      if (tier.failed() || handle->growing()->dead() || tries > 100'000) {
        return fail(Code::full);
      }
      tier.flush().has_value(); // lets the queue run empty
    }
  }
  std::promise<Result<void>> told;
  handle->commit(meta, [&told](Result<void> result) { told.set_value(std::move(result)); });
  return told.get_future().get();
}

inline Result<void> store(DiskTier& tier, const std::string& key, const std::string& body) {
  return store(tier, meta_of(key, body.size()), body);
}

inline std::string joined(const std::vector<Slice>& parts) {
  std::string text;
  for (const Slice& part : parts) {
    text.append(part.view());
  }
  return text;
}

/// The body of the variant without selecting values.
inline Result<std::string> load(DiskTier& tier, const std::string& key) {
  auto found = tier.read_variant(tier.hash_of(key), tier.hash_of(""));
  if (!found) {
    return fail(found.error());
  }
  if (found->meta.key != key) {
    return fail(Code::internal);
  }
  auto parts = tier.read_body(found->body, 0, found->body.size);
  if (!parts) {
    return fail(parts.error());
  }
  return joined(*parts);
}

inline DiskSettings settings_in(const std::string& path, std::uint64_t capacity = 256 << 20) {
  DiskSettings settings;
  settings.path = path;
  settings.capacity = capacity;
  return settings;
}

inline std::unique_ptr<DiskTier> open_tier(const DiskSettings& settings) {
  auto tier = DiskTier::open(settings);
  REQUIRE(tier.has_value());
  return std::move(*tier);
}

} // namespace weir::cache
