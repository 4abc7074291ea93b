// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::net;

namespace {

std::string block(char command, char family, std::string_view rest) {
  std::string text("\r\n\r\n\0\r\nQUIT\n", 12);
  text += command;
  text += family;
  text += static_cast<char>(rest.size() >> 8U);
  text += static_cast<char>(rest.size() & 0xff);
  return text.append(rest);
}

bool is_bad(std::string_view text) { return !parse_proxy_header(text); }

} // namespace

TEST_CASE("PROXY version 1: addresses, UNKNOWN, and what follows is not touched") {
  auto got = parse_proxy_header("PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\nGET / HTTP/1.1\r\n");
  REQUIRE((got && *got));
  CHECK((*got)->source == *Address::parse("192.0.2.1", 4711));
  CHECK((*got)->destination == *Address::parse("198.51.100.2", 443));
  CHECK((*got)->size == 44);
  got = parse_proxy_header("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n");
  REQUIRE((got && *got));
  CHECK((*got)->source == *Address::parse("2001:db8::1", 1));
  got = parse_proxy_header("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n");
  REQUIRE((got && *got));
  CHECK((*got)->source == *Address::parse("192.0.2.1", 1)); // rules know it by this name
  got = parse_proxy_header("PROXY UNKNOWN whatever stands here\r\n");
  REQUIRE((got && *got));
  CHECK_FALSE((*got)->source.valid());
}

TEST_CASE("PROXY version 2: addresses, LOCAL, TLVs behind them") {
  std::string v4("\xc0\0\2\1\xc6\x33\x64\2\x12\x67\x01\xbb", 12);
  std::string text = block(0x21, 0x11, v4 + std::string("\x04\0\1x", 4)) + "GET";
  auto got = parse_proxy_header(text);
  REQUIRE((got && *got));
  CHECK((*got)->size == text.size() - 3);
  CHECK((*got)->source == *Address::parse("192.0.2.1", 4711));
  CHECK((*got)->destination == *Address::parse("198.51.100.2", 443));
  got = parse_proxy_header(block(0x20, 0x00, "")); // a health check
  REQUIRE((got && *got));
  CHECK_FALSE((*got)->source.valid());
  CHECK(is_bad(block(0x21, 0x11, "short")));
  CHECK(is_bad(block(0x22, 0x11, v4)));
  CHECK(is_bad(block(0x11, 0x11, v4)));
  CHECK(is_bad(block(0x21, 0x11, std::string(kMostProxyHeader + 1, 'x'))));
}

TEST_CASE("PROXY: any beginning of a header waits for more; nothing else does") {
  std::string v4("\xc0\0\2\1\xc6\x33\x64\2\x12\x67\x01\xbb", 12);
  for (const std::string& whole :
       {std::string("PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n"), block(0x21, 0x11, v4)}) {
    for (std::size_t n = 0; n < whole.size(); ++n) {
      auto got = parse_proxy_header(std::string_view(whole).substr(0, n));
      REQUIRE(got);
      CHECK_FALSE(got->has_value());
    }
  }
  CHECK(is_bad("GET / HTTP/1.1\r\n"));
  CHECK(is_bad("PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\n"));
  CHECK(is_bad("PROXY UNKNOWN a\nb\r\n")); // so it was when only the first line had come
  CHECK(is_bad("PROXY " + std::string(200, 'x')));
}

TEST_CASE("PROXY version 1: one spelling only") {
  for (const char* line :
       {"TCP4 192.0.2.1 198.51.100.2 04711 443", "TCP4 192.0.2.1 198.51.100.2 65536 443",
        "TCP4 192.0.2.1 198.51.100.2 -1 443", "TCP4 192.0.2.1 198.51.100.2 1",
        "TCP4 192.0.2.1  198.51.100.2 1 2", "TCP4 192.0.2.1 198.51.100.2 1 2 ",
        "TCP4 192.0.2.1 198.51.100.2 1 2 3", "TCP4 2001:db8::1 ::1 1 2", "TCP6 1.2.3.4 1.2.3.4 1 2",
        "TCP6 [::1] ::1 1 2", "TCP4 192.0.2.01 198.51.100.2 1 2", "UDP4 192.0.2.1 198.51.100.2 1 2",
        "tcp4 192.0.2.1 198.51.100.2 1 2", ""}) {
    CAPTURE(line);
    CHECK(is_bad("PROXY " + std::string(line) + "\r\n"));
  }
}

TEST_CASE("PROXY: what is written is what is read, in both versions") {
  auto v4 = *Address::parse("192.0.2.1", 4711);
  auto v4_there = *Address::parse("198.51.100.2", 443);
  auto v6 = *Address::parse("2001:db8::1", 65535);
  auto v6_there = *Address::parse("::1", 1);
  for (ProxyVersion version : {ProxyVersion::first, ProxyVersion::second}) {
    for (auto [source, destination] :
         {std::pair{v4, v4_there}, std::pair{v6, v6_there}, std::pair{v4, v6_there},
          std::pair{v6, v4_there}, std::pair{v4.with_port(0), v4_there}}) {
      std::string text = write_proxy_header(version, source, destination);
      CAPTURE(text);
      auto got = parse_proxy_header(text + "more");
      REQUIRE((got && *got));
      CHECK((*got)->size == text.size());
      CHECK((*got)->source == source);
      CHECK((*got)->destination == destination);
    }
    auto ours = write_proxy_header(version, v4, {});
    auto got = parse_proxy_header(ours);
    REQUIRE((got && *got));
    CHECK((*got)->size == ours.size());
    CHECK_FALSE((*got)->source.valid());
  }
}

TEST_CASE("PROXY: written as the specification has it") {
  auto client = *Address::parse("192.0.2.1", 4711);
  auto here = *Address::parse("198.51.100.2", 443);
  CHECK(write_proxy_header(ProxyVersion::first, client, here) ==
        "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n");
  CHECK(write_proxy_header(ProxyVersion::first, client, *Address::parse("::1", 2)) ==
        "PROXY TCP6 ::ffff:192.0.2.1 ::1 4711 2\r\n");
  CHECK(write_proxy_header(ProxyVersion::first, {}, {}) == "PROXY UNKNOWN\r\n");
  CHECK(write_proxy_header(ProxyVersion::second, client, here) ==
        block(0x21, 0x11, std::string("\xc0\0\2\1\xc6\x33\x64\2\x12\x67\x01\xbb", 12)));
  CHECK(write_proxy_header(ProxyVersion::second, {}, here) == block(0x20, 0x00, ""));
}
