// SPDX-License-Identifier: Apache-2.0
#include "cache/vary.h"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "scene.h"

using namespace weir;
using namespace weir::cache;

namespace {

std::string names(Lines vary) {
  Scene scene(vary);
  return vary_names(scene.response.fields).value_or("never");
}

std::string values(std::string_view of, Lines request) {
  Scene scene({}, 200, request);
  Arena arena;
  return std::string(selecting_values(of, scene.request.fields, arena));
}

} // namespace

TEST_CASE("C6.1 names are lower case, sorted, each once, from all lines") {
  CHECK(names({}) == "");
  CHECK(names({"Vary:"}) == "");
  CHECK(names({"Vary: Foo"}) == "foo");
  CHECK(names({"Vary: Foo, bar,FOO", "vary: Accept-Encoding", "VARY: foo"}) ==
        "accept-encoding,bar,foo");
  CHECK(names({"Vary: , ,foo,,"}) == "foo");
}

TEST_CASE("C6.3 a star anywhere is never reused") {
  CHECK(names({"Vary: *"}) == "never");
  CHECK(names({"Vary: *, *"}) == "never");
  CHECK(names({"Vary: , *"}) == "never");
  CHECK(names({"Vary: foo, *"}) == "never");
  CHECK(names({"Vary: *, foo"}) == "never");
  CHECK(names({"Vary:", "Vary: *"}) == "never");
  CHECK(names({"Vary: foo", "X: y", "Vary: bar,*"}) == "never");
}

TEST_CASE("C6.3 what is no list of names is not understood, and never reused") {
  CHECK(names({"Vary: \"foo, *"}) == "never"); // a quote must not hide the star
  CHECK(names({"Vary: foo bar"}) == "never");
  CHECK(names({"Vary: foo;q=1"}) == "never");
  CHECK(names({"Vary: \xc3\xa9"}) == "never");
  std::string many = "Vary: n0";
  for (int i = 1; i < 40; ++i) {
    many += ",n" + std::to_string(i);
  }
  CHECK(names({many}) == "never");
}

TEST_CASE("C6.1 all fields must match, absent only absent") {
  CHECK(values("foo", {"Foo: 1"}) == values("foo", {"FOO: 1"}));
  CHECK(values("foo", {"Foo: 1"}) != values("foo", {"Foo: 2"}));
  CHECK(values("foo", {"Foo: 1"}) != values("foo", {"Foo: 1 2"}));
  CHECK(values("foo", {"Foo: a"}) != values("foo", {"Foo: A"}));
  CHECK(values("foo", {}) != values("foo", {"Foo:"}));
  CHECK(values("foo", {}) != values("foo", {"Foo: 1"}));
  CHECK(values("bar,foo", {"Foo: 1", "Bar: 2"}) == values("bar,foo", {"Bar: 2", "Foo: 1"}));
  CHECK(values("bar,foo", {"Foo: 1"}) != values("bar,foo", {"Bar: 1"}));
  CHECK(values("a,b,c", {"A: 1", "B: 2", "C: 3"}) != values("a,b,c", {"A: 1", "B: 2"}));
  CHECK(values("accept-encoding", {}) != values("accept-encoding", {"Accept-Encoding:"}));
}

TEST_CASE("C6.1 a value cannot pass for the values of two names") {
  CHECK(values("a,b", {"A: 1=2"}) != values("a,b", {"A: 1", "B: 2"}));
  CHECK(values("a,b", {"A: -"}) != values("a,b", {"B: -"}));
}

TEST_CASE("C6.2 fields that Vary does not name play no part") {
  CHECK(values("foo", {"Foo: 1", "Bar: 2"}) == values("foo", {"Bar: 3", "Foo: 1"}));
  CHECK(values("", {"Foo: 1"}).empty());
}

TEST_CASE("C6.4 lines are joined by commas, blanks around commas go") {
  auto same = values("foo", {"Foo: 1,2"});
  CHECK(values("foo", {"Foo: 1, 2"}) == same);
  CHECK(values("foo", {"Foo: 1 ,\t 2 "}) == same);
  CHECK(values("foo", {"Foo: 1", "Foo: 2"}) == same);
  CHECK(values("foo", {"Foo: 2", "Foo: 1"}) != same);
  CHECK(values("foo", {"Foo: 1 2"}) != values("foo", {"Foo: 12"}));
  CHECK(values("foo", {"Foo: a  b"}) != values("foo", {"Foo: a b"}));
  CHECK(values("foo", {"Foo: ,1"}) != values("foo", {"Foo: 1"}));
}

