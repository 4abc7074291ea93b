// SPDX-License-Identifier: Apache-2.0
//
// For tests of net: a task that counts its runs, and turning a loop until something is true, with
// an end if it never is.
#pragma once

#include <functional>

#include "event/deadline.h"
#include "event/loop.h"

namespace weir::net::test {

class CountingTask final : public event::Task {
public:
  void run() override { ++runs; }
  int runs = 0;
};

/// Turns until `until` is true: false if that takes 10 s.
inline bool turn_until(event::Loop& loop, const std::function<bool()>& until) {
  CountingTask guard_task;
  event::Deadline guard;
  guard.arm(loop, std::chrono::seconds(10), guard_task);
  while (!until()) {
    if (guard.passed()) {
      return false;
    }
    loop.turn(true);
  }
  return true;
}

} // namespace weir::net::test
