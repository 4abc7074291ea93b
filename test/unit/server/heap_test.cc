// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "server/heap.h"

using namespace weir::server;

namespace {
constexpr std::uint64_t kMB = 1 << 20;
} // namespace

TEST_CASE("an eighth may lie free; what is more comes off the room") {
  constexpr std::uint64_t kBound = 128 * kMB;
  CHECK(room_of({kBound, kBound, kBound}, 0) == kBound);
  CHECK(room_of({kBound, kBound, kBound}, 16 * kMB) == kBound);
  CHECK(room_of({kBound, kBound, kBound}, 26 * kMB) == 118 * kMB);
  // What is not used may lie free too.
  CHECK(room_of({kBound, kBound, 80 * kMB}, 60 * kMB) == kBound);
  CHECK(room_of({kBound, kBound, 80 * kMB}, 66 * kMB) == 78 * kMB);
  CHECK(room_of({kBound, kBound, kBound}, 1000 * kMB) == 16 * kMB); // never less
  CHECK(room_of({kBound, 16 * kMB, 10 * kMB}, 1000 * kMB) == 16 * kMB);
}

TEST_CASE("room comes back as the heap gives back") {
  constexpr std::uint64_t kBound = 128 * kMB;
  CHECK(room_of({kBound, 100 * kMB, 100 * kMB}, 44 * kMB) == 100 * kMB);
  CHECK(room_of({kBound, 100 * kMB, 100 * kMB}, 34 * kMB) == 110 * kMB);
  CHECK(room_of({kBound, 100 * kMB, 100 * kMB}, 0) == kBound);
}

TEST_CASE("a tier as small as may be is not held to what is free beside it") {
  CHECK(room_of({kMB, kMB, kMB}, 4 * kMB) == kMB);
}
