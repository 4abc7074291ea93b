// SPDX-License-Identifier: Apache-2.0
//
// UdpWorld: a loop, a worker's Resources, a Generation of two l4 with a listener of UDP each, their
// UdpDoors. The test is client and server, on the same thread.
#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "config/load.h"
#include "event/background.h"
#include "net/listener.h"
#include "proxy/resources.h"
#include "proxy/udp_door.h"
#include "proxy/udp_places.h"
#include "rules/condition.h"

namespace weir::proxy::test {

/// A UDP socket of the test; every call answers at once.
class UdpEnd {
public:
  UdpEnd() {
    auto made = net::bind_listener(*Address::parse("127.0.0.1"), {.protocol = IpProtocol::udp});
    REQUIRE(made);
    fd_ = std::move(made->fd);
    address_ = made->address;
  }
  const Address& address() const noexcept { return address_; }
  bool send(const Address& to, std::string_view bytes) const {
    sockaddr_storage name{};
    socklen_t size = to.to_sockaddr(name);
    return ::sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&name),
                    size) == static_cast<ssize_t>(bytes.size());
  }
  /// What is there, and from() then says where it came from; "-": nothing.
  std::string_view receive() {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ssize_t n = ::recvfrom(fd_.get(), room_.data(), room_.size(), MSG_DONTWAIT,
                           reinterpret_cast<sockaddr*>(&name), &size);
    from_ = n >= 0 ? Address::from_sockaddr(reinterpret_cast<sockaddr*>(&name)) : Address();
    return n >= 0 ? std::string_view(room_.data(), static_cast<std::size_t>(n)) : "-";
  }
  const Address& from() const noexcept { return from_; }

private:
  net::Fd fd_;
  Address address_;
  Address from_;
  std::array<char, 65536> room_;
};

class UdpWorld {
public:
  /// `words`: of both l4.
  explicit UdpWorld(const std::string& words = {})
      : io_("io", 1, 4, 0, nullptr), resources_(loop_, 0, {}, io_, clients_, limits_, &ring_) {
    Clock::tick();
    resources_.udp_places = &places;
    places.set_most(100);
    auto loaded = config::load_text(
        "weir.conf", "pool p { server " + server.address().to_string() +
                         " }\nl4 one { listen 127.0.0.1:0 udp; pool p\n" + words +
                         "\n}\nl4 two { listen 127.0.0.2:0 udp; pool p\n" + words + "\n}\n");
    INFO(config::print(loaded.diagnostics));
    REQUIRE(loaded.config);
    auto generation = make_generation(loaded.config);
    resources_.generation = GenerationRef(make_ref<const PinnedGeneration>(generation));
    for (std::uint32_t i = 0; i < 2; ++i) {
      auto socket = net::bind_listener(generation->routes->listeners()[i].address,
                                       {.protocol = IpProtocol::udp});
      REQUIRE(socket);
      at[i] = socket->address;
      doors[i] = std::make_unique<UdpDoor>(resources_, ListenPlace{i, at[i]}, std::move(*socket));
    }
  }
  ~UdpWorld() {
    doors = {};
    loop_.turn(false);
    resources_.generation = {};
  }
  UdpWorld(const UdpWorld&) = delete;
  UdpWorld& operator=(const UdpWorld&) = delete;

  /// The server has it when this returns; "-": nothing came in time.
  std::string_view pass(const UdpEnd& client, const Address& to, std::string_view bytes) {
    if (!client.send(to, bytes)) {
      return "-";
    }
    loop_.turn(true); // the socket has it already: loopback
    return server.receive();
  }
  std::string_view answer(UdpEnd& client, std::string_view bytes) {
    if (!server.send(server.from(), bytes)) {
      return "-";
    }
    loop_.turn(true);
    return client.receive();
  }
  void advance(Duration by) {
    Clock::advance_all(by);
    loop_.turn(false);
    loop_.turn(false);
  }

  void set_short_of_memory(bool is_short) { resources_.short_of_memory = is_short; }

  UdpEnd server;
  UdpPlaces places;
  std::array<Address, 2> at;                     // where each listens
  std::array<std::unique_ptr<UdpDoor>, 2> doors; // before the end of the resources

private:
  std::shared_ptr<const Generation> make_generation(std::shared_ptr<const config::Config> config) {
    auto made = std::make_shared<Generation>();
    made->number = 1;
    made->config = config;
    auto routes = rules::RouteTable::compile(config, {});
    REQUIRE(routes);
    made->routes = std::move(*routes);
    made->pools.push_back(std::make_unique<origin::Pool>(config->pools[0], servers_));
    for (std::uint32_t i = 0; i < 2; ++i) {
      ListenUse use;
      use.used = true;
      use.listener = i;
      use.protocol = IpProtocol::udp;
      use.direction = rules::Direction::l4;
      use.options = config->l4s[i].options;
      made->listens.push_back(use);
    }
    return made;
  }

  event::Loop loop_;
  event::BackgroundPool io_;
  net::ClientCounts clients_;
  rules::Limits limits_;
  log::LogRing ring_;
  origin::ServerStates servers_;
  Resources resources_;
};

} // namespace weir::proxy::test
