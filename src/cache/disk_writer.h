// SPDX-License-Identifier: Apache-2.0
//
// DiskWriter: the storage thread and its queue. Everything that writes to the disk tier goes
// through here, in order. DiskFault: whether the tier is off, said once.
//
// A tier that the system refused room is tried again, after a pause that doubles; what it should
// have removed meanwhile goes first (DiskMissed). Damage turns it off until the next start.
//
// Owner: DiskTier. submit(): any thread. Bodies are bounded in bytes: a full queue refuses them;
// commits, removals and flushes are always taken. The destructor carries out what is queued,
// flushes and joins.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "cache/disk_missed.h"
#include "cache/disk_storage.h"

namespace weir::cache {

/// Told on the storage thread how it went. Code::io: the tier is off.
using DiskDone = std::function<void(Result<void>)>;

class DiskFault {
public:
  /// `path`: the tier's folder, for the message and for the mark of damage; empty: no mark.
  explicit DiskFault(std::string path) : path_(std::move(path)) {}

  bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  std::string reason() const;
  /// The tier is absent from now on; the first call writes the one line. Damage is marked in the
  /// folder, so that the next start makes a new database.
  void fail(const Error& error, const std::string& what) noexcept;
  /// What could not be repaired: the next start makes a new database.
  void give_up(const std::string& what) noexcept;
  /// It works again.
  void clear() noexcept;
  /// Off, and it may be tried again.
  bool may_retry() const noexcept { return failed() && !given_up_; }

  static constexpr const char* kMark = "/damaged";

private:
  const std::string path_;
  void mark_damage() const noexcept;

  std::atomic<bool> failed_{false};
  std::atomic<bool> given_up_{false};
  mutable std::mutex mutex_;
  std::string reason_; // guarded by mutex_
};

struct AppendOp {
  Ref<GrowingBody> body;
  Slice slice;
};
struct CommitOp {
  Ref<GrowingBody> body;
  std::unique_ptr<Meta> meta;
};
struct AbandonOp {
  Ref<GrowingBody> body;
};
struct RemoveOp {
  Hash128 key;
  std::optional<Hash128> variant; // none: all
};
struct UpdateOp {
  Hash128 key;
  Hash128 variant;
  std::unique_ptr<Meta> meta;
};
struct PurgeOp {
  Hash128 key;
  Hash128 variant;
  VariantPurge purge;
};
struct FlushOp {};
struct SettleOp {};      // does nothing: what was asked before it is carried out
struct WhenFlushedOp {}; // `done` is for the next flush to call

struct DiskOp {
  std::variant<AppendOp, CommitOp, AbandonOp, RemoveOp, UpdateOp, PurgeOp, FlushOp, SettleOp,
               WhenFlushedOp>
      what;
  DiskDone done;
};

class DiskWriter {
public:
  struct Settings {
    std::uint64_t queue_bytes = 64 << 20;
    std::chrono::microseconds flush = std::chrono::seconds(10);
    std::chrono::microseconds retry = std::chrono::seconds(10); // doubles, up to kMostRetry
    std::function<void()> on_thread_start;
  };
  DiskWriter(DiskStorage& storage, DiskDb& db, DiskFault& fault, Settings settings);
  ~DiskWriter();
  DiskWriter(const DiskWriter&) = delete;
  DiskWriter& operator=(const DiskWriter&) = delete;

  /// False: an append that the queue has no room for, or the tier has failed.
  bool submit(AppendOp op);
  void submit(DiskOp op);
  std::uint64_t queued_bytes() const;

private:
  static constexpr std::chrono::microseconds kMostRetry = std::chrono::minutes(10);
  using SteadyTime = std::chrono::steady_clock::time_point;

  void work();
  /// Waits for the next op; nothing: a flush or a step of the scan is due, or it is time to stop.
  std::optional<DiskOp> next();
  void carry_out(DiskOp& op);
  Result<void> apply(AppendOp& op);
  Result<void> apply(CommitOp& op);
  Result<void> apply(AbandonOp& op);
  Result<void> apply(RemoveOp& op);
  Result<void> apply(UpdateOp& op);
  Result<void> apply(PurgeOp& op);
  Result<void> apply(FlushOp& op);
  Result<void> apply(SettleOp& op);
  Result<void> apply(WhenFlushedOp& op);
  /// A failure that says that the database is broken.
  void judge(const Result<void>& result);
  void idle();
  void flush_if_due(SteadyTime now);
  /// Of an op that was not carried out: what the tier must not keep.
  void note_missed(const DiskOp& op);
  void try_again();
  /// Those that wait for a flush, if there was one or there will be none.
  void tell_flushed();

  DiskStorage& storage_;
  DiskDb& db_;
  DiskFault& fault_;
  const Settings settings_;
  // Storage thread only.
  bool scanning_ = true;
  std::optional<SteadyTime> flush_at_;
  std::optional<SteadyTime> retry_at_; // the tier is off
  std::chrono::microseconds retry_;
  DiskMissed missed_;
  std::vector<DiskDone> when_flushed_;

  mutable std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<DiskOp> queue_;       // guarded by mutex_
  std::uint64_t queued_bytes_ = 0; // guarded by mutex_
  bool stopping_ = false;          // guarded by mutex_
  std::thread thread_;
};

} // namespace weir::cache
