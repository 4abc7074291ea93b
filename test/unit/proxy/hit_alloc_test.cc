// SPDX-License-Identifier: Apache-2.0
//
// DESIGN 8.1: a memory hit allocates nothing. A program of its own, since it replaces operator new
// and, where no sanitizer does that already, malloc and its kin.
#define CATCH_CONFIG_MAIN
#include "hit_world.h"

#include <cstdlib>

#include "allocations.h"

namespace weir::proxy::test {
namespace {

constexpr int kWarm = 20;
constexpr int kHits = 1000;

/// Allocations of `rounds` rounds of `request`, each answered by `hits` hits. -1: one was not.
long allocated(HitWorld& world, std::string_view request, std::size_t hits, int rounds) {
  long all = 0;
  for (int i = 0; i < rounds; ++i) {
    if (!world.send(request)) {
      return -1;
    }
    std::size_t before = allocations();
    world.loop().turn(true);
    all += static_cast<long>(allocations() - before);
    if (!HitWorld::is_hits(world.receive(), hits)) {
      return -1;
    }
  }
  return all;
}

TEST_CASE("8.1 what counts allocations counts them") {
  std::size_t before = allocations();
  auto one = std::make_unique<int>(1);
  REQUIRE(allocations() == before + 1);
  before = allocations();
  char* volatile two = static_cast<char*>(std::malloc(100));
  std::size_t after = allocations();
  std::free(two);
  REQUIRE(after == before + (kCountsMalloc ? 1 : 0));
}

TEST_CASE("8.1 a memory hit on a kept connection allocates nothing, log record and all") {
  HitWorld world;
  REQUIRE(allocated(world, kGet, 1, kWarm) >= 0);
  std::size_t logged = world.ring().used();
  REQUIRE(logged > 0);
  REQUIRE(allocated(world, kGet, 1, kHits) == 0);
  REQUIRE(world.ring().used() > logged);
  REQUIRE(world.ring().dropped() == 0);
}

TEST_CASE("8.1 nor do pipelined ones") {
  HitWorld world;
  std::string three = std::string(kGet) + std::string(kGet) + std::string(kGet);
  REQUIRE(allocated(world, three, 3, kWarm) >= 0);
  REQUIRE(allocated(world, three, 3, 100) == 0);
}

TEST_CASE("8.1 nor does a head that comes in two pieces") {
  HitWorld world;
  auto in_two = [&](int rounds) -> long {
    long all = 0;
    for (int i = 0; i < rounds; ++i) {
      std::size_t before = allocations();
      bool sent = world.send(kGet.substr(0, 100));
      world.loop().turn(true);
      sent = sent && world.send(kGet.substr(100));
      world.loop().turn(true);
      all += static_cast<long>(allocations() - before);
      if (!sent || !HitWorld::is_hits(world.receive())) {
        return -1;
      }
    }
    return all;
  };
  REQUIRE(in_two(kWarm) >= 0);
  REQUIRE(in_two(100) == 0);
}

} // namespace
} // namespace weir::proxy::test
