// SPDX-License-Identifier: Apache-2.0
#include "rules/prefix_set.h"

#include <random>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::rules;

namespace {

PrefixSet make_set(std::initializer_list<const char*> texts) {
  std::vector<PrefixEntry> entries;
  for (auto text : texts) {
    INFO(text);
    auto prefix = Prefix::parse(text);
    REQUIRE(prefix);
    entries.push_back({*prefix, static_cast<std::uint32_t>(entries.size())});
  }
  return PrefixSet(std::move(entries));
}

int line_of(const PrefixSet& set, const char* address) {
  auto entry = set.find(*Address::parse(address));
  return entry == nullptr ? -1 : static_cast<int>(entry->line);
}

} // namespace

TEST_CASE("the most specific block that holds an address is found") {
  auto set =
      make_set({"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "10.0.0.0/9",
                "2001:db8::/32", "2001:db8:1::/48", "255.255.255.255", "0.0.0.0", "10.1.2.0/24"});
  CHECK(set.size() == 9);
  struct Case {
    const char* address;
    int line;
  };
  for (auto [address, line] : std::initializer_list<Case>{
           {"9.255.255.255", -1},   {"10.0.0.0", 4},       {"10.127.255.255", 4},
           {"10.128.0.0", 0},       {"10.255.255.255", 0}, {"11.0.0.0", -1},
           {"10.1.1.1", 1},         {"10.1.2.2", 2},       {"10.1.2.3", 3},
           {"10.1.2.4", 2},         {"10.1.3.0", 1},       {"10.2.0.0", 4},
           {"2001:db8::1", 5},      {"2001:db8:1::1", 6},  {"2001:db8:2::1", 5},
           {"2001:db9::1", -1},     {"::1", -1},           {"255.255.255.255", 7},
           {"255.255.255.254", -1}, {"0.0.0.0", 8},        {"0.0.0.1", -1}}) {
    INFO(address);
    CHECK(line_of(set, address) == line);
  }
}

TEST_CASE("W8.2 an address is found in every wrapping") {
  auto set = make_set({"10.0.0.0/8", "::ffff:192.168.0.0/112", "64:ff9b::a01:0/112"});
  CHECK(line_of(set, "::ffff:10.1.2.3") == 0);
  CHECK(line_of(set, "64:ff9b::a02:0") == 0);
  CHECK(line_of(set, "64:ff9b::a01:5") == 2);
  CHECK(line_of(set, "2002:a01:203::1") == 0);
  CHECK(line_of(set, "192.168.7.7") == 1);
  CHECK(line_of(set, "192.169.7.7") == -1);
  CHECK(PrefixSet().find(*Address::parse("::1")) == nullptr);
  CHECK(set.find(Address()) == nullptr);
}

TEST_CASE("everything can be a block") {
  auto set = make_set({"0.0.0.0/0", "::/0"});
  CHECK(line_of(set, "1.2.3.4") == 0);
  CHECK(line_of(set, "255.255.255.255") == 0);
  CHECK(line_of(set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == 1);
  CHECK(line_of(set, "::") == 1);
}

TEST_CASE("blocks at random answer as asking each of them does") {
  std::mt19937 random(GENERATE(1U, 2U, 3U));
  bool v6 = GENERATE(false, true);
  unsigned most = v6 ? 128 : 32;
  auto address = [&](unsigned zero_after) {
    std::array<std::uint8_t, 16> b{};
    b[0] = v6 ? 0x26 : 0; // outside of what wraps an IPv4 address
    for (std::size_t i = v6 ? 1 : 0; i < 16; ++i) {
      b[i] = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : random() % 2 * 255);
    }
    unsigned from = v6 ? zero_after : 96 + zero_after;
    for (unsigned bit = from; bit < 128; ++bit) {
      b[bit / 8] = static_cast<std::uint8_t>(b[bit / 8] & ~(0x80U >> bit % 8));
    }
    return v6 ? Address::v6(b) : Address::v4({b[12], b[13], b[14], b[15]});
  };
  std::vector<PrefixEntry> entries;
  for (std::uint32_t i = 0; i < 300; ++i) {
    unsigned bits = (v6 ? 8 : 0) + static_cast<unsigned>(random() % (most + 1 - (v6 ? 8 : 0)));
    entries.push_back({Prefix(address(bits), bits), i});
  }
  PrefixSet set(entries);
  for (int i = 0; i < 3000; ++i) {
    auto asked = address(most);
    if (i % 3 == 0) {
      asked = entries[random() % entries.size()].prefix.base();
    }
    const PrefixEntry* want = nullptr;
    for (const auto& entry : entries) {
      if (entry.prefix.contains(asked) &&
          (want == nullptr || entry.prefix.bits() > want->prefix.bits())) {
        want = &entry;
      }
    }
    auto got = set.find(asked);
    INFO(asked.host());
    REQUIRE((got == nullptr) == (want == nullptr));
    if (want != nullptr) {
      CHECK(got->prefix.bits() == want->prefix.bits());
      CHECK(got->line == want->line);
    }
  }
}
