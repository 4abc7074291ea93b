// SPDX-License-Identifier: Apache-2.0
//
// Subscription: a live view of the log, as JSON lines (weirctl tail).  The log thread offers each
// record; those that match the filter wait here, bounded, until the owner takes them. One that is
// too slow loses lines and can tell how many; the log itself never waits.
//
// Owner: an AdminSession, whose task the ticket wakes. A Subscription must be gone before its
// SqliteWriter. take(), dropped(): any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "event/loop.h"
#include "log/filter.h"
#include "log/record.h"

namespace weir::log {

class Subscription;

/// All live subscriptions of one log. Owner: SqliteWriter.
class Subscriptions {
public:
  Subscriptions() = default;
  Subscriptions(const Subscriptions&) = delete;
  Subscriptions& operator=(const Subscriptions&) = delete;

  /// Any thread, cheap.
  bool empty() const noexcept { return count_.load(std::memory_order_relaxed) == 0; }
  // The log thread.
  void offer(const AccessRecord& record);
  /// Wakes those that got something since the last time.
  void wake();

private:
  friend class Subscription;
  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;
  std::vector<Subscription*> all_; // guarded by mutex_
};

class Subscription {
public:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;

  /// An empty ticket wakes nobody: the owner looks by itself.
  Subscription(Subscriptions& log, std::optional<Filter> filter, event::Ticket ticket,
               std::size_t most_bytes = kMostBytes);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  /// The lines that came since the last time, each ended by a newline.
  std::string take();
  /// Lines lost since the beginning.
  std::uint64_t dropped() const;

private:
  friend class Subscriptions;
  void offer(const AccessRecord& record);

  Subscriptions& log_;
  const std::optional<Filter> filter_;
  const event::Ticket ticket_;
  const std::size_t most_bytes_;
  bool fresh_ = false; // log thread only: got something since the last wake
  mutable std::mutex mutex_;
  std::string lines_;         // guarded by mutex_
  std::uint64_t dropped_ = 0; // guarded by mutex_
};

} // namespace weir::log
