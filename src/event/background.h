// SPDX-License-Identifier: Apache-2.0
//
// BackgroundPool: threads for work that blocks (RocksDB reads, building a Generation). A bounded
// queue: a full one refuses, nobody waits. Replies go by Mailbox. Owner: Server. submit(): any
// thread. The destructor lets running jobs end and drops those not begun.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "event/mailbox.h"
#include "metrics/metrics.h"

namespace weir::event {

class BackgroundPool {
public:
  /// `on_thread_start` runs first on each thread (error log, counters); `nice` is added to its
  /// priority.
  /// `refused` counts the jobs for which there was no room.
  BackgroundPool(std::string name, std::size_t threads, std::size_t queue_limit, int nice,
                 std::function<void()> on_thread_start,
                 std::optional<metrics::Metric> refused = std::nullopt);
  ~BackgroundPool();
  BackgroundPool(const BackgroundPool&) = delete;
  BackgroundPool& operator=(const BackgroundPool&) = delete;

  /// False: the queue is full or the pool is stopping; the job is dropped.
  bool submit(Job job);
  std::size_t queued() const;
  /// For a job that takes long: whether it is to end now.
  bool stopping() const;

private:
  void work(std::size_t index);

  const std::string name_;
  const std::size_t queue_limit_;
  const int nice_;
  const std::function<void()> on_thread_start_;
  const std::optional<metrics::Metric> refused_;
  mutable std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<Job> queue_; // guarded by mutex_
  bool stopping_ = false; // guarded by mutex_
  std::vector<std::thread> threads_;
};

} // namespace weir::event
