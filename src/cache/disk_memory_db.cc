// SPDX-License-Identifier: Apache-2.0
#include "cache/disk_memory_db.h"

#include <cstring>

namespace weir::cache {

bool MemoryDb::damage(Family family, std::string_view key, std::size_t where) {
  std::lock_guard lock(mutex_);
  auto found = families_[at(family)].find(key);
  if (found == families_[at(family)].end() || where >= found->second.size()) {
    return false;
  }
  found->second[where] = static_cast<char>(found->second[where] ^ 1);
  return true;
}

std::size_t MemoryDb::rows(Family family) const {
  std::lock_guard lock(mutex_);
  return families_[at(family)].size();
}

Result<void> MemoryDb::write(const DiskBatch& batch) {
  if (Code code = broken_.load(); code != Code::none) {
    return fail(code, Side::cache);
  }
  std::lock_guard lock(mutex_);
  for (const DiskBatch::Row& row : batch.rows()) {
    Rows& rows = families_[at(row.family)];
    if (row.erase) {
      rows.erase(row.key);
      continue;
    }
    std::string value = row.value;
    for (const Slice& slice : row.tail) {
      value.append(slice.view());
    }
    rows.insert_or_assign(row.key, std::move(value));
  }
  return {};
}

Result<void> MemoryDb::flush() {
  if (Code code = broken_.load(); code != Code::none) {
    return fail(code, Side::cache);
  }
  return {};
}

Result<Slice> MemoryDb::get(Family family, std::string_view key) {
  std::lock_guard lock(mutex_);
  auto found = families_[at(family)].find(key);
  if (found == families_[at(family)].end()) {
    return fail(Code::not_found, Side::cache);
  }
  const std::string& value = found->second;
  Ref<Chunk> chunk = Chunk::of_capacity(value.size());
  std::memcpy(chunk->data(), value.data(), value.size());
  std::string_view bytes(chunk->data(), value.size());
  return Slice(bytes, Ref<const Shared>(std::move(chunk)));
}

Probe MemoryDb::get_cached(Family family, std::string_view key, std::string& value) {
  std::lock_guard lock(mutex_);
  auto found = families_[at(family)].find(key);
  if (found == families_[at(family)].end()) {
    return Probe::no;
  }
  value = found->second;
  return Probe::here;
}

std::pair<MemoryDb::Rows::iterator, MemoryDb::Rows::iterator>
MemoryDb::range(Family family, std::string_view from, std::string_view to) {
  Rows& rows = families_[at(family)];
  return {rows.lower_bound(from), to.empty() ? rows.end() : rows.lower_bound(to)};
}

Result<void> MemoryDb::scan(Family family, std::string_view from, std::string_view to,
                            const Visitor& visitor) {
  // A copy: the visitor may come back with questions of its own.
  std::vector<std::pair<std::string, std::string>> rows;
  {
    std::lock_guard lock(mutex_);
    auto [begin, end] = range(family, from, to);
    rows.assign(begin, end);
  }
  for (const auto& [key, value] : rows) {
    if (!visitor(key, value)) {
      break;
    }
  }
  return {};
}

Result<std::string> MemoryDb::last_key(Family family) {
  std::lock_guard lock(mutex_);
  if (families_[at(family)].empty()) {
    return fail(Code::not_found, Side::cache);
  }
  return families_[at(family)].rbegin()->first;
}

Result<void> MemoryDb::drop(Family family, std::string_view from, std::string_view to) {
  std::lock_guard lock(mutex_);
  auto [begin, end] = range(family, from, to);
  families_[at(family)].erase(begin, end);
  return {};
}

Result<void> MemoryDb::merge(Family family, std::string_view from, std::string_view to) {
  std::lock_guard lock(mutex_);
  auto [begin, end] = range(family, from, to);
  while (begin != end) {
    bool dead = judge_ != nullptr && judge_->dead(family, begin->first, begin->second);
    begin = dead ? families_[at(family)].erase(begin) : std::next(begin);
  }
  return {};
}

std::vector<DiskDb::File> MemoryDb::files(Family family, std::string_view from,
                                          std::string_view to) {
  return {{std::string(from), approximate_size(family, from, to)}};
}

std::uint64_t MemoryDb::approximate_size(Family family, std::string_view from,
                                         std::string_view to) {
  std::lock_guard lock(mutex_);
  auto [begin, end] = range(family, from, to);
  std::uint64_t bytes = 0;
  for (; begin != end; ++begin) {
    bytes += begin->first.size() + begin->second.size();
  }
  return bytes;
}

DiskSpace MemoryDb::space() {
  DiskSpace space;
  for (Family family : {Family::meta, Family::dir, Family::index}) {
    space.records += approximate_size(family, {}, {});
  }
  space.total = space.records + approximate_size(Family::body, {}, {});
  space.body_files = 1;
  return space;
}

std::string MemoryDb::reason() const {
  return broken_.load() == Code::none ? "" : "broken by a test";
}

} // namespace weir::cache
