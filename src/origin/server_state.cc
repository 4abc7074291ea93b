// SPDX-License-Identifier: Apache-2.0
#include "origin/server_state.h"

#include <algorithm>

namespace weir::origin {

bool ServerState::take_slot(std::uint32_t limit) noexcept {
  if (limit == 0) {
    in_use_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  std::uint32_t now = in_use_.load(std::memory_order_relaxed);
  while (now < limit) {
    if (in_use_.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel)) {
      return true;
    }
  }
  return false;
}

void ServerState::release_slot() {
  in_use_.fetch_sub(1, std::memory_order_acq_rel);
  wake_next();
}

void ServerState::wake_next() {
  event::Ticket next;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      return;
    }
    next = waiting_.front();
    waiting_.pop_front();
  }
  next.wake();
}

bool ServerState::wait(const event::Ticket& ticket, std::size_t most) {
  event::Ticket idle;
  {
    std::lock_guard lock(mutex_);
    if (std::find(waiting_.begin(), waiting_.end(), ticket) == waiting_.end()) {
      if (waiting_.size() >= most) {
        return false;
      }
      waiting_.push_back(ticket);
    }
    if (!parked_.empty()) {
      idle = parked_.front();
      parked_.pop_front();
    }
  }
  if (idle) {
    idle.wake();
  }
  return true;
}

bool ServerState::park(const event::Ticket& connection) {
  event::Ticket next;
  {
    std::lock_guard lock(mutex_);
    if (!waiting_.empty()) {
      if (waiting_.front().to != connection.to) {
        return false;
      }
      next = waiting_.front();
      waiting_.pop_front();
    }
    parked_.push_back(connection);
  }
  if (next) {
    next.wake();
  }
  return true;
}

bool ServerState::unpark(const event::Ticket& connection) {
  std::lock_guard lock(mutex_);
  return std::erase(parked_, connection) > 0;
}

bool ServerState::is_parked(const event::Ticket& connection) const {
  std::lock_guard lock(mutex_);
  return std::find(parked_.begin(), parked_.end(), connection) != parked_.end();
}

void ServerState::leave(const event::Ticket& ticket, bool has_slot) {
  {
    std::lock_guard lock(mutex_);
    if (std::erase(waiting_, ticket) > 0) {
      return;
    }
  }
  if (!has_slot) {
    wake_next();
  }
}

std::size_t ServerState::waiting() const {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

std::size_t ServerState::parked() const {
  std::lock_guard lock(mutex_);
  return parked_.size();
}

ServerState& ServerStates::server(const std::string& pool, const std::string& server) {
  std::lock_guard lock(mutex_);
  auto& state = servers_[pool + "/" + server];
  if (!state) {
    state = std::make_unique<ServerState>();
  }
  return *state;
}

PoolState& ServerStates::pool(const std::string& pool) {
  std::lock_guard lock(mutex_);
  auto& state = pools_[pool];
  if (!state) {
    state = std::make_unique<PoolState>();
  }
  return *state;
}

} // namespace weir::origin
