// SPDX-License-Identifier: Apache-2.0
#include "log/filter.h"

#include <catch2/catch.hpp>

#include "log/filter_parser.h"

using namespace weir;
using namespace weir::log;

namespace {

constexpr std::int64_t kNow = 1'795'255'200'000'000; // 2026-11-21 10:00:00

AccessRecord sample() {
  AccessRecord r;
  r.time = kNow;
  r.host = "www.example.com";
  r.path = "/a*b/x'y";
  r.status = 503;
  r.ttfb = 250'000;
  r.bytes_out = 10'000'000;
  r.client = *Address::parse("10.1.2.3");
  r.origin = *Address::parse("2001:db8::1", 443);
  r.id = *RequestId::parse("0123456789abcdef");
  return r;
}

bool holds(std::string_view text) {
  FilterError why;
  auto filter = Filter::parse(text, WallTime(Duration(kNow)), why);
  INFO(text << ": " << why.text);
  REQUIRE(filter.has_value());
  return filter->matches(sample());
}

FilterError refused(std::string_view text) {
  FilterError why;
  INFO(text);
  CHECK(!Filter::parse(text, WallTime(Duration(kNow)), why).has_value());
  return why;
}

std::string sql(std::string_view text) {
  FilterError why;
  auto filter = Filter::parse(text, WallTime(Duration(kNow)), why);
  REQUIRE(filter.has_value());
  return filter->to_sql();
}

} // namespace

TEST_CASE("filter: tests by kind of field") {
  for (const char* yes : {"",
                          "  ",
                          "status >= 500 and host = *.example.com and ttfb > 200ms",
                          "status=503",
                          "status == 503",
                          "status != 200",
                          "status < 1k",
                          "host = www.example.com",
                          "host = \"www.example.com\"",
                          "host = w?w.*m",
                          "host != *.test",
                          "path = \"/a\\*b/x'y\"",
                          "path = /a\\*b*",
                          "path = *'y",
                          "user = \"\"",
                          "ttfb <= 0.25s",
                          "ttfb >= 250000us",
                          "ttfb > 0",
                          "bytes_out = 10MB",
                          "bytes_out > 9.5MiB",
                          "client = 10.1.2.3",
                          "client = 10.0.0.0/8",
                          "client != 10.2.0.0/16",
                          "origin = 2001:db8::1",
                          "origin = [2001:db8::1]:443",
                          "origin != [2001:db8::1]:80",
                          "origin = 2001:db8::/32",
                          "time >= 2026-11-21",
                          "time = 2026-11-21T10:00:00Z",
                          "time > -1h",
                          "time <= 2026-11-21T10",
                          "id = 0123456789ABCDEF",
                          "id != 0000000000000000"}) {
    INFO(yes);
    CHECK(holds(yes));
  }
  for (const char* no :
       {"status >= 504", "host = example.com", "host = *.example", "host = ?", "path = \"/a*c\"",
        "client = 10.1.2.4", "client = \"\"", "origin = 2001:db8::2", "origin = [2001:db8::1]:80",
        "time > 2026-11-21T10:00:00", "time < -1h", "user != \"\"", "id = 0000000000000000"}) {
    INFO(no);
    CHECK(!holds(no));
  }
}

TEST_CASE("filter: and binds more than or, not more than both") {
  CHECK(holds("status = 1 and status = 2 or status = 503"));
  CHECK(!holds("status = 1 and (status = 2 or status = 503)"));
  CHECK(holds("not status = 1 and status = 503"));
  CHECK(!holds("not (status = 1 or status = 503)"));
  CHECK(holds("not not status = 503"));
  CHECK(holds("(((status=503)))"));
}

TEST_CASE("filter: an error says where and what would be right") {
  auto e = refused("status = 200 and hots = a");
  CHECK(e.at == 17);
  CHECK(e.text == "no field `hots`; did you mean `host`?");
  CHECK(refused("agent = a").text == "no field `agent`; did you mean `user_agent`?");
  CHECK(refused("zzzzzzzz = a").text.find(" cache_reason ") != std::string::npos);
  CHECK(refused("ttfb > 200").text.find("200ms") != std::string::npos);
  CHECK(refused("ttfb > 200").at == 7);
  CHECK(refused("bytes_out > 10").text.find("10MB") != std::string::npos);
  CHECK(refused("host > a").text.find("= and !=") != std::string::npos);
  CHECK(refused("client = 10.0.0.1:80").at == 9);
  CHECK(refused("time > 2026-02-31").at == 7);
  CHECK(refused("time > yesterday").at == 7);
  CHECK(refused("id = 123").at == 5);
  CHECK(refused("status").text.find(">=") != std::string::npos);
  CHECK(refused("status =").at == 8);
  CHECK(refused("(status = 1").text == "expected `)`");
  CHECK(refused("status = 1)").at == 10);
  CHECK(refused("status = 1 status = 2").at == 11);
  CHECK(refused("host = \"a").at == 7);
  CHECK(refused("status = 99999999999999999").at == 9);
  CHECK(refused("status = 999999999999999G").at == 9);
  CHECK(refused("and").text.find("no field") == 0);
  CHECK(refused("host = a\x01").at == 8);
}

TEST_CASE("filter: depth and size are bounded") {
  CHECK(refused(std::string(1000, '(') + "status = 1").text == "nested too deeply");
  std::string nots;
  for (int i = 0; i < 1000; ++i) {
    nots += "not ";
  }
  CHECK(refused(nots + "status = 1").text == "nested too deeply");
  std::string many = "status = 1";
  for (int i = 0; i < 300; ++i) {
    many += " or status = 1";
  }
  CHECK(refused(many).text == "too many tests");
  CHECK(refused(std::string(100'000, ' ')).text == "the filter is too long");
}

TEST_CASE("filter: as SQL") {
  CHECK(sql("") == "1");
  CHECK(sql("status >= 500") == "\"status\" >= 500");
  CHECK(sql("host = *.a[b.?") == "\"host\" GLOB '*.a[[]b.?'");
  CHECK(sql("path = \"it's\"") == "\"path\" = 'it''s'");
  CHECK(sql("path != x\\**") == "\"path\" NOT GLOB 'x[*]*'");
  CHECK(sql("time > -1h") == "\"time_us\" > 1795251600000000");
  CHECK(sql("client = 10.0.0.0/8") == "ip_in(\"client\", '10.0.0.0/8')");
  CHECK(sql("client = 10.0.0.1") == "\"client\" = '10.0.0.1'");
  CHECK(sql("not (status = 1 or end != ok)") == "NOT ((\"status\" = 1 OR \"end\" <> 'ok'))");
}

TEST_CASE("filter: values") {
  CHECK(parse_duration("1.5s") == 1'500'000);
  CHECK(parse_duration("0.000001s") == 1);
  CHECK(parse_duration("1d") == 86'400'000'000);
  CHECK(!parse_duration("1.s"));
  CHECK(!parse_duration("s"));
  CHECK(!parse_duration("1"));
  CHECK(!parse_duration(""));
  CHECK(parse_bytes("1.5KiB") == 1536);
  CHECK(parse_bytes("0") == 0);
  CHECK(parse_time("1970") == 0);
  CHECK(parse_time("2026-11-21 10:00:00.5") == kNow + 500'000);
  CHECK(parse_time("2026-11-21T10:00:00.123456Z") == kNow + 123'456);
  CHECK(!parse_time("2026-11-21 10:00:00."));
  CHECK(!parse_time("2026-11-21 10:00:00.1234567"));
  CHECK(!parse_time("2026-11-21X10"));
  CHECK(!parse_time("2026-13"));
  CHECK(!parse_time(""));
}