TEST_CASE("C6.4 blanks and commas in quotes are content") {
  CHECK(values("foo", {"Foo: \"1, 2\""}) != values("foo", {"Foo: \"1,2\""}));
  CHECK(values("foo", {"Foo: \"1\" , 2"}) == values("foo", {"Foo: \"1\",2"}));
  CHECK(values("foo", {R"(Foo: "a\" , b")"}) != values("foo", {R"(Foo: "a\",b")"}));
}

TEST_CASE("C6.4 Accept-Language and Accept-Encoding: case and order of equals have no meaning") {
  for (std::string name : {"Accept-Language", "Accept-Encoding"}) {
    std::string key = name == "Accept-Language" ? "accept-language" : "accept-encoding";
    auto of = [&](std::string_view value) {
      return values(key, {name + ": " + std::string(value)});
    };
    CHECK(of("en, de") == of("de,EN"));
    CHECK(of("en;q=0.5, de") == of("de, en ; q=0.500"));
    CHECK(of("en;q=1.0, de") == of("de, en"));
    CHECK(of("en;Q=0.5") == of("EN;q=0.50"));
    CHECK(of("en;q=0.5, de;q=0.7") != of("en;q=0.7, de;q=0.5"));
    CHECK(of("en;q=0") != of("en"));
    CHECK(of("en;q=0") != of(""));
    CHECK(of("en;q=0.05") != of("en;q=0.5"));
    CHECK(of("en;q=0.005") == of("en;q=0.005"));
    CHECK(of(", en,,de ,") == of("en,de"));
    CHECK(of("en") != of("de"));
    CHECK(of("en-gb") != of("en"));
    CHECK(of("*") != of("en"));
    CHECK(values(key, {name + ": en", name + ": de;q=0.3"}) == of("de;q=0.3, en"));
  }
}

TEST_CASE("C6.4 a list of preferences that is not understood stays as it is") {
  auto of = [](std::string_view value) {
    return values("accept-encoding", {"Accept-Encoding: " + std::string(value)});
  };
  for (std::string_view odd :
       {"gzip;q=2", "gzip;q=1.001", "gzip;q=0.5000", "gzip;q=", "gzip;q=a", "gzip;level=9",
        "gzip br", "\"gzip\"", "gzip;800", ";q=1", "gzip;q=0.5;x=y"}) {
    CAPTURE(odd);
    CHECK(of(odd) == of(odd));
    CHECK(of(odd) != of("gzip"));
    CHECK(of(odd) != of("gzip;q=0.8"));
    CHECK(of(odd) != of("gzip;q=0.5"));
    CHECK(of(std::string(odd) + ", br") != of("br, " + std::string(odd)));
  }
  std::string many = "x";
  for (int i = 0; i < 100; ++i) {
    many += ", x" + std::to_string(i);
  }
  CHECK(of(many) == of(many));
  CHECK(of(many) != of("x"));
}

TEST_CASE("C6.4 any order of weighted members gives the same octets") {
  std::mt19937 random(7);
  std::vector<std::string> members{"en", "de;q=0.8", "fr;q=0.8", "it;q=0.123", "*;q=0", "nl"};
  std::string first;
  for (int round = 0; round < 200; ++round) {
    std::shuffle(members.begin(), members.end(), random);
    std::string line = "Accept-Language: ";
    for (const auto& member : members) {
      line += member + (random() % 2 ? "," : " , ");
    }
    auto now = values("accept-language", {line});
    first = first.empty() ? now : first;
    REQUIRE(now == first);
  }
}

TEST_CASE("C6.4 random bytes neither overrun nor differ from themselves") {
  std::mt19937 random(8);
  const std::string_view alphabet = ",; \tq=01.\"\\aB*-\xff";
  for (int round = 0; round < 5000; ++round) {
    std::string line = "Accept-Encoding: ";
    std::string other = "Foo: ";
    for (auto n = random() % 60; n > 0; --n) {
      line += alphabet[random() % alphabet.size()];
      other += alphabet[random() % alphabet.size()];
    }
    Scene scene({}, 200, {line, other, line});
    Arena arena;
    auto text = selecting_values("accept-encoding,foo,missing", scene.request.fields, arena);
    std::size_t raw = 2 * line.size() + other.size() + 6;
    REQUIRE(text.size() <= raw);
    REQUIRE(std::count(text.begin(), text.end(), '\n') == 3);
    REQUIRE(text.ends_with("\n-\n"));
  }
}

TEST_CASE("C6.7 the tag of a 304 selects the variant") {
  std::array<std::string_view, 4> tags{"\"a\"", "", "W/\"b\"", "\"b\""};
  CHECK(select_by_tag(tags, "\"a\"") == 0);
  CHECK(select_by_tag(tags, "\"b\"") == 3); // strong before weak
  CHECK(select_by_tag(tags, "W/\"b\"") == 2);
  CHECK(select_by_tag(tags, "W/\"a\"") == 0);
  CHECK_FALSE(select_by_tag(tags, "\"c\""));
  CHECK_FALSE(select_by_tag({}, "\"c\""));
}
