// SPDX-License-Identifier: Apache-2.0
//
// PartitionKeeper: the second thread of the log.  It does what must not hold up the writer:
// checkpoints of the partition that is open, the end of those that were closed (by this run or by
// one that was killed), and retention.
//
// Owner: SqliteWriter, which outlives it. All functions: any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "log/partition_files.h"

namespace weir::log {

class PartitionKeeper {
public:
  PartitionKeeper(std::string directory, Retention retention,
                  std::function<void()> on_thread_start);
  ~PartitionKeeper();
  PartitionKeeper(const PartitionKeeper&) = delete;
  PartitionKeeper& operator=(const PartitionKeeper&) = delete;

  /// The partition that is written now; empty: none. The one before is closed: it becomes one file.
  void opened(const std::string& path);
  /// The open one has this many pages in its WAL.
  void written(std::size_t wal_pages);
  void set_retention(Retention retention);
  /// Returns when all closed partitions are finished and retention was applied.
  void settle();

  struct Totals {
    std::size_t partitions = 0;
    std::uint64_t bytes = 0;
  };
  Totals totals() const;

private:
  void work();
  void finish(const std::string& path);
  void retain(const std::string& open, const Retention& retention);

  const std::string directory_;
  const std::function<void()> on_thread_start_;

  mutable std::mutex mutex_;
  std::condition_variable wanted_;
  std::condition_variable settled_;
  std::string open_;                // guarded by mutex_
  std::vector<std::string> closed_; // guarded by mutex_
  std::size_t wal_pages_ = 0;       // guarded by mutex_
  Retention retention_;             // guarded by mutex_
  Totals totals_;                   // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::uint64_t asked_ = 0;         // guarded by mutex_: rounds that settle() asked for
  std::uint64_t done_ = 0;          // guarded by mutex_
  std::thread thread_;
};

} // namespace weir::log
