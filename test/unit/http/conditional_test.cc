// SPDX-License-Identifier: Apache-2.0
#include "http/conditional.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::http;

namespace {

constexpr auto kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr auto kLater = "Sun, 06 Nov 1994 08:49:38 GMT";
constexpr auto kEarlier = "Sun, 06 Nov 1994 08:49:36 GMT";

WallTime time_of(std::string_view text) { return *parse_http_date(text, WallTime{}); }

struct Line {
  FieldId id;
  std::string_view value;
};

struct Request {
  explicit Request(std::initializer_list<Line> lines) {
    for (auto line : lines) {
      fields.add(line.id, line.value, arena);
    }
  }
  Arena arena;
  Fields fields;
};

Condition evaluate(std::initializer_list<Line> lines, const Validators& stored) {
  Request request(lines);
  return evaluate_conditions(request.fields, stored, time_of(kDate));
}

} // namespace

TEST_CASE("C9.6 entity tags are opaque octets") {
  CHECK(read_entity_tag("\"a\"").valid);
  CHECK(read_entity_tag("\"\"").valid);
  CHECK(read_entity_tag("W/\"a\"").weak);
  CHECK(read_entity_tag("\"a\x80\xff\\\"").valid);
  for (auto tag :
       {"", "a", "\"", "\"a", "a\"", "w/\"a\"", "W/a", "W/", "\"a b\"", "\"a\"b\"", "W/ \"a\""}) {
    INFO(tag);
    CHECK(!read_entity_tag(tag).valid);
    CHECK(!strong_match(tag, tag));
  }
}

TEST_CASE("C9.1 C9.6 weak and strong comparison (RFC 9110 8.8.3.2)") {
  CHECK(!strong_match("W/\"1\"", "W/\"1\""));
  CHECK(weak_match("W/\"1\"", "W/\"1\""));
  CHECK(!weak_match("W/\"1\"", "W/\"2\""));
  CHECK(weak_match("W/\"1\"", "\"1\""));
  CHECK(!strong_match("W/\"1\"", "\"1\""));
  CHECK(strong_match("\"1\"", "\"1\""));
  CHECK(weak_match("abc", "abc"));
  CHECK(!weak_match("abc", "\"abc\""));
  CHECK(!weak_match("", ""));
}

TEST_CASE("C9.1 If-None-Match is a list over all lines") {
  Validators stored{"\"x,y\"", {}, time_of(kDate)};
  auto inm = FieldId::if_none_match;
  CHECK(evaluate({{inm, "\"x,y\""}}, stored) == Condition::not_modified);
  CHECK(evaluate({{inm, "W/\"x,y\""}}, stored) == Condition::not_modified);
  CHECK(evaluate({{inm, "\"a\", \"x,y\" ,\"b\""}}, stored) == Condition::not_modified);
  CHECK(evaluate({{inm, ",, \"a\""}, {inm, "\"x,y\""}}, stored) == Condition::not_modified);
  CHECK(evaluate({{inm, "*"}}, stored) == Condition::not_modified);
  CHECK(evaluate({{inm, "\"x\", \"y\""}}, stored) == Condition::modified);
  CHECK(evaluate({{inm, "x,y"}}, stored) == Condition::modified);
  CHECK(evaluate({{inm, "\"a\\\", \"x,y\""}}, stored) == Condition::not_modified);
  CHECK(evaluate({{inm, ""}}, stored) == Condition::modified);
  CHECK(evaluate({{inm, "\"a\""}}, Validators{"", {}, time_of(kDate)}) == Condition::modified);
  CHECK(evaluate({{inm, "odd, \"a\""}}, Validators{"odd", {}, {}}) == Condition::not_modified);
  CHECK(evaluate({{inm, "\"odd\""}}, Validators{"odd", {}, {}}) == Condition::modified);
}

TEST_CASE("C9.2 If-None-Match hides If-Modified-Since") {
  Validators stored{"\"a\"", time_of(kDate), time_of(kDate)};
  CHECK(evaluate({{FieldId::if_none_match, "\"b\""}, {FieldId::if_modified_since, kLater}},
                 stored) == Condition::modified);
  CHECK(evaluate({{FieldId::if_none_match, "\"a\""}, {FieldId::if_modified_since, kEarlier}},
                 stored) == Condition::not_modified);
}

TEST_CASE("C9.3 If-Modified-Since compares times") {
  auto ims = FieldId::if_modified_since;
  for (bool has_last_modified : {true, false}) {
    Validators stored{"", {}, time_of(kDate)};
    if (has_last_modified) {
      stored = {"", time_of(kDate), time_of(kDate) + std::chrono::hours(1)};
    }
    CHECK(evaluate({{ims, kDate}}, stored) == Condition::not_modified);
    CHECK(evaluate({{ims, kLater}}, stored) == Condition::not_modified);
    CHECK(evaluate({{ims, kEarlier}}, stored) == Condition::modified);
    CHECK(evaluate({{ims, "Sunday, 06-Nov-94 08:49:37 GMT"}}, stored) == Condition::not_modified);
    CHECK(evaluate({{ims, "Sun Nov  6 08:49:36 1994"}}, stored) == Condition::modified);
    CHECK(evaluate({{ims, "yesterday"}}, stored) == Condition::none);
    CHECK(evaluate({{ims, kLater}, {ims, kLater}}, stored) == Condition::none);
    CHECK(evaluate({}, stored) == Condition::none);
  }
}

TEST_CASE("C10.2 If-Range") {
  auto may = [](std::initializer_list<Line> lines, const Validators& stored) {
    Request request(lines);
    return may_use_range(request.fields, stored, time_of(kDate));
  };
  auto id = FieldId::if_range;
  Validators stored{"\"a\"", time_of(kDate), time_of(kDate) + std::chrono::hours(1)};
  CHECK(may({}, stored));
  CHECK(may({{id, "\"a\""}}, stored));
  CHECK(!may({{id, "\"b\""}}, stored));
  CHECK(!may({{id, "W/\"a\""}}, stored));
  CHECK(!may({{id, "\"a\", \"b\""}}, stored));
  CHECK(!may({{id, "a"}}, stored));
  CHECK(!may({{id, "\"a\""}, {id, "\"a\""}}, stored));
  CHECK(!may({{id, "W/\"a\""}}, Validators{"W/\"a\"", {}, {}}));
  CHECK(may({{id, kDate}}, stored));
  CHECK(!may({{id, kLater}}, stored));
  CHECK(!may({{id, kEarlier}}, stored));
  CHECK(!may({{id, kDate}}, Validators{"", time_of(kDate), time_of(kDate)}));
  CHECK(!may({{id, kDate}}, Validators{"", {}, time_of(kLater)}));
}
