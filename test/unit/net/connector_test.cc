// SPDX-License-Identifier: Apache-2.0
#include "net/connector.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <optional>
#include <vector>

#include "loop_guard.h"
#include "net/listener.h"

using namespace weir;
using namespace weir::net;
using weir::net::test::CountingTask;
using weir::net::test::turn_until;

namespace {

const Address kLoopback = *Address::parse("127.0.0.1");
const Address kLoopback6 = *Address::parse("::1");

ListenSocket listening(const Address& address = kLoopback, ListenOptions options = {}) {
  auto bound = bind_listener(address, options);
  REQUIRE(bound);
  return std::move(*bound);
}

/// An address where nobody listens: the port stays ours, bound and not listening.
struct Deaf {
  explicit Deaf(const Address& address = kLoopback) {
    auto made = make_tcp_socket(address);
    REQUIRE(made);
    fd = std::move(*made);
    sockaddr_storage storage{};
    auto size = address.to_sockaddr(storage);
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0);
    at = local_address(fd.get());
  }
  Fd fd;
  Address at;
};

/// An address that answers nothing: its accept queue is full, so SYNs are dropped.
struct BlackHole {
  explicit BlackHole(const Address& address = kLoopback)
      : socket(listening(address, {.backlog = 0})) {
    for (int i = 0; i < 4; ++i) {
      auto made = make_tcp_socket(address);
      REQUIRE(made);
      sockaddr_storage storage{};
      auto size = socket.address.to_sockaddr(storage);
      ::connect(made->get(), reinterpret_cast<sockaddr*>(&storage), size);
      fill.push_back(std::move(*made));
    }
  }
  ListenSocket socket;
  std::vector<Fd> fill;
};

struct Case {
  explicit Case(ConnectOptions options = {}) : connector(std::in_place, loop, owner, options) {}
  void add(std::vector<Address> addresses) { connector->add(addresses); }
  bool finish() {
    return turn_until(loop, [&] { return connector->done() && owner.runs > 0; });
  }
  /// Time passes for every deadline, without waiting.
  void advance(Duration by) {
    Clock::advance_all(by);
    loop.turn(false);
  }
  weir::event::Loop loop;
  CountingTask owner;
  std::optional<Connector> connector;
};

} // namespace

