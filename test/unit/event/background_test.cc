// SPDX-License-Identifier: Apache-2.0
#include "event/background.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <thread>

#include <catch2/catch.hpp>

using namespace weir;

namespace {

int own_priority() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }

/// Of a thread of a pool with this nice, made by a thread that has `base`.
int priority_of(int nice, int base) {
  int found = 0;
  std::thread([&] {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), base);
    weir::event::BackgroundPool pool("test", 1, 4, nice, {});
    std::promise<int> told;
    pool.submit([&told] { told.set_value(own_priority()); });
    found = told.get_future().get();
  }).join();
  return found;
}

} // namespace

TEST_CASE("nice is counted from the thread that makes the pool") {
  constexpr int kLowest = 19;
  int base = std::min(own_priority() + 3, kLowest);
  CHECK(priority_of(0, base) == base);
  CHECK(priority_of(5, base) == std::min(base + 5, kLowest));
}
