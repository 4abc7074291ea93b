// SPDX-License-Identifier: Apache-2.0
#include "origin/health.h"

#include <utility>

namespace weir::origin {

bool Health::note(bool good, std::string what, std::uint32_t rise, std::uint32_t fall) {
  std::lock_guard lock(mutex_);
  last_ = std::move(what);
  State now = state();
  if (now == State::unknown && good) {
    state_.store(State::up, std::memory_order_relaxed);
    in_a_row_ = 0;
    return false;
  }
  if (good == (now != State::down)) {
    in_a_row_ = 0;
    return false;
  }
  if (++in_a_row_ < (good ? rise : fall)) {
    return false;
  }
  in_a_row_ = 0;
  state_.store(good ? State::up : State::down, std::memory_order_relaxed);
  return true;
}

std::string Health::last() const {
  std::lock_guard lock(mutex_);
  return last_;
}

std::string_view name(Health::State state) noexcept {
  switch (state) {
  case Health::State::unknown:
    return "unknown";
  case Health::State::up:
    return "up";
  case Health::State::down:
    return "down";
  }
  return "";
}

} // namespace weir::origin
