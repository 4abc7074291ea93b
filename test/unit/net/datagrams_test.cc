// SPDX-License-Identifier: Apache-2.0
#include "net/datagrams.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "net/listener.h"

using namespace weir;
using namespace weir::net;

namespace {

ListenSocket listen_on(const char* text) {
  auto socket = bind_listener(*Address::parse(text), {.protocol = IpProtocol::udp});
  REQUIRE(socket);
  return std::move(*socket);
}

Fd client_of(const Address& to) {
  auto fd = make_udp_socket(to);
  REQUIRE(fd);
  REQUIRE(connect_to(fd->get(), to));
  return std::move(*fd);
}

/// One datagram that is there, or "-".
std::string take(Datagrams& datagrams, int fd) {
  auto got = datagrams.receive(fd);
  REQUIRE(got);
  REQUIRE(*got <= 1);
  return *got == 1 ? std::string(datagrams.bytes(0)) : "-";
}

} // namespace

TEST_CASE("datagrams come whole, whatever their size, with where they came from") {
  for (const char* host : {"127.0.0.1", "::1"}) {
    CAPTURE(host);
    ListenSocket at = listen_on(host);
    Fd client = client_of(at.address);
    Datagrams datagrams;
    for (std::size_t size : {0U, 1U, 1472U, 9000U, 65507U}) {
      const std::string sent(size, 'x');
      CHECK(send_datagram(client.get(), sent) == Sent::ok);
      CHECK(take(datagrams, at.fd.get()) == sent);
      CHECK(datagrams.ends(0).client == local_address(client.get()));
      CHECK_FALSE(datagrams.ends(0).local.valid());
      CHECK(send_datagram(at.fd.get(), sent, datagrams.ends(0)) == Sent::ok);
      CHECK(take(datagrams, client.get()) == sent);
    }
    CHECK(take(datagrams, at.fd.get()) == "-");
  }
}

TEST_CASE("several are taken at once, at most kMost") {
  ListenSocket at = listen_on("127.0.0.1");
  Fd client = client_of(at.address);
  for (int i = 0; i < 20; ++i) {
    CHECK(send_datagram(client.get(), std::to_string(i)) == Sent::ok);
  }
  Datagrams datagrams;
  std::vector<std::string> all;
  for (std::size_t expected :
       {Datagrams::kMost, std::size_t{20} - Datagrams::kMost, std::size_t{0}}) {
    auto got = datagrams.receive(at.fd.get());
    REQUIRE(got);
    CHECK(*got == expected);
    for (std::size_t i = 0; i < *got; ++i) {
      all.emplace_back(datagrams.bytes(i));
    }
  }
  REQUIRE(all.size() == 20);
  CHECK((all[0] == "0" && all[19] == "19"));
}

TEST_CASE("a wildcard address knows which of ours was asked, and answers from there") {
  const std::pair<const char*, const char*> families[] = {{"0.0.0.0", "127.0.0.7"}, {"::", "::1"}};
  for (const auto& [any, asked] : families) {
    CAPTURE(asked);
    ListenSocket at = listen_on(any);
    Fd client = client_of(at.address.is_v6() ? Address::parse(asked)->with_port(at.address.port())
                                             : *Address::parse(asked, at.address.port()));
    Datagrams datagrams;
    CHECK(send_datagram(client.get(), "?") == Sent::ok);
    CHECK(take(datagrams, at.fd.get()) == "?");
    const UdpEnds ends = datagrams.ends(0);
    CHECK(ends.local == *Address::parse(asked));
    CHECK(ends.interface == 0);
    CHECK(send_datagram(at.fd.get(), "!", ends) == Sent::ok); // connected: from there or not at all
    CHECK(take(datagrams, client.get()) == "!");
  }
}

TEST_CASE("that nobody is there is told to the next call") {
  Address nobody = listen_on("127.0.0.1").address;
  Fd client = client_of(nobody);
  Datagrams datagrams;
  CHECK(send_datagram(client.get(), "a") == Sent::ok);
  CHECK(send_datagram(client.get(), "b") == Sent::refused);
  CHECK(send_datagram(client.get(), "c") == Sent::ok);
  auto got = datagrams.receive(client.get());
  REQUIRE_FALSE(got);
  CHECK(got.error().code == Code::refused);
  CHECK(take(datagrams, client.get()) == "-");
  CHECK(send_datagram(client.get(), std::string(65508, 'x')) == Sent::failed);
}

TEST_CASE("ports of UDP: shared by those who say so, and none of TCP's") {
  const Address loopback = *Address::parse("127.0.0.1");
  auto first = bind_listener(loopback, {.protocol = IpProtocol::udp, .reuse_port = true});
  REQUIRE(first);
  auto second = bind_listener(first->address, {.protocol = IpProtocol::udp, .reuse_port = true});
  CHECK(second);
  auto taken = probe_in_use(first->address, IpProtocol::udp);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == Code::exists);
  auto alone = bind_listener(first->address, {.protocol = IpProtocol::udp});
  CHECK_FALSE(alone);
  first->fd.close();
  second->fd.close();
  CHECK(probe_in_use(first->address, IpProtocol::udp));
}
