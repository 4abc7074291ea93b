// SPDX-License-Identifier: Apache-2.0
//
// Directory: what is stored or being fetched under each key: variants, Fills, hit-for-miss marks;
// and the memory tier's bound, kept by SIEVE (a hit sets one bit). DESIGN §6.4, §7.
//
// Owner: Server. Any thread: 64 shards by key hash, a mutex each, held for a probe, never across
// I/O. Lock order: a shard, then a Fill's mutex.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/sized.h"
#include "cache/claim.h"
#include "cache/entry.h"
#include "cache/fill.h"

namespace weir::cache {

/// Opens the disk's copy of a body, or nothing.
using StoreFactory =
    std::function<std::unique_ptr<BodyStore>(const Hash128& hash, const FillHead& head)>;

struct DirectoryLimits {
  std::uint64_t memory = 64 << 20; // bytes of all Entries, keys and marks
  std::uint64_t fills = 256 << 20; // bytes of all Fills
  std::size_t variants = 64;       // of one key
  std::size_t marks = 100'000;     // hit-for-miss keys remembered
  Duration mark_time = std::chrono::seconds(120);
};

struct DirectoryStats {
  std::uint64_t entries = 0;
  std::uint64_t entry_bytes = 0;
  std::uint64_t fill_bytes = 0;
  std::uint64_t keys = 0;
  std::uint64_t marks = 0;
  std::uint64_t evictions = 0;
};

class Directory {
public:
  explicit Directory(const DirectoryLimits& limits);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// Before the first claim: where bodies are copied to.
  void set_store(StoreFactory factory) { store_factory_ = std::move(factory); }
  /// Who is told of an entry that a 304 refreshed.
  void set_refresh(std::function<void(const Entry&)> refresh) { refresh_ = std::move(refresh); }
  void refreshed(const Entry& entry) const {
    if (refresh_) {
      refresh_(entry);
    }
  }

  /// The hot path: the variant of `key` that matches, newest first, fresh or not. Allocates
  /// nothing.
  Ref<const Entry> find(std::string_view key, const Hash128& hash, Selector& selector);
  /// What find() and claim() would come upon, without a trace of having looked.
  struct Glance {
    Ref<const Entry> entry; // the variant that matches
    bool others = false;    // there are variants, and none matches
    bool marked = false;    // hit-for-miss
    bool arriving = false;  // a Fill that may be joined
  };
  Glance glance(std::string_view key, const Hash128& hash, Selector& selector);
  /// All variants of a key.
  std::vector<Ref<const Entry>> variants(std::string_view key, const Hash128& hash);

  /// Whether this variant is there.
  bool has(std::string_view key, const Hash128& hash, std::string_view selecting) const;

  /// For an exchange that found nothing fresh: `known` is the stale entry it has seen, or null. A
  /// lead must start, end or fail its Fill. `loop`: the caller's own.
  Claim claim(std::string_view key, const Hash128& hash, Selector& selector, const Entry* known,
              event::Loop& loop);

  /// For a key with a mark, whose answer may be stored after all: a Fill to lead, unless the key
  /// was purged since. And for one whose answer may not: the mark holds on.
  FillReader lead_marked(std::string_view key, const Hash128& hash, const Moment& since,
                         event::Loop& loop);
  /// The same, of a key without a mark: taken before the fetch begins.
  Moment moment(const Hash128& hash) const;
  void mark(const Hash128& hash);

  /// Puts an entry in place of the variant it replaces, unless a newer purge matches; evicts.
  void insert(Ref<Entry> entry);
  /// The same for what a Fill has become; not if the Fill was doomed.
  void replace(Fill& fill, const Ref<const Entry>& entry);
  /// The same for a part of a body: joined with what is stored of it under the same strong
  /// validator (RFC 9111 §3.4), else in its place. `most`: bytes of all parts.
  void add_part(Fill& fill, const Meta& meta, Part part, std::uint64_t most);
  /// Drops all variants, dooms all Fills of a key. How many entries went. `hold`: what the disk
  /// still has under the key is not to be believed until release().
  std::size_t remove(std::string_view key, const Hash128& hash, bool hold = false);
  /// Drops the variant that `like` is of, and no Fill.
  void remove_variant(const Hash128& hash, const Meta& like, bool hold = false);
  void release(const Hash128& hash);
  /// For a read of the disk: taken before it begins, and compared after.
  struct DiskEpoch {
    std::uint64_t removals = 0;
    bool held = false;
  };
  DiskEpoch disk_epoch(const Hash128& hash) const;
  /// Whether what was read since `before` may be used.
  bool still_valid(const Hash128& hash, const DiskEpoch& before) const {
    DiskEpoch now = disk_epoch(hash);
    return !before.held && !now.held && now.removals == before.removals;
  }
  /// Puts `newer` in the place of `old`, if that still is in the store.
  bool renew(const Entry& old, Ref<Entry> newer);
  /// All entries of one of kShards parts, as they are now.
  static constexpr std::size_t kShards = 64;
  std::vector<Ref<const Entry>> entries(std::size_t part) const;
  /// Drops one variant, if it still is this one (a body that turned out damaged).
  void drop(const Entry& entry);

  /// Who takes out what the origin has replaced by something that nobody may store.
  void set_withdraw(std::function<void(const Entry&)> remove) { withdraw_ = std::move(remove); }
  void withdraw(const Entry& entry) const {
    if (withdraw_) {
      withdraw_(entry);
    }
  }

