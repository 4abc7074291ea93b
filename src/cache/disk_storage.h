// SPDX-License-Identifier: Apache-2.0
//
// DiskStorage: what the storage thread does with the database (DESIGN §11): appends chunks, commits
// records, removes, rolls and drops segments, merges small files. It keeps this order: chunks, then
// records; rescued objects, then the new lowest segment, then a flush, then the drop.
//
// Owner: DiskTier. The storage thread only, but counts(). Code::io and Code::corrupt from any call
// mean that the database is broken; other codes, that this one thing was not done.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "cache/disk_body.h"
#include "cache/disk_db.h"
#include "cache/disk_segment.h"

namespace weir::cache {

/// The host inside a key (Key's layout); empty: none.
using HostOfKey = std::string_view (*)(std::string_view key);

struct DiskStorageSettings {
  std::uint64_t capacity = 0;
  std::uint64_t dirty_bytes = 8 << 20;    // flush at the latest when so much is unflushed
  std::uint64_t pending_bytes = 16 << 20; // chunks that wait for their run to be complete
  HashKey secret;
  HostOfKey host_of_key = nullptr;
};

/// What a purge does to a stored response that it names.
struct VariantPurge {
  std::uint64_t number = 0;
  bool hard = false; // it goes; else it is stale since `at`
  WallTime at{};
};

/// Names of `index` rows.
std::uint64_t tag_mark(const HashKey& secret, std::string_view tag);
std::uint64_t host_mark(const HashKey& secret, std::string_view host);

class DiskStorage {
public:
  struct Counts {
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> file_bytes{0};
    std::atomic<std::uint64_t> dead_bytes{0};
    std::atomic<std::uint64_t> objects{0};
    std::atomic<std::uint64_t> segments{0};
    std::atomic<std::uint64_t> body_files{0};
    std::atomic<bool> full{false};    // the next segment needs the room of an old one
    std::atomic<bool> counted{false}; // the scan at start is through
  };

  DiskStorage(DiskDb& db, Segments& segments, HitSet& hits, const DiskStorageSettings& settings);

  Result<void> append(GrowingBody& body, Slice slice);
  /// Makes the body, and what it is, findable. Its size must be meta.body_size.
  Result<void> commit(GrowingBody& body, const Meta& meta);
  void abandon(GrowingBody& body);
  static const Hash128& key_of(const GrowingBody& body) noexcept { return body.key_; }
  Result<void> remove(const Hash128& key);
  Result<void> remove_variant(const Hash128& key, const Hash128& variant);
  /// A new head over the same body.
  Result<void> update(const Hash128& key, const Hash128& variant, const Meta& meta);
  /// Unless it is newer than the purge.
  Result<void> purge(const Hash128& key, const Hash128& variant, const VariantPurge& purge);
  Result<void> flush();
  /// A step of the scan that counts what an earlier process left. False: nothing left to count.
  Result<bool> scan_step();

  bool unflushed() const noexcept { return dirty_ > 0; }
  const Counts& counts() const noexcept { return counts_; }

private:
  static constexpr std::uint32_t kRun = 16;      // chunks that stand together
  static constexpr std::size_t kScanRows = 4096; // of one step

  // disk_storage.cc
  Result<void> write(const DiskBatch& batch);
  Result<void> write_chunks(GrowingBody& body, bool all);
  Result<void> write_run(GrowingBody& body, std::uint32_t chunks);
  Result<void> put_variant(VariantRecord& record, const std::optional<VariantRecord>& old);
  /// The row of the key, with `record` as its newest variant.
  Result<void> put_key(DiskBatch& batch, const VariantRecord& record);
  Result<void> erase_variant(DiskBatch& batch, std::string_view row);
  std::vector<std::string> index_rows(const VariantRecord& record, std::string_view row) const;
  /// Nothing: not there, dead or damaged.
  Result<std::optional<VariantRecord>> load_variant(std::string_view row);
  Result<std::optional<KeyRecord>> load_key(const Hash128& key);
  void bury(const VariantRecord& record);

  // disk_evict.cc
  /// The open segment takes `bytes` afterwards, and the tier is below its bound.
  Result<void> ensure_room(std::uint64_t bytes);
  Result<void> roll();
  Result<void> make_room();
  Result<void> drop_oldest();
  Result<std::uint64_t> rescue(std::string_view row, std::uint32_t new_low, std::uint64_t budget);
  Result<bool> copy_chunks(VariantRecord& record, std::uint32_t new_low);
  Result<void> merge_small_files();
  bool records_to_rewrite();
  Result<void> rewrite_records();
  std::uint64_t used();
  Result<void> settle_files(std::uint64_t most);
  void publish();

  DiskDb& db_;
  Segments& segments_;
  HitSet& hits_;
  const DiskStorageSettings settings_;
  const std::uint32_t first_own_; // segments from here on are of this process
  std::uint64_t dirty_ = 0;
  std::uint64_t pending_ = 0; // of all growing bodies
  std::size_t flushes_ = 0;   // since the open segment's files were looked at
  bool dropped_ = false;      // since the records were rewritten
  std::string scan_from_;
  Counts counts_;
};

} // namespace weir::cache
