// SPDX-License-Identifier: Apache-2.0
#include "origin/connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::origin;

namespace {

constexpr Duration kLong = std::chrono::minutes(5);

class Counting final : public weir::event::Task {
public:
  void run() override { ++runs; }
  int runs = 0;
};

/// A connection that has just carried a request, and the origin's end of it.
class Link {
public:
  Link(weir::event::Loop& loop, OriginConnections& home, const Address& to,
       weir::event::Task& user) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    origin_ = net::Fd(ends[0]);
    connection = std::make_unique<OriginConn>(home, to);
    REQUIRE(connection->open(loop, net::Fd(ends[1]), user));
    raw = connection.get();
  }
  void says(std::string_view bytes) const {
    REQUIRE(::send(origin_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  void ends() const { ::shutdown(origin_.get(), SHUT_WR); }
  /// Whether weir has closed it.
  bool closed() const {
    char byte;
    ssize_t n = ::recv(origin_.get(), &byte, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
  }

  std::unique_ptr<OriginConn> connection;
  OriginConn* raw = nullptr; // to compare with

private:
  net::Fd origin_;
};

struct Kit {
  weir::event::Loop loop;
  Counting user;
  OriginConnections home{loop, 3};
  Address here = *Address::parse("192.0.2.1", 80);
  Address there = *Address::parse("192.0.2.1", 81);

  Link link() { return link(here); }
  Link link(const Address& to) {
    Link made(loop, home, to, user);
    loop.turn(false); // the first edge: it can be written to
    return made;
  }
  /// One turn for the edge, one for what it woke.
  void turns() {
    loop.turn(false);
    loop.turn(false);
  }
};

} // namespace

TEST_CASE("the connection used last is used again first, for its address only") {
  Kit kit;
  Link a = kit.link();
  Link b = kit.link();
  Link c = kit.link(kit.there);
  kit.home.give(std::move(a.connection), kLong);
  kit.home.give(std::move(b.connection), kLong);
  kit.home.give(std::move(c.connection), kLong);
  CHECK(kit.home.idle() == 3);
  auto first = kit.home.take(kit.here, kit.user);
  auto second = kit.home.take(kit.here, kit.user);
  CHECK(first.get() == b.raw);
  CHECK(second.get() == a.raw);
  CHECK(kit.home.take(kit.here, kit.user) == nullptr);
  CHECK(kit.home.idle() == 1);
  CHECK(first->uses() == 1);
  kit.home.give(std::move(first), kLong);
  CHECK(kit.home.take(kit.here, kit.user)->uses() == 2);
}

TEST_CASE("what is taken wakes its new user, and is not woken for itself") {
  Kit kit;
  Link a = kit.link();
  kit.home.give(std::move(a.connection), kLong);
  Counting next;
  auto taken = kit.home.take(kit.here, next);
  REQUIRE(taken);
  int before = kit.user.runs;
  a.says("HTTP/1.1 200 OK\r\n");
  kit.turns();
  CHECK(next.runs == 1);
  CHECK(kit.user.runs == before);
  CHECK_FALSE(a.closed());
}

TEST_CASE("W6.7 anything that arrives on an idle connection closes it") {
  Kit kit;
  Link a = kit.link();
  SECTION("while it waits") {
    kit.home.give(std::move(a.connection), kLong);
    a.says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    kit.turns();
    CHECK(kit.home.idle() == 0);
    CHECK(a.closed());
  }
  SECTION("in the turn in which it is taken") {
    kit.home.give(std::move(a.connection), kLong);
    a.says("x");
    Counting taker;
    // The task that takes it runs before the connection's own.
    struct Taker final : weir::event::Task {
      Kit& kit;
      bool got = true;
      explicit Taker(Kit& in) : kit(in) {}
      void run() override { got = kit.home.take(kit.here, *this) != nullptr; }
    } task(kit);
    kit.loop.wake(task);
    kit.turns();
    CHECK_FALSE(task.got);
    CHECK(kit.home.idle() == 0);
    CHECK(a.closed());
  }
  SECTION("before it was given back: octets beyond the answer's length") {
    a.says("x");
    kit.loop.turn(false); // the edge is told to the one who uses it
    REQUIRE(a.connection->transport().readable());
    kit.home.give(std::move(a.connection), kLong);
    kit.turns();
    CHECK(kit.home.idle() == 0);
    CHECK(a.closed());
  }
}

TEST_CASE("W6.11 a connection that the origin has ended is not kept and not used again") {
  Kit kit;
  Link a = kit.link();
  SECTION("ended while it waits") {
    kit.home.give(std::move(a.connection), kLong);
    a.ends();
    kit.turns();
  }
  SECTION("ended before it was given back") {
    a.ends();
    kit.loop.turn(false);
    kit.home.give(std::move(a.connection), kLong);
  }
  CHECK(kit.home.idle() == 0);
  CHECK(a.closed());
  CHECK(kit.home.take(kit.here, kit.user) == nullptr);
}

TEST_CASE("an idle connection ends with its time, one in use does not") {
  Kit kit;
  Link idle = kit.link();
  Link used = kit.link();
  constexpr Duration kShort = std::chrono::milliseconds(5);
  kit.home.give(std::move(used.connection), kShort);
  auto taken = kit.home.take(kit.here, kit.user);
  kit.home.give(std::move(idle.connection), kShort);
  Counting guard;
  weir::event::Deadline most;
  most.arm(kit.loop, std::chrono::seconds(10), guard);
  while (kit.home.idle() > 0 && !most.passed()) {
    kit.loop.turn(true);
  }
  CHECK(kit.home.idle() == 0);
  kit.turns();
  CHECK(idle.closed());
  CHECK_FALSE(used.closed());
}

TEST_CASE("no more than so many are kept idle") {
  Kit kit;
  std::vector<Link> links;
  for (int i = 0; i < 4; ++i) {
    links.push_back(kit.link());
    kit.home.give(std::move(links.back().connection), kLong);
  }
  CHECK(kit.home.idle() == 3);
  CHECK(links[3].closed());
  CHECK_FALSE(links[0].closed());
}

TEST_CASE("the idle ones are closed with their owner") {
  weir::event::Loop loop;
  Counting user;
  Address to = *Address::parse("192.0.2.1", 80);
  auto home = std::make_unique<OriginConnections>(loop);
  Link a(loop, *home, to, user);
  home->give(std::move(a.connection), kLong);
  home.reset();
  CHECK(a.closed());
}

TEST_CASE("a connection given back with its slot is taken with it, or gives it back at its end") {
  Kit kit;
  ServerState server;
  ServerState other;
  Link a = kit.link();
  REQUIRE(server.take_slot(1));
  kit.home.give(std::move(a.connection), kLong, &server);
  CHECK(server.in_use() == 1);
  CHECK(server.parked() == 1);
  SECTION("taken with its slot, by who has the same server only") {
    CHECK(kit.home.take_with_slot(kit.here, kit.user, other) == nullptr);
    auto taken = kit.home.take_with_slot(kit.here, kit.user, server);
    REQUIRE(taken);
    CHECK(server.parked() == 0);
    taken.reset();
    CHECK(server.in_use() == 1); // the taker's
  }
  SECTION("taken by anybody: the slot is free") {
    REQUIRE(kit.home.take(kit.here, kit.user));
    CHECK(server.in_use() == 0);
    CHECK(server.parked() == 0);
  }
  SECTION("ended by the origin") {
    a.ends();
    kit.turns();
    kit.turns();
    CHECK(kit.home.idle() == 0);
    CHECK(server.in_use() == 0);
  }
  SECTION("asked to end by who waits on another worker") {
    weir::event::Loop elsewhere;
    Counting waiter;
    weir::event::Ticket ticket = elsewhere.issue(waiter);
    server.wait(ticket);
    kit.turns();
    kit.turns();
    CHECK(a.closed());
    CHECK(server.in_use() == 0);
    elsewhere.turn(false);
    elsewhere.turn(false);
    CHECK(waiter.runs == 1);
    elsewhere.revoke(ticket);
  }
  SECTION("not kept when somebody on another worker waits") {
    auto taken = kit.home.take_with_slot(kit.here, kit.user, server);
    weir::event::Loop elsewhere;
    Counting waiter;
    weir::event::Ticket ticket = elsewhere.issue(waiter);
    server.wait(ticket);
    kit.home.give(std::move(taken), kLong, &server);
    CHECK(kit.home.idle() == 0);
    CHECK(server.in_use() == 0);
    elsewhere.revoke(ticket);
  }
}
