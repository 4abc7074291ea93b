// SPDX-License-Identifier: Apache-2.0
//
// DiskTier: stored responses on disk (DESIGN §11; the bytes: doc/disk-format.md). Owner: Server,
// one per `cache`. It outlives every DiskStore, and every Slice and GrowingBody it gave.
//
// probe*, touch, status, stores, removals: any thread, never blocking. read_*: io threads, they
// block. A tier that fails says so once in the error log and is absent: probes answer no, reads
// Code::io, stores are refused, until it works again (DiskWriter). What a reader gets is checked:
// wrong bytes are Code::corrupt, counted, logged, removed, and a miss.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "cache/disk_body.h"
#include "cache/disk_db.h"
#include "cache/disk_record.h"
#include "cache/disk_writer.h"
#include "cache/fill.h"
#include "cache/frequency.h"

namespace weir::cache {

struct DiskSettings {
  std::string path;           // made (0700) if it is not there; the database is in path/db
  std::uint64_t capacity = 0; // bytes on disk, all told
  Duration flush = std::chrono::seconds(10);
  Duration retry = std::chrono::seconds(10); // after a failure; doubles
  std::uint64_t queue_bytes = 64 << 20;
  std::uint64_t dirty_bytes = 0; // 0: dirty_size(capacity)
  std::uint64_t meta_cache_bytes = 32 << 20;
  std::uint64_t segment_bytes = 0; // 0: segment_size(capacity)
  HostOfKey host_of_key = nullptr; // for the index by host
  bool admit_frequent = true;      // of what is full: only what was asked for before
  std::function<void()> on_thread_start;
};

struct DiskStatus {
  std::uint64_t capacity = 0;
  std::uint64_t bytes = 0;      // in live segments
  std::uint64_t dead_bytes = 0; // of these: replaced or removed
  std::uint64_t file_bytes = 0; // as of the last flush
  std::uint64_t objects = 0;    // an estimate until `counted`
  std::uint64_t segments = 0;
  std::uint64_t body_files = 0;
  std::uint64_t queue_bytes = 0;
  bool counted = false;
  bool failed = false;
  std::string last_error; // empty: none
};

struct StoredVariant {
  Meta meta;
  BodyPlace body;
};

class DiskLock;
class LiveRows;

/// A body on its way to disk. One thread at a time. Destroyed without commit: abandoned.
class DiskStore final : public BodyStore {
public:
  DiskStore(DiskWriter& writer, Ref<GrowingBody> body) : writer_(writer), body_(std::move(body)) {}
  ~DiskStore() override;

  bool append(const Slice& slice) override;
  void commit(const Meta& meta) override { commit(meta, nullptr); }
  /// `done` is told when it can be found.
  void commit(const Meta& meta, DiskDone done);
  /// For readers that lag behind; after the commit, where the body is.
  const Ref<GrowingBody>& growing() const noexcept { return body_; }

private:
  DiskWriter& writer_;
  Ref<GrowingBody> body_;
  bool ended_ = false; // committed, or refused
};

class DiskTier {
  struct Private {
    explicit Private() = default;
  };

public:
  DiskTier(Private, DiskSettings settings); // open() does it
  /// Takes the folder's lock (Code::exists: somebody has it), makes or heals the database.
  /// A damaged database is destroyed and begun anew, with one line in the error log; Code::io: the
  /// system refuses, nothing was changed.
  static Result<std::unique_ptr<DiskTier>> open(DiskSettings settings);
  /// The same over a database that is open: tests.
  static Result<std::unique_ptr<DiskTier>> open_on(DiskSettings settings,
                                                   std::unique_ptr<DiskDb> db);
  ~DiskTier();
  DiskTier(const DiskTier&) = delete;
  DiskTier& operator=(const DiskTier&) = delete;

  /// What keys are hashed with; the same over restarts.
  const HashKey& key_secret() const noexcept { return secret_; }
  Hash128 hash_of(std::string_view bytes) const noexcept { return siphash128(secret_, bytes); }
  /// Names of things in the index.
  std::uint64_t mark_of_tag(std::string_view tag) const { return tag_mark(secret_, tag); }
  std::uint64_t mark_of_host(std::string_view host) const { return host_mark(secret_, host); }

