// SPDX-License-Identifier: Apache-2.0
//
// SqliteWriter: the access log.  One thread drains the workers' rings every 200 ms (sooner under
// load) in the order of time, at most 4,096 records a transaction, into partitions of an hour or
// 1 GiB; it also writes the JSON file and feeds live subscriptions.
//
// No request ever waits for the log: a full ring drops, and a log that cannot be written (disk
// full, directory gone) loses rows, counts them, says so once, and goes on in a new partition as
// soon as it can. Row ids are the times of completion, never smaller than the one before.
//
// Owner: Server. All functions: any thread. The destructor, after the workers have ended, drains
// the rings and closes. Rings live as long as the writer.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/json_writer.h"
#include "log/partition_keeper.h"
#include "log/ring.h"
#include "log/sqlite_partition.h"
#include "log/subscription.h"

namespace weir::log {

struct WriterSettings {
  std::string directory; // of the partitions; empty: no SQLite log
  Retention retention{std::chrono::hours(24 * 30), 10'000'000'000};
  std::uint64_t partition_bytes = std::uint64_t{1} << 30;
  Duration partition_age = std::chrono::hours(1);
  std::size_t dictionary_cap = Partition::kDictionaryCap;
  Duration interval = std::chrono::milliseconds(200);
  /// How often to see whether the file is still there, and how soon to try again what failed.
  Duration retry = std::chrono::seconds(1);
  std::string json_path;                 // empty: no JSON file
  std::function<void()> on_thread_start; // first on each thread: error log, counters; may be empty
};

struct WriterStatus {
  std::uint64_t rows = 0;     // written by this run
  std::uint64_t dropped = 0;  // by full rings, and while the log could not be written
  Duration lag{};             // age of the oldest record that waits
  std::size_t partitions = 0; // files, and their bytes together
  std::uint64_t bytes = 0;
  bool failing = false;   // cannot be written now
  std::string last_error; // why it could not be written the last time; empty: never
  std::string partition;  // the file that is written now
};

class SqliteWriter {
public:
  explicit SqliteWriter(WriterSettings settings);
  ~SqliteWriter();
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;

  /// For a worker, before it begins. Its thread alone pushes.
  LogRing& make_ring(std::size_t bytes = LogRing::kDefaultBytes);
  Subscriptions& subscriptions() noexcept { return subscriptions_; }
  /// Returns when everything pushed before is written (or lost).
  void flush();
  /// The same, and partitions that were closed are one file each, and retention was applied.
  void settle();
  /// SIGUSR1: the JSON file is opened anew.
  void reopen() noexcept;
  void set_retention(Retention retention);
  WriterStatus status() const;

private:
  void work();
  std::size_t drain();
  std::size_t batch();
  template <class F> std::size_t for_batch(F&& each);
  bool write_rows(std::size_t& rows);
  void pass_on();
  void rewind();
  bool open_partition(std::int64_t time_us);
  bool partition_is_full(std::int64_t time_us);
  void close_partition();
  void failed(std::string_view why);
  void recovered();
  void tell_drops();

  const WriterSettings settings_;
  JsonWriter json_;
  Subscriptions subscriptions_;

  /// A ring as the log thread reads it.
  struct Source {
    LogRing* ring;
    std::uint64_t end; // records behind this position are for the next batch
  };

  // The log thread only.
  std::vector<Source> sources_;
  std::unique_ptr<Partition> partition_;
  std::int64_t partition_hour_ = 0; // of its first row
  MonoTime partition_opened_{};
  MonoTime look_at_{}; // when to see whether the file is still there
  std::int64_t last_rowid_ = 0;
  MonoTime retry_at_{};
  std::uint64_t lost_since_failure_ = 0;
  std::uint64_t told_drops_ = 0;
  MonoTime tell_drops_at_{};

  mutable std::mutex mutex_;
  std::condition_variable wanted_;
  std::condition_variable flushed_;
  std::vector<std::unique_ptr<LogRing>> rings_; // guarded by mutex_
  WriterStatus status_;                         // guarded by mutex_
  std::int64_t oldest_waiting_us_ = 0;          // guarded by mutex_: 0: nothing waits
  std::uint64_t flush_asked_ = 0;               // guarded by mutex_
  std::uint64_t flush_done_ = 0;                // guarded by mutex_
  bool stopping_ = false;                       // guarded by mutex_

  std::unique_ptr<PartitionKeeper> keeper_; // constant after construction; none without directory
  std::thread thread_;
};

} // namespace weir::log
