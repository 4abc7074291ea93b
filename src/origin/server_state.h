// SPDX-License-Identifier: Apache-2.0
//
// ServerState: what changes about a server of a pool: slots in use, who waits for one, counts,
// health.
// ServerStates: all of them by name, so that they go on over a reload.
//
// Owner: Server (the process). Any thread: atomics, one mutex for the queue.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "event/loop.h"
#include "origin/health.h"

namespace weir::origin {

class ServerState {
public:
  /// `limit` 0: none. False: all are in use; wait() then says when to ask again.
  bool take_slot(std::uint32_t limit) noexcept;
  void release_slot();
  /// Wakes this ticket when a slot may be free. Asking in vain again goes to the end of the queue.
  /// An idle connection that holds a slot, on whatever worker, is asked to end. False: `most` wait
  /// already.
  bool wait(const event::Ticket& ticket, std::size_t most = SIZE_MAX);
  /// It waits no longer. Without a slot, a wake that was meant for it goes on to the next.
  void leave(const event::Ticket& ticket, bool has_slot);

  /// An idle connection keeps its slot, and this ticket names it. False: somebody on another worker
  /// waits, who cannot use it: it must end. Who waits on its own worker is woken to take it.
  bool park(const event::Ticket& connection);
  /// It is used again, or ends. False: it had been asked to end.
  bool unpark(const event::Ticket& connection);
  bool is_parked(const event::Ticket& connection) const;

  void count_request() noexcept { requests_.fetch_add(1, std::memory_order_relaxed); }
  void count_failure() noexcept { failures_.fetch_add(1, std::memory_order_relaxed); }
  /// Slots taken, those of idle connections among them.
  std::uint32_t in_use() const noexcept { return in_use_.load(std::memory_order_relaxed); }
  std::uint64_t requests() const noexcept { return requests_.load(std::memory_order_relaxed); }
  std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }
  std::size_t waiting() const;
  std::size_t parked() const;
  Health& health() noexcept { return health_; }

private:
  void wake_next();

  std::atomic<std::uint32_t> in_use_{0};
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> failures_{0};
  Health health_;
  mutable std::mutex mutex_;
  std::deque<event::Ticket> waiting_; // guarded by mutex_
  std::deque<event::Ticket> parked_;  // guarded by mutex_: idle, the longest first
};

/// Where round robin stands; shared by the workers.
struct PoolState {
  std::atomic<std::uint32_t> cursor{0};
};

class ServerStates {
public:
  ServerState& server(const std::string& pool, const std::string& server);
  PoolState& pool(const std::string& pool);

private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<ServerState>> servers_; // guarded by mutex_
  std::map<std::string, std::unique_ptr<PoolState>> pools_;     // guarded by mutex_
};

} // namespace weir::origin
