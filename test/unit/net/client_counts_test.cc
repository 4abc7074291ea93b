// SPDX-License-Identifier: Apache-2.0
#include "net/client_counts.h"

#include <thread>
#include <vector>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::net;

namespace {

Address at(const char* text) { return *Address::parse(text, 1234); }

} // namespace

TEST_CASE("W9.5 no more than the limit are let in, and who waits is told of room") {
  ClientCounts counts;
  int told = 0;
  counts.on_room([&told] { ++told; });
  counts.set_most(2, 0);
  CHECK((counts.reserve() && counts.reserve()));
  CHECK_FALSE(counts.reserve());
  CHECK(counts.all() == 2);
  counts.unreserve();
  CHECK(told == 1);
  CHECK(counts.reserve());
  counts.unreserve(); // nobody has asked in vain since
  CHECK(told == 1);
  CHECK(counts.reserve());
  CHECK_FALSE(counts.reserve());
  counts.set_most(3, 0); // a reload
  CHECK(told == 2);
  CHECK(counts.reserve());
  counts.set_most(1, 0);
  CHECK_FALSE(counts.reserve());
  counts.unreserve(); // still more than there may be: told, and found full again
  CHECK(told == 3);
  CHECK_FALSE(counts.reserve());
  counts.set_most(0, 0);
  CHECK(counts.reserve());
}

TEST_CASE("W9.5 each client has its own count: an IPv4 address, an IPv6 /64") {
  ClientCounts counts;
  counts.set_most(0, 2);
  auto enter = [&counts](const char* text) { return counts.reserve() && counts.enter(at(text)); };
  CHECK((enter("192.0.2.1") && enter("192.0.2.1")));
  CHECK_FALSE(enter("192.0.2.1"));
  counts.unreserve();
  CHECK(enter("192.0.2.2"));
  CHECK((enter("2001:db8:0:1::1") && enter("2001:db8:0:1:ffff::9")));
  CHECK_FALSE(enter("2001:db8:0:1:8000::"));
  counts.unreserve();
  CHECK(enter("2001:db8:0:2::1"));
  CHECK(counts.of(at("2001:db8:0:1::")) == 2);
  CHECK(counts.all() == 6);
  counts.leave(at("192.0.2.1"));
  CHECK(counts.of(at("192.0.2.1")) == 1);
  CHECK(enter("192.0.2.1"));
  for (const char* each : {"192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8:0:1::1",
                           "2001:db8:0:1::1", "2001:db8:0:2::1"}) {
    counts.leave(at(each));
  }
  CHECK(counts.all() == 0);
  counts.leave(at("192.0.2.1")); // never entered
  CHECK(counts.all() == 0);
}

TEST_CASE("W9.5 the bound holds among threads, and nobody waits beside a free place") {
  constexpr std::uint32_t kMost = 3;
  constexpr int kThreads = 8;
  constexpr int kRounds = 5000;
  ClientCounts counts;
  std::atomic<std::uint64_t> told{0};
  std::atomic<std::uint32_t> inside{0};
  std::atomic<bool> exceeded{false};
  counts.on_room([&told] {
    ++told;
    told.notify_all();
  });
  counts.set_most(kMost, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        for (std::uint64_t before = told; !counts.reserve(); before = told) {
          told.wait(before);
        }
        exceeded = exceeded || ++inside > kMost;
        --inside;
        counts.unreserve();
      }
    });
  }
  for (std::thread& each : threads) {
    each.join();
  }
  CHECK_FALSE(exceeded);
  CHECK(counts.all() == 0);
}
