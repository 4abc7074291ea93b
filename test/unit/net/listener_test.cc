// SPDX-License-Identifier: Apache-2.0
#include "net/listener.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <vector>

#include "loop_guard.h"
#include "net/own_addresses.h"

using namespace weir;
using namespace weir::net;
using weir::net::test::CountingTask;
using weir::net::test::turn_until;

namespace {

const Address kLoopback = *Address::parse("127.0.0.1");

struct Taken {
  Fd fd;
  Address remote;
  Address local;
};

class Keeper final : public Acceptor {
public:
  void accepted(Fd fd, const Address& remote, const Address& local) override {
    taken.push_back({std::move(fd), remote, local});
  }
  bool reserve() override {
    if (places == 0) {
      return false;
    }
    --places;
    return true;
  }
  void unreserve() override { ++places; }
  std::vector<Taken> taken;
  int places = 1000;
};

Fd dial(const Address& to) {
  Fd fd(::socket(to.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  auto size = to.to_sockaddr(storage);
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    return {};
  }
  return fd;
}

/// Lowers the limit of descriptors to what is open now; its destructor sets it back.
class NoMoreDescriptors {
public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    Fd next(::socket(AF_INET, SOCK_STREAM, 0));
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(next.get());
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

private:
  rlimit before_{};
};

} // namespace

TEST_CASE("port 0 gives the kernel's port, and connections come with both addresses") {
  weir::event::Loop loop;
  Keeper keeper;
  auto bound = bind_listener(kLoopback);
  REQUIRE(bound);
  CHECK(bound->address.port() != 0);
  Listener listener(loop, std::move(*bound), keeper);
  Fd client = dial(listener.address());
  REQUIRE(client);
  REQUIRE(turn_until(loop, [&] { return !keeper.taken.empty(); }));
  CHECK(keeper.taken[0].local == listener.address());
  CHECK(keeper.taken[0].remote == local_address(client.get()));
  CHECK((::fcntl(keeper.taken[0].fd.get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(keeper.taken[0].fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a wildcard listener tells the address that was dialled") {
  weir::event::Loop loop;
  Keeper keeper;
  auto bound = bind_listener(Address::any_v4(0));
  REQUIRE(bound);
  Listener listener(loop, std::move(*bound), keeper);
  Fd client = dial(Address::v4({127, 0, 0, 9}, listener.address().port()));
  REQUIRE(client);
  REQUIRE(turn_until(loop, [&] { return !keeper.taken.empty(); }));
  CHECK(keeper.taken[0].local.host() == "127.0.0.9");
}

TEST_CASE("an address in use is said with its name") {
  auto first = bind_listener(kLoopback, {.reuse_port = true});
  REQUIRE(first);
  auto plain = bind_listener(first->address);
  REQUIRE_FALSE(plain);
  CHECK(plain.error().code == Code::exists);
  CHECK(plain.error().sys == EADDRINUSE);
  CHECK(listen_error(first->address, plain.error()) ==
        "cannot listen on " + first->address.to_string() + ": Address already in use");

  // Sharing would work without a word; the probe is what notices.
  CHECK(bind_listener(first->address, {.reuse_port = true}));
  auto probe = probe_in_use(first->address);
  REQUIRE_FALSE(probe);
  CHECK(probe.error().code == Code::exists);
  Address free = first->address;
  first->fd.close();
  CHECK(probe_in_use(free));
}

TEST_CASE("an address that is not ours, and a low port, are errors and no crash") {
  auto elsewhere = bind_listener(*Address::parse("192.0.2.1"));
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error().sys == EADDRNOTAVAIL);
}

TEST_CASE("two listeners share an address by SO_REUSEPORT and take every connection") {
  weir::event::Loop loop;
  Keeper keeper;
  auto a = bind_listener(kLoopback, {.reuse_port = true});
  REQUIRE(a);
  auto b = bind_listener(a->address, {.reuse_port = true});
  REQUIRE(b);
  Listener first(loop, std::move(*a), keeper);
  Listener second(loop, std::move(*b), keeper);
  std::vector<Fd> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(dial(first.address()));
    REQUIRE(clients.back());
  }
  CHECK(turn_until(loop, [&] { return keeper.taken.size() == 40; }));
}

TEST_CASE("W9.5 without a place connections wait in the kernel; with one the next is taken") {
  weir::event::Loop loop;
  Keeper keeper;
  keeper.places = 2;
  auto bound = bind_listener(kLoopback);
  REQUIRE(bound);
  Listener listener(loop, std::move(*bound), keeper);
  std::vector<Fd> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(dial(listener.address()));
    REQUIRE(clients.back());
  }
  REQUIRE(turn_until(loop, [&] { return keeper.taken.size() == 2; }));
  for (int i = 0; i < 20; ++i) {
    loop.turn(false);
  }
  CHECK(keeper.taken.size() == 2);
  keeper.places = 1;
  listener.resume();
  REQUIRE(turn_until(loop, [&] { return keeper.taken.size() == 3; }));
  CHECK(keeper.places == 0);
  keeper.places = 10;
  listener.resume();
  REQUIRE(turn_until(loop, [&] { return keeper.taken.size() == 5; }));
  for (int i = 0; i < 20; ++i) {
    loop.turn(false);
  }
  CHECK(keeper.places == 8); // what was reserved and not needed is given back
}

TEST_CASE("an IPv6 wildcard leaves the same IPv4 port alone") {
  auto v6 = bind_listener(Address::v6({}));
  if (!v6) {
    WARN("no IPv6 here");
    return;
  }
  CHECK(bind_listener(Address::any_v4(v6->address.port())));
}

TEST_CASE("at most 64 are accepted a turn, and the rest is not forgotten") {
  weir::event::Loop loop;
  Keeper keeper;
  auto bound = bind_listener(kLoopback);
  REQUIRE(bound);
  Listener listener(loop, std::move(*bound), keeper);
  std::vector<Fd> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(dial(listener.address()));
    REQUIRE(clients.back());
  }
  loop.turn(true);
  CHECK(keeper.taken.size() == Listener::kAcceptsPerTurn);
  CHECK(turn_until(loop, [&] { return keeper.taken.size() == 100; }));
}

TEST_CASE("W9.6 out of descriptors: it rests, does not spin, and recovers") {
  weir::event::Loop loop;
  Keeper keeper;
  auto bound = bind_listener(kLoopback);
  REQUIRE(bound);
  Listener listener(loop, std::move(*bound), keeper);
  Fd client = dial(listener.address());
  REQUIRE(client);
  {
    NoMoreDescriptors none;
    REQUIRE(turn_until(loop, [&] { return listener.rests() == 1; }));
    auto turns = loop.turns();
    REQUIRE(turn_until(loop, [&] { return listener.rests() == 2; }));
    CHECK(loop.turns() - turns <= 4);
    CHECK(keeper.taken.empty());
  }
  CHECK(turn_until(loop, [&] { return keeper.taken.size() == 1; }));
}

TEST_CASE("stop() takes what the kernel has queued, then the address is free") {
  weir::event::Loop loop;
  Keeper keeper;
  auto bound = bind_listener(kLoopback);
  REQUIRE(bound);
  Listener listener(loop, std::move(*bound), keeper);
  std::vector<Fd> clients;
  for (int i = 0; i < 70; ++i) {
    clients.push_back(dial(listener.address()));
    REQUIRE(clients.back());
  }
  listener.stop();
  CHECK(keeper.taken.size() == 70);
  CHECK_FALSE(listener.open());
  CHECK_FALSE(dial(listener.address()));
  loop.turn(false);
  listener.stop();
}

TEST_CASE("pause() leaves connections in the kernel's queue until resume()") {
  weir::event::Loop loop;
  Keeper keeper;
  auto bound = bind_listener(kLoopback);
  REQUIRE(bound);
  Listener listener(loop, std::move(*bound), keeper);
  listener.pause();
  Fd client = dial(listener.address());
  REQUIRE(client);
  loop.turn(false);
  CHECK(keeper.taken.empty());
  listener.resume();
  CHECK(turn_until(loop, [&] { return keeper.taken.size() == 1; }));
}

TEST_CASE("W8.7 own addresses: bound ones, and a wildcard for all of the machine's") {
  auto at = [](const char* text) { return *Address::parse_with_port(text); };
  OwnAddresses own({at("0.0.0.0:80"), at("10.0.0.1:3128"), at("127.0.0.1:9145"), at("[::]:443")},
                   {at("192.0.2.7:0"), at("10.0.0.1:0"), at("[2001:db8::7]:0")});
  for (const char* ours :
       {"192.0.2.7:80", "127.0.0.1:80", "127.9.9.9:80", "0.0.0.0:80", "[::ffff:192.0.2.7]:80",
        "10.0.0.1:3128", "10.0.0.1:80", "127.0.0.1:9145", "0.0.0.0:9145", "[2001:db8::7]:443",
        "[::1]:443", "[::]:443", "[::ffff:10.0.0.1]:3128"}) {
    INFO(ours);
    CHECK(own.contains(at(ours)));
  }
  for (const char* other :
       {"192.0.2.8:80", "192.0.2.7:81", "10.0.0.2:3128", "192.0.2.7:3128", "127.0.0.2:9145",
        "[2001:db8::8]:443", "[2001:db8::7]:80", "192.0.2.7:443", "0.0.0.0:3128"}) {
    INFO(other);
    CHECK_FALSE(own.contains(at(other)));
  }
}

TEST_CASE("W8.7 own addresses: those of UDP are none of TCP's") {
  const Address tcp = *Address::parse("192.0.2.7", 80), udp = *Address::parse("192.0.2.7", 53);
  OwnAddresses own({tcp}, {}, {udp});
  CHECK((own.contains(tcp) && !own.contains(udp)));
  CHECK((own.contains(udp, IpProtocol::udp) && !own.contains(tcp, IpProtocol::udp)));
  CHECK(own.contains(*Address::parse("::ffff:192.0.2.7", 53), IpProtocol::udp));
}

TEST_CASE("the machine's addresses have loopback among them") {
  auto addresses = machine_addresses();
  CHECK(std::find(addresses.begin(), addresses.end(), kLoopback) != addresses.end());
}
