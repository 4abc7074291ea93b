// SPDX-License-Identifier: Apache-2.0
#include "http/range.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::http;

namespace {

/// "whole", "416", or the parts: "0-4 7-9".
std::string answer(std::string_view value, std::uint64_t length) {
  auto set = parse_range(value);
  if (!set) {
    return "ignored";
  }
  auto resolved = resolve_ranges(*set, length);
  if (resolved.kind == RangeAnswer::Kind::unsatisfiable) {
    return "416";
  }
  if (resolved.kind == RangeAnswer::Kind::whole) {
    return "whole";
  }
  std::string text;
  for (std::size_t i = 0; i < resolved.count; ++i) {
    text += (i != 0 ? " " : "") + std::to_string(resolved.parts[i].first) + "-" +
            std::to_string(resolved.parts[i].last);
  }
  return text;
}

} // namespace

TEST_CASE("C10.1 single ranges") {
  CHECK(answer("bytes=0-4", 10) == "0-4");
  CHECK(answer("bytes=0-0", 10) == "0-0");
  CHECK(answer("bytes=5-", 10) == "5-9");
  CHECK(answer("bytes=9-", 10) == "9-9");
  CHECK(answer("bytes=-3", 10) == "7-9");
  CHECK(answer("bytes=-30", 10) == "0-9");
  CHECK(answer("bytes=0-99", 10) == "0-9");
  CHECK(answer("BYTES=0-4", 10) == "0-4");
  CHECK(answer("bytes= 0-4 ", 10) == "0-4");
}

TEST_CASE("C10.1 W7.10 unsatisfiable") {
  CHECK(answer("bytes=10-", 10) == "416");
  CHECK(answer("bytes=10-20", 10) == "416");
  CHECK(answer("bytes=-0", 10) == "416");
  CHECK(answer("bytes=0-", 0) == "416");
  CHECK(answer("bytes=20-30,40-", 10) == "416");
}

TEST_CASE("C10.1 W7.10 what is malformed or of another unit is ignored") {
  for (auto value :
       {"",           "bytes",       "bytes=",      "bytes=-",     "bytes=a-b",   "bytes=4-2",
        "bytes=1",    "bytes=1-2-3", "bytes =0-4",  "bytes:0-4",   "items=0-4",   "bytes=0 -4",
        "bytes=0- 4", "bytes=+1-4",  "bytes=0x1-4", "bytes=0-4,x", "bytes=1-2;x", "bytes=\"0-1\"",
        " bytes=0-1", "none"}) {
    INFO(value);
    CHECK(answer(value, 10) == "ignored");
  }
}

TEST_CASE("W7.10 numbers beyond 2^64 saturate") {
  CHECK(answer("bytes=0-18446744073709551615", 10) == "0-9");
  CHECK(answer("bytes=0-18446744073709551616", 10) == "0-9");
  CHECK(answer("bytes=0-99999999999999999999999999", 10) == "0-9");
  CHECK(answer("bytes=99999999999999999999999999-", 10) == "416");
  CHECK(answer("bytes=-99999999999999999999999999", 10) == "0-9");
  CHECK(answer("bytes=18446744073709551616-18446744073709551617", 10) == "416");
}

TEST_CASE("C10.1 W7.10 several ranges") {
  CHECK(answer("bytes=0-1,5-6", 10) == "0-1 5-6");
  CHECK(answer("bytes=5-6, 0-1", 10) == "5-6 0-1");
  CHECK(answer("bytes=,0-1,,3-4,", 10) == "0-1 3-4");
  CHECK(answer("bytes=0-1,20-", 10) == "0-1");
  CHECK(answer("bytes=0-4,5-9", 10) == "0-4 5-9");
  CHECK(answer("bytes=0-4,4-9", 10) == "whole");
  CHECK(answer("bytes=0-,0-", 10) == "whole");
  CHECK(answer("bytes=1-3,-8", 10) == "whole");
  CHECK(answer("bytes=-5", 0) == "whole");
  std::string many = "bytes=0-0";
  for (int i = 1; i < 16; ++i) {
    many += "," + std::to_string(i * 2) + "-" + std::to_string(i * 2);
  }
  CHECK(answer(many, 100).starts_with("0-0 2-2"));
  CHECK(answer(many + ",50-50", 100) == "ignored");
}

TEST_CASE("C10.1 two Range lines are ignored") {
  Arena arena;
  Fields fields;
  CHECK(!parse_range(fields));
  fields.add(FieldId::range, "bytes=0-1", arena);
  CHECK(parse_range(fields));
  fields.add(FieldId::range, "bytes=0-1", arena);
  CHECK(!parse_range(fields));
}

TEST_CASE("C10.3 Content-Range is read strictly") {
  auto good = parse_content_range("bytes 0-4/10");
  REQUIRE(good);
  CHECK(good->range == ByteRange{0, 4});
  CHECK(good->length == 10);
  auto unknown = parse_content_range("Bytes 5-9/*");
  REQUIRE(unknown);
  CHECK(unknown->range == ByteRange{5, 9});
  CHECK(!unknown->length);
  auto none = parse_content_range("bytes */10");
  REQUIRE(none);
  CHECK(!none->range);
  CHECK(none->length == 10);
  for (auto value :
       {"", "bytes", "bytes 0-4", "bytes 0-10/10", "bytes 4-0/10", "bytes */*", "bytes 0-/10",
        "bytes -4/10", "bytes 0-4/", "bytes 0-4/x", "bytes=0-4/10", "items 0-4/10", "bytes  0-4/10",
        "bytes 0-4 /10", "bytes 0-9223372036854775808/*", "bytes 0-4/9223372036854775808",
        "bytes 4/10"}) {
    INFO(value);
    CHECK(!parse_content_range(value));
  }
}

TEST_CASE("C10.1 Content-Range is written") {
  Arena arena;
  CHECK(write_content_range({0, 4}, 10, arena) == "bytes 0-4/10");
  CHECK(write_content_range({5, 5}, {}, arena) == "bytes 5-5/*");
  CHECK(write_unsatisfied_range(0, arena) == "bytes */0");
}
