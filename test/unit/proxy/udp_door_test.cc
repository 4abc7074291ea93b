// SPDX-License-Identifier: Apache-2.0
//
// The table of UDP sessions: what begins one, whose it is, what ends it.
#include "proxy/udp_door.h"

#include "udp_world.h"

namespace weir::proxy::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a session is one client at one listener: its datagrams go one way, its answers back") {
  UdpWorld world;
  UdpEnd first, second;
  CHECK(world.pass(first, world.at[0], "a") == "a");
  const Address name = world.server.from();
  CHECK(world.answer(first, "b") == "b");
  CHECK(first.from() == world.at[0]);
  CHECK(world.pass(first, world.at[0], "c") == "c");
  CHECK(world.server.from() == name);
  CHECK(world.pass(second, world.at[0], "d") == "d");
  CHECK_FALSE(world.server.from() == name);
  CHECK(world.answer(second, "e") == "e");
  CHECK(first.receive() == "-");
  CHECK(world.doors[0]->sessions() == 2);
}

TEST_CASE("the same client at two listeners has two sessions") {
  UdpWorld world;
  UdpEnd client;
  CHECK(world.pass(client, world.at[0], "one") == "one");
  const Address name = world.server.from();
  CHECK(world.pass(client, world.at[1], "two") == "two");
  CHECK_FALSE(world.server.from() == name);
  CHECK(world.answer(client, "x") == "x");
  CHECK(client.from() == world.at[1]);
  CHECK((world.doors[0]->sessions() == 1 && world.doors[1]->sessions() == 1));
}

TEST_CASE("a session ends when nothing moved for its time, and another begins") {
  UdpWorld world("udp-idle-timeout 30s");
  UdpEnd client;
  CHECK(world.pass(client, world.at[0], "a") == "a");
  const Address name = world.server.from();
  world.advance(29s);
  CHECK(world.answer(client, "moves") == "moves");
  world.advance(29s);
  CHECK(world.pass(client, world.at[0], "b") == "b");
  CHECK(world.server.from() == name);
  world.advance(29s);
  CHECK(world.doors[0]->sessions() == 1);
  world.advance(2s);
  CHECK(world.doors[0]->sessions() == 0);
  CHECK(world.pass(client, world.at[0], "c") == "c");
  CHECK_FALSE(world.server.from() == name);
}

TEST_CASE("no more sessions than there are places; those that are there go on") {
  UdpWorld world("udp-idle-timeout 30s");
  world.places.set_most(2);
  UdpEnd first, second, third;
  CHECK(world.pass(first, world.at[0], "1") == "1");
  CHECK(world.pass(second, world.at[1], "2") == "2"); // one bound for all listeners
  CHECK(world.pass(third, world.at[0], "3") == "-");
  CHECK(world.pass(first, world.at[0], "4") == "4");
  world.advance(31s);
  CHECK(world.pass(third, world.at[0], "5") == "5");
  world.doors[0]->close();
  CHECK(world.doors[0]->sessions() == 0);
  CHECK(world.places.take());
}

TEST_CASE("above memory-limit no session begins; those that are there go on") {
  UdpWorld world;
  UdpEnd first, second;
  CHECK(world.pass(first, world.at[0], "1") == "1");
  world.set_short_of_memory(true);
  CHECK(world.pass(second, world.at[0], "2") == "-");
  CHECK(world.pass(first, world.at[0], "3") == "3");
  world.set_short_of_memory(false);
  CHECK(world.pass(second, world.at[0], "4") == "4");
}

TEST_CASE("when it drains no session begins; those that are there go on") {
  UdpWorld world;
  UdpEnd first, second;
  CHECK(world.pass(first, world.at[0], "1") == "1");
  world.doors[0]->drain();
  CHECK(world.pass(second, world.at[0], "2") == "-");
  CHECK(world.pass(first, world.at[0], "3") == "3");
  CHECK(world.answer(first, "4") == "4");
}

TEST_CASE("a session ends with its last answer where it is known how many come") {
  UdpWorld world("udp-answers 2");
  UdpEnd client;
  CHECK(world.pass(client, world.at[0], "?") == "?");
  CHECK(world.answer(client, "1") == "1");
  CHECK(world.doors[0]->sessions() == 1);
  CHECK(world.answer(client, "2") == "2");
  CHECK(world.doors[0]->sessions() == 0);
}

TEST_CASE("places: as many as said; a quarter of the descriptors where nothing is said") {
  UdpPlaces places;
  places.set_most(1);
  CHECK(places.take());
  CHECK_FALSE(places.take());
  places.set_most(2);
  CHECK(places.take());
  places.set_most(1); // nobody is put out
  places.leave();
  CHECK_FALSE(places.take());
  places.leave();
  CHECK(places.take());
  places.set_most(0);
  CHECK(places.take());
}

} // namespace
} // namespace weir::proxy::test
