// SPDX-License-Identifier: Apache-2.0
//
// A datagram of a session that is there allocates nothing, in either direction.
#include "allocations.h"
#include "udp_world.h"

namespace weir::proxy::test {
namespace {

TEST_CASE("a datagram and its answer allocate nothing") {
  UdpWorld world;
  UdpEnd client;
  const std::string large(9000, 'x');
  std::size_t allocated = 0;
  for (int i = 0; i < 200; ++i) {
    std::size_t before = allocations();
    bool whole = world.pass(client, world.at[0], large) == large;
    whole = whole && world.answer(client, "yes") == "yes";
    allocated += i < 20 ? 0 : allocations() - before; // the first ones begin things
    REQUIRE(whole);
  }
  CHECK(allocated == 0);
}

} // namespace
} // namespace weir::proxy::test