TEST_CASE("connects, sets TCP_NODELAY, wakes its owner and gives the socket away") {
  auto good = listening();
  Case c;
  c.add({good.address});
  c.connector->no_more();
  CHECK_FALSE(c.connector->done());
  REQUIRE(c.finish());
  REQUIRE(c.connector->connected());
  CHECK(c.connector->address() == good.address);
  Fd fd = c.connector->take_fd();
  CHECK(remote_address(fd.get()) == good.address);
  CHECK((::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK(c.owner.runs == 1);
}

TEST_CASE("a refused first address costs no delay") {
  Deaf deaf;
  auto good = listening();
  Case c;
  c.add({deaf.at, good.address});
  c.connector->no_more();
  auto begin = Clock::read_mono();
  REQUIRE(c.finish());
  CHECK(c.connector->connected());
  CHECK(c.connector->address() == good.address);
  CHECK(Clock::read_mono() - begin < std::chrono::milliseconds(200));
}

TEST_CASE("only refused addresses: refused, told once all answers are in") {
  Deaf deaf;
  Case c;
  c.add({deaf.at});
  c.advance({});
  c.advance({});
  CHECK_FALSE(c.connector->done());
  c.connector->no_more();
  REQUIRE(c.finish());
  CHECK_FALSE(c.connector->connected());
  CHECK(c.connector->error().code == Code::refused);
  CHECK(c.connector->error().side == Side::origin);
  CHECK(c.connector->error().sys == ECONNREFUSED);
}

TEST_CASE("no address at all is unreachable") {
  Case c;
  c.connector->no_more();
  REQUIRE(c.finish());
  CHECK(c.connector->error().code == Code::unreachable);
}

TEST_CASE("a silent first address: the second starts after 250 ms and wins") {
  BlackHole hole;
  auto good = listening();
  Case c({.prefer = Prefer::ipv4});
  c.add({hole.socket.address, good.address});
  c.connector->no_more();
  c.advance({});
  c.advance(std::chrono::milliseconds(200));
  CHECK(c.connector->attempts() == 1);
  CHECK_FALSE(c.connector->done());
  c.advance(std::chrono::milliseconds(60));
  CHECK(c.connector->attempts() == 2);
  REQUIRE(c.finish());
  CHECK(c.connector->address() == good.address);
}

TEST_CASE("the overall deadline ends it with timeout") {
  BlackHole hole;
  Case c({.deadline = std::chrono::seconds(2)});
  c.add({hole.socket.address});
  c.connector->no_more();
  c.advance({});
  CHECK_FALSE(c.connector->done());
  c.advance(std::chrono::seconds(3));
  REQUIRE(c.finish());
  CHECK(c.connector->error().code == Code::timeout);
}

TEST_CASE("the preferred family is first, then families take turns") {
  Deaf v4a, v4b;
  Deaf v6a(kLoopback6);
  auto good = listening(kLoopback6);
  for (Prefer prefer : {Prefer::ipv6, Prefer::ipv4}) {
    // The good one is the second of IPv6: third in turn if IPv6 is first, fourth if not.
    Case c({.prefer = prefer});
    c.add({v4a.at, v4b.at, v6a.at, good.address});
    c.connector->no_more();
    REQUIRE(c.finish());
    CHECK(c.connector->address() == good.address);
    CHECK(c.connector->attempts() == (prefer == Prefer::ipv6 ? 3 : 4));
  }
}

TEST_CASE("IPv4 answers wait 50 ms for IPv6 ones, no longer") {
  auto good = listening();
  auto good6 = listening(kLoopback6);
  SECTION("IPv6 comes in time") {
    Case c;
    c.add({good.address});
    c.advance({});
    CHECK(c.connector->attempts() == 0);
    c.add({good6.address});
    REQUIRE(c.finish());
    CHECK(c.connector->address() == good6.address);
  }
  SECTION("IPv6 does not come") {
    Case c;
    c.add({good.address});
    c.advance({});
    c.advance(std::chrono::milliseconds(60));
    REQUIRE(c.finish());
    CHECK(c.connector->address() == good.address);
  }
  SECTION("IPv6 has no address") {
    Case c;
    c.add({good.address});
    c.connector->no_more();
    c.advance({});
    CHECK(c.connector->attempts() == 1);
  }
}

TEST_CASE("a silent IPv6 address, and IPv4 that comes later, is connected by IPv4") {
  BlackHole hole(kLoopback6);
  auto good = listening();
  Case c;
  c.add({hole.socket.address});
  c.advance({});
  CHECK(c.connector->attempts() == 1);
  c.advance(std::chrono::milliseconds(300));
  CHECK(c.connector->attempts() == 1);
  c.add({good.address}); // its turn came while nothing was there: at once
  REQUIRE(c.finish());
  CHECK(c.connector->address() == good.address);
}

TEST_CASE("W8.7 it does not connect to weir itself") {
  auto self = listening();
  auto good = listening();
  OwnAddresses own({self.address}, {});
  SECTION("only own addresses: loop") {
    Case c({.own = &own});
    c.add({self.address, *Address::parse("::ffff:127.0.0.1", self.address.port())});
    c.connector->no_more();
    REQUIRE(c.finish());
    CHECK(c.connector->error().code == Code::loop);
    CHECK(c.connector->error().retry == Retry::no);
    CHECK(c.connector->attempts() == 0);
  }
  SECTION("another address is taken") {
    Case c({.own = &own});
    c.add({self.address, good.address});
    c.connector->no_more();
    REQUIRE(c.finish());
    CHECK(c.connector->address() == good.address);
  }
}

TEST_CASE("destroying it closes every attempt and wakes nobody") {
  BlackHole hole;
  Case c;
  c.add({hole.socket.address});
  c.connector->no_more();
  c.advance({});
  CHECK(c.connector->attempts() == 1);
  c.connector.reset();
  c.advance(std::chrono::seconds(10));
  CHECK(c.owner.runs == 0);
}