  // Any thread, never blocking.
  /// `here` has filled `out`, with living variants only. The caller compares out->key, and counts.
  Probe probe(const Hash128& key, KeyRecord* out);
  /// `variant`: hash_of(selecting values).
  Probe probe_variant(const Hash128& key, const Hash128& variant, StoredVariant* out);
  /// A request asks for it, wherever it is found.
  void note_asked(const Hash128& key) noexcept { asked_.note(key); }
  /// False: the tier is full, and nobody asked for it before.
  bool is_worth_storing(const Hash128& key) const noexcept;
  /// A hit: its second chance when its segment goes.
  void touch(const Hash128& key, const Hash128& variant) noexcept { hits_->touch(key, variant); }
  bool failed() const noexcept { return fault_.failed(); }
  DiskStatus status() const;

  // io threads.
  Result<KeyRecord> read_key(const Hash128& key);
  Result<StoredVariant> read_variant(const Hash128& key, const Hash128& variant);
  /// Exactly these bytes, verified; follows the body if it has been moved meanwhile.
  Result<std::vector<Slice>> read_body(const BodyPlace& body, std::uint64_t offset,
                                       std::uint64_t length);
  /// The same of a body that is not complete; at most up to body.written().
  Result<std::vector<Slice>> read_growing(const GrowingBody& body, std::uint64_t offset,
                                          std::uint64_t length);
  /// Each variant that may carry the tag or belong to the host (the caller looks at its Meta);
  /// until `fn` says false.
  Result<void> for_each_in_index(std::uint64_t mark, const std::function<bool(const MetaRow&)>& fn);
  /// All living variants, until `fn` says false; a page of them is read at a time, and nothing of
  /// the database is held while `fn` runs.
  Result<void>
  for_each_variant(const std::function<bool(const MetaRow&, const StoredVariant&)>& fn);

  // Any thread; carried out in order by the storage thread.
  /// Nothing: the tier is off; what it has under the key goes before it is used again.
  std::unique_ptr<DiskStore> begin_store(const Hash128& key);
  void remove(const Hash128& key, DiskDone done = nullptr);
  void remove_variant(const Hash128& key, const Hash128& variant, DiskDone done = nullptr);
  /// A new head (a 304) over the stored body.
  void update_meta(const Hash128& key, const Hash128& variant, const Meta& meta,
                   DiskDone done = nullptr);
  /// Unless it is newer than the purge.
  void purge_variant(const Hash128& key, const Hash128& variant, const VariantPurge& purge,
                     DiskDone done = nullptr);
  /// `done`: everything asked before is durable.
  void flush(DiskDone done);
  /// Waits for it (stop, tests). Not on the storage thread.
  Result<void> flush();
  /// `done`: the same, at the next flush, which it does not hasten.
  void when_flushed(DiskDone done);
  /// Waits until everything asked before can be found. Not on the storage thread.
  Result<void> settle();

private:
  Result<void> open_database();
  Result<void> renew(const std::string& why);
  /// Reads the tier's own facts. Code::corrupt: not a database of this layout.
  Result<void> read_facts();
  Result<void> find_segments();
  Result<std::vector<BodyRow>> first_rows(Family family, std::uint32_t from);
  void start();

  struct FoundVariant {
    MetaRow row;
    StoredVariant stored;
  };
  /// The next living variants in the order of their rows, and the row to go on from; empty: the
  /// end.
  Result<std::vector<FoundVariant>> read_page(std::string& from);
  Probe probe_row(const std::string& row, std::string& value);
  Result<Slice> read_row(Family family, const std::string& row);
  /// A dead one: Code::not_found; a damaged one: Code::corrupt.
  Result<StoredVariant> living(const std::string& row, std::string_view bytes);
  Result<Slice> read_chunk(const BodyPlace& body, std::uint64_t index, std::size_t skip,
                           std::size_t length);
  /// Counts, logs and removes what is damaged. Code::corrupt.
  Error damaged(std::string_view what, const Hash128& key, const Hash128* variant);

  // Constant once open.
  const DiskSettings settings_;
  HashKey secret_;
  const HashKey id_key_ = HashKey::random(); // makes the ids of bodies
  Frequency asked_;

  // Any thread: atomics, or safe by themselves. In the order of construction.
  std::unique_ptr<DiskLock> lock_;
  DiskFault fault_;
  std::unique_ptr<Segments> segments_;
  std::unique_ptr<LiveRows> live_rows_;
  std::unique_ptr<HitSet> hits_;
  std::unique_ptr<DiskDb> db_;
  std::unique_ptr<DiskStorage> storage_;
  std::unique_ptr<DiskWriter> writer_;
  std::atomic<std::uint64_t> ids_{0};
};

} // namespace weir::cache
