// SPDX-License-Identifier: Apache-2.0
#include "rules/host_matcher.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::rules;
using config::HostPattern;
using Kind = config::HostPattern::Kind;

namespace {

HostMatcher make(std::vector<HostPattern> patterns, bool many) {
  if (many) { // so that the table is used
    for (int i = 0; i < 20; ++i) {
      patterns.push_back({Kind::exact, "filler" + std::to_string(i) + ".invalid", {}});
    }
  }
  auto matcher = HostMatcher::compile(patterns);
  REQUIRE(matcher);
  return std::move(*matcher);
}

} // namespace

TEST_CASE("rule 6: hosts are suffix-exact, few or many") {
  bool many = GENERATE(false, true);
  auto m = make({{Kind::exact, "one.example", {}},
                 {Kind::subdomains, "two.example", {}},
                 {Kind::both, "three.example", {}},
                 {Kind::regex, "^ad[0-9]+\\.", {}}},
                many);
  struct Case {
    const char* host;
    std::uint32_t number;
  };
  constexpr auto kNone = HostMatcher::kNone;
  for (auto [host, number] : std::initializer_list<Case>{{"one.example", 0},
                                                         {"a.one.example", kNone},
                                                         {"xone.example", kNone},
                                                         {"two.example", kNone},
                                                         {"a.two.example", 1},
                                                         {"a.b.two.example", 1},
                                                         {"xtwo.example", kNone},
                                                         {"three.example", 2},
                                                         {"a.three.example", 2},
                                                         {"xthree.example", kNone},
                                                         {"ad17.com", 3},
                                                         {"bad17.com", kNone},
                                                         {"", kNone},
                                                         {".", kNone},
                                                         {"example", kNone}}) {
    INFO(host);
    CHECK(m.find(std::string_view(host)) == number);
  }
  CHECK_FALSE(m.has_addresses());
  CHECK(make({{Kind::any, "", {}}}, many).find(std::string_view("whatever")) == 0);
  CHECK_FALSE(HostMatcher::compile({{Kind::regex, "(", {}}}));
}

TEST_CASE("an address among the hosts is one") {
  auto m = make({{Kind::exact, "10.1.2.3", {}}, {Kind::exact, "2001:db8::1", {}}}, false);
  CHECK(m.has_addresses());
  CHECK(m.find(*Address::parse("10.1.2.3")) == 0);
  CHECK(m.find(*Address::parse("::ffff:10.1.2.3")) == 0);
  CHECK(m.find(*Address::parse("2001:db8::1")) == 1);
  CHECK(m.find(*Address::parse("10.1.2.4")) == HostMatcher::kNone);
}
