// SPDX-License-Identifier: Apache-2.0
#include "log/partition_keeper.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "base/errlog.h"
#include "log/sqlite_partition.h"
#include "metrics/metrics.h"

namespace weir::log {

namespace {

/// 8 MiB: then a checkpoint; without it one comes with each round that finds something written.
constexpr std::size_t kCheckpointPages = 1'024;
constexpr auto kRound = std::chrono::seconds(30);

} // namespace

PartitionKeeper::PartitionKeeper(std::string directory, Retention retention,
                                 std::function<void()> on_thread_start)
    : directory_(std::move(directory)), on_thread_start_(std::move(on_thread_start)),
      retention_(retention) {
  // What an earlier run left: closed, whatever state it is in.
  if (auto found = list_partitions(directory_)) {
    for (PartitionFile& p : *found) {
      closed_.push_back(std::move(p.path));
    }
  }
  thread_ = std::thread([this] { work(); });
}

PartitionKeeper::~PartitionKeeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_one();
  thread_.join();
}

void PartitionKeeper::opened(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (!open_.empty()) {
    closed_.push_back(std::move(open_));
  }
  open_ = path;
  wal_pages_ = 0;
  wanted_.notify_one();
}

void PartitionKeeper::written(std::size_t wal_pages) {
  std::lock_guard lock(mutex_);
  bool before = wal_pages_ >= kCheckpointPages;
  wal_pages_ = wal_pages;
  if (!before && wal_pages_ >= kCheckpointPages) {
    wanted_.notify_one();
  }
}

void PartitionKeeper::set_retention(Retention retention) {
  std::lock_guard lock(mutex_);
  retention_ = retention;
  ++asked_;
  wanted_.notify_one();
}

void PartitionKeeper::settle() {
  std::unique_lock lock(mutex_);
  std::uint64_t mine = ++asked_;
  wanted_.notify_one();
  settled_.wait(lock, [&] { return done_ >= mine; });
}

PartitionKeeper::Totals PartitionKeeper::totals() const {
  std::lock_guard lock(mutex_);
  return totals_;
}

void PartitionKeeper::work() {
  ::pthread_setname_np(::pthread_self(), "weir-log-keep");
  if (on_thread_start_) {
    on_thread_start_();
  }
  std::unique_lock lock(mutex_);
  for (bool first = true;; first = false) {
    if (!first) {
      wanted_.wait_for(lock, kRound, [this] {
        return stopping_ || asked_ > done_ || !closed_.empty() || wal_pages_ >= kCheckpointPages;
      });
    }
    bool last = stopping_;
    std::uint64_t round = asked_;
    std::vector<std::string> closed = std::exchange(closed_, {});
    bool checkpoint = std::exchange(wal_pages_, 0) > 0 && !open_.empty();
    std::string open = open_;
    Retention retention = retention_;
    lock.unlock();
    for (const std::string& path : closed) {
      finish(path);
    }
    if (checkpoint) {
      if (auto r = checkpoint_partition(open); !r) {
        log_debug("log: checkpoint of {}: {}", open, to_string(r.error()));
      }
    }
    retain(open, retention);
    lock.lock();
    done_ = round;
    settled_.notify_all();
    if (last && closed_.empty()) {
      return;
    }
  }
}

void PartitionKeeper::finish(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) {
    return; // removed from outside, or by retention
  }
  std::string why;
  if (auto r = finish_partition(path, why); !r) {
    log_warn("log: {} stays as it is, with its WAL: {}", path, why);
  }
}

void PartitionKeeper::retain(const std::string& open, const Retention& retention) {
  auto found = list_partitions(directory_);
  if (!found) {
    return; // the writer notices, and says so
  }
  Totals totals{found->size(), 0};
  for (const PartitionFile& p : *found) {
    totals.bytes += p.bytes;
  }
  Clock::tick();
  for (const PartitionFile& p : expired(*found, retention, Clock::wall(), open)) {
    if (remove_partition(p.path)) {
      log_info("log: {} was removed: too old, or the log too large", p.path);
      --totals.partitions;
      totals.bytes -= p.bytes;
    }
  }
  metrics::set(metrics::Metric::log_partitions, static_cast<std::int64_t>(totals.partitions));
  metrics::set(metrics::Metric::log_bytes, static_cast<std::int64_t>(totals.bytes));
  std::lock_guard lock(mutex_);
  totals_ = totals;
}

} // namespace weir::log
