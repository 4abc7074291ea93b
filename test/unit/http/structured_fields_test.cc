// SPDX-License-Identifier: Apache-2.0
#include "http/structured_fields.h"

#include <catch2/catch.hpp>

#include <string>

#include "base/arena.h"
#include "http/cache_control.h"

using namespace weir;
using namespace weir::http;

namespace {

/// The dictionary in one line: key:type:number:text; "failed" after the last one that was read.
std::string read(std::string_view text) {
  static constexpr const char* kTypes[] = {"int",  "dec",  "str",     "token", "bytes",
                                           "bool", "date", "display", "list"};
  DictionaryReader reader(text);
  std::string all;
  while (auto member = reader.next()) {
    const StructuredItem& value = member->value;
    all += std::string(member->key) + ":" + kTypes[static_cast<std::size_t>(value.type)];
    if (value.type == StructuredItem::Type::integer ||
        value.type == StructuredItem::Type::boolean || value.type == StructuredItem::Type::date) {
      all += ":" + std::to_string(value.number);
    }
    all += value.text.empty() ? " " : ":" + std::string(value.text) + " ";
  }
  return all + (reader.failed() ? "failed" : "");
}

std::optional<CacheControl> targeted(std::initializer_list<std::string_view> lines) {
  static Arena arena;
  Fields fields;
  for (std::string_view line : lines) {
    fields.add(FieldId::cdn_cache_control, line, arena);
  }
  return parse_targeted(fields, "cdn-cache-control");
}

} // namespace

TEST_CASE("C12.2 members of every type are read") {
  CHECK(read("") == "");
  CHECK(read("  ") == "");
  CHECK(read("a") == "a:bool:1 ");
  CHECK(read("a=1, b=-20 ,\tc=1.5") == "a:int:1 b:int:-20 c:dec ");
  CHECK(read("a=\"x \\\" y\", b=tok/en:*") == "a:str:x \\\" y b:token:tok/en:* ");
  CHECK(read("a=?0,b=?1") == "a:bool:0 b:bool:1 ");
  CHECK(read("a=:aGk=:, b=@1659578233, c=%\"f%c3%bc\"") == "a:bytes b:date:1659578233 c:display ");
  CHECK(read("a=(1 \"two\" three;p);q=1, b") == "a:list b:bool:1 ");
  CHECK(read("a;x=1;y, *b=2") == "a:bool:1 *b:int:2 ");
  CHECK(read("a=999999999999999") == "a:int:999999999999999 ");
}

TEST_CASE("C12.2 an error anywhere makes the field unusable") {
  for (std::string_view bad :
       {"&&&&",       "A=1",        "a=",   "a =1",       "a= 1",
        "a=1,",       "a=1 b=2",    ",a",   "a=1,,b",     "a=1234567890123456",
        "a=1.2345",   "a=1.",       "a=-",  "a=\"x",      "a=\"x\\n\"",
        "a=\"\x01\"", "a=?2",       "a=?",  "a=:x",       "a=:$:",
        "a=@x",       "a=@1.5",     "a=%x", "a=%\"%C3\"", "a=(1",
        "a=(1,2)",    "a=(1\"x\")", "a;",   "a;B",        "a=1234567890123.1",
        "a=\x80"}) {
    INFO(bad);
    CHECK(read(bad).ends_with("failed"));
  }
}

TEST_CASE("C12.2 a targeted field: types, the last of two, nothing of a broken one") {
  CHECK(targeted({"max-age=60"})->max_age == 60U);
  CHECK(targeted({"max-age=60", "max-age=5"})->max_age == 5U);
  CHECK(targeted({"max-age=999999999999999"})->max_age == kVeryLong);
  CHECK(targeted({"max-age=-1"})->max_age_invalid);
  CHECK_FALSE(targeted({"max-age=\"10000\", x"})->max_age);
  CHECK_FALSE(targeted({"max-age=\"10000\", x"})->max_age_invalid);
  CHECK_FALSE(targeted({"max-age=5, max-age=a"})->max_age);
  CHECK(targeted({"no-store, unknown=(1 2)"})->no_store);
  CHECK_FALSE(targeted({"no-store=?0"})->no_store);
  CHECK(targeted({"private=\"set-cookie\""})->private_fields);
  CHECK(targeted({"no-cache, must-revalidate, stale-if-error=3"})->no_cache);
  CHECK_FALSE(targeted({""}).has_value());
  CHECK_FALSE(targeted({"max-age=60, &&&&"}).has_value());
  CHECK_FALSE(targeted({"max-age = 60"}).has_value());
  CHECK_FALSE(targeted({"Max-Age=60"}).has_value());
  CHECK_FALSE(targeted({}).has_value());
  Arena arena;
  Fields own;
  own.add({"X-My-Cache", "max-age=7", FieldId::other}, arena);
  CHECK(parse_targeted(own, "x-my-cache")->max_age == 7U);
}