  /// Who is told each time a 16th of the memory has come in or gone out; under locks of ours.
  void set_moved(std::function<void()> told) { moved_ = std::move(told); }
  /// What entries may take of the memory from now on. Main thread; evicts what is more.
  void set_room(std::uint64_t bytes);
  std::uint64_t room() const noexcept { return room_.load(std::memory_order_relaxed); }
  std::uint64_t used() const noexcept { return entry_bytes_.load(std::memory_order_relaxed); }
  /// Who is told of what has been put in place.
  void set_placed(std::function<void(Ref<const Entry>)> told) { placed_ = std::move(told); }
  /// Who is told of what was given to the store with commit().
  void set_committed(std::function<void(const Hash128&, const Meta&)> told) {
    committed_ = std::move(told);
  }
  void committed(const Hash128& hash, const Meta& meta) const {
    if (committed_) {
      committed_(hash, meta);
    }
  }

  // Fetches older than a purge: each Fill belongs to the era it began in. An era passes when no
  // Fill of the one before is left; after kErasToSettle, none is left that read an older number.
  static constexpr std::uint64_t kErasToSettle = 3;
  std::uint64_t era() const noexcept { return era_.load(); }
  /// One thread at a time.
  void pass_era() noexcept;

  // For Fill.
  std::uint64_t enter_era() noexcept;
  void leave_era(std::uint64_t era) noexcept { fills_of_era_[era & 1].fetch_sub(1); }
  bool head_arrived(Fill& fill, const FillHead& head);
  std::unique_ptr<BodyStore> begin_store(const Hash128& hash, const FillHead& head);
  void unlist(Fill& fill);
  void close_to_joiners(Fill& fill);
  void take_fill_bytes(std::uint64_t n) noexcept;
  void release_fill_bytes(std::uint64_t n) noexcept;

  /// The number of the newest purge: a Fill takes it when it begins.
  void set_purge_number(std::uint64_t n) noexcept { purge_number_.store(n); }
  std::uint64_t purge_number() const noexcept { return purge_number_.load(); }
  /// A Fill that began before this purge is joined by nobody any more.
  void set_join_from(std::uint64_t n) noexcept { join_from_.store(n); }

  DirectoryStats stats() const;

private:
  /// Of a key: what goes on besides its being stored.
  struct Affairs {
    std::vector<Fill*> fills; // listed ones
    MonoTime marked_until{};
    std::uint32_t held = 0; // removals that the disk has not carried out
  };
  struct Record {
    Ref<Entry> variants;              // newest first
    std::unique_ptr<Affairs> affairs; // null: none
    Affairs& make_affairs();
    bool marked() const noexcept { return affairs && affairs->marked_until != MonoTime{}; }
    bool held() const noexcept { return affairs && affairs->held > 0; }
  };
  // What the heap takes for a key beside its entries: a node, a bucket or two; and for a mark.
  static constexpr std::size_t kRecordCost =
      heap_bytes(sizeof(void*) + sizeof(std::pair<const Hash128, Record>)) + 2 * sizeof(void*);
  static constexpr std::size_t kMarkCost = heap_bytes(sizeof(Affairs));

  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<Hash128, Record> records;
    List<Entry, SieveTag> sieve; // newest at the front
    Entry* hand = nullptr;
    std::uint64_t entries = 0;
    std::size_t marks = 0;
    std::uint64_t removals = 0;
  };

  Shard& shard(const Hash128& hash) noexcept { return shards_[hash.high % shards_.size()]; }
  const Shard& shard(const Hash128& hash) const noexcept {
    return shards_[hash.high % shards_.size()];
  }
  static Entry* match(Record& record, std::string_view key, Selector& selector);
  Fill* joinable(Record& record, std::string_view key, Selector& selector, bool& closed);
  Record& record_of(Shard& shard, const Hash128& hash);
  static Entry* variant(Record& record, const Meta& like);
  void place(Shard& shard, Ref<Entry> entry);
  void take_out(Shard& shard, Record& record, Entry& entry);
  /// Under the shard's lock. The record there is, or null.
  Record* begin_removal(Shard& shard, const Hash128& hash, bool hold);
  enum class Sieved { nothing, spared, evicted };
  Sieved sieve_one(Shard& shard);
  void evict();
  void tidy(Shard& shard, const Hash128& hash);
  void mark(Shard& shard, Record& record);
  void unmark(Shard& shard, Record& record);
  void take_bytes(std::size_t n) noexcept;
  void release_bytes(std::size_t n) noexcept;
  void note_moved(std::size_t n) noexcept;

  const DirectoryLimits limits_;
  StoreFactory store_factory_;
  std::function<void(const Entry&)> refresh_;
  std::function<void(const Entry&)> withdraw_;
  std::function<void(const Hash128&, const Meta&)> committed_;
  std::function<void(Ref<const Entry>)> placed_;
  std::function<void()> moved_;
  std::atomic<std::uint64_t> join_from_{0};
  std::atomic<std::uint64_t> era_{2};
  std::array<std::atomic<std::int64_t>, 2> fills_of_era_{};
  std::array<Shard, kShards> shards_;
  std::atomic<std::uint64_t> room_;
  std::atomic<std::uint64_t> entry_bytes_{0};
  std::atomic<std::uint64_t> fill_bytes_{0};
  std::atomic<std::uint64_t> purge_number_{0};
  std::atomic<std::uint64_t> evictions_{0};
  std::atomic<std::uint64_t> moved_bytes_{0}; // in and out
  std::atomic<std::size_t> evict_turn_{0};    // the shard that is next
};

} // namespace weir::cache
