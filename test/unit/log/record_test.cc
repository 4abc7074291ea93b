// SPDX-License-Identifier: Apache-2.0
#include "log/record.h"

#include <catch2/catch.hpp>

#include <set>

using namespace weir;
using namespace weir::log;

TEST_CASE("log: a request id holds its time, worker and counter, and sorts by time") {
  RequestIds ids(7);
  WallTime start{Duration(1'795'255'200'123'456)};
  RequestId first = ids.next(start);
  RequestId second = ids.next(start);
  CHECK(first.to_string().size() == RequestId::kSize);
  CHECK(first.to_string() < second.to_string());
  auto back = RequestId::parse(second.to_string());
  REQUIRE(back.has_value());
  CHECK(*back == second);
  CHECK(back->start_us == 1'795'255'200'123'456);
  CHECK(back->worker == 7);
  CHECK(back->counter == 1);
  std::string upper = second.to_string();
  for (char& c : upper) {
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  CHECK(RequestId::parse(upper) == second);
  CHECK(RequestIds(0).next(start + Duration(1)).to_string() > second.to_string());
  CHECK(!RequestId::parse("0123456789abcde"));
  CHECK(!RequestId::parse("0123456789abcdeu"));
  CHECK(!RequestId::parse("0123456789abcdef0"));
}

TEST_CASE("log: request ids survive every bit") {
  for (unsigned bit = 0; bit < 52; ++bit) {
    RequestId id{std::uint64_t{1} << bit, 1U << (bit % 20),
                 static_cast<std::uint16_t>(1U << (bit % 8))};
    CHECK(RequestId::parse(id.to_string()) == id);
  }
}

TEST_CASE("log: the counter of ids wraps within its bits") {
  RequestIds ids(1);
  RequestId last;
  for (int i = 0; i < (1 << 20); ++i) {
    last = ids.next(WallTime{});
  }
  CHECK(last.counter == (1U << 20) - 1);
  CHECK(ids.next(WallTime{}).counter == 0);
}

TEST_CASE("log: the column table") {
  std::set<std::string_view> names;
  for (const ColumnInfo& c : kColumnTable) {
    CHECK(names.insert(c.name).second);
    CHECK(!c.doc.empty());
    CHECK(info(*find_column(c.name)).name == c.name);
  }
  // What issue 2 asks for.
  for (const char* name :
       {"time",   "client", "user",   "method",       "scheme",   "host",      "port", "path",
        "query",  "status", "cache",  "cache_reason", "bytes_in", "bytes_out", "ttfb", "duration",
        "origin", "pool",   "server", "place",        "rule",     "list",      "tls",  "http",
        "end",    "id"}) {
    INFO(name);
    CHECK(names.contains(name));
  }
  CHECK(!find_column("nothing"));
}

TEST_CASE("log: times print as SQLite's datetime with microseconds") {
  std::string text;
  append_time(1'795'255'200'000'042, ' ', text);
  CHECK(text == "2026-11-21 10:00:00.000042");
  text.clear();
  append_time(-1, 'T', text);
  CHECK(text == "1969-12-31T23:59:59.999999");
}

TEST_CASE("log: JSON strings are escaped and always UTF-8") {
  auto json = [](std::string_view s) {
    std::string out;
    append_json_string(s, out);
    return out;
  };
  CHECK(json("plain") == "\"plain\"");
  CHECK(json("a\"b\\c") == "\"a\\\"b\\\\c\"");
  CHECK(json("\n\x01\x7f") == "\"\\u000a\\u0001\\u007f\"");
  CHECK(json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") == "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
  CHECK(json("\xe9x") == "\"\\u00e9x\"");
  CHECK(json("\xc0\xaf") == "\"\\u00c0\\u00af\"");            // overlong
  CHECK(json("\xed\xa0\x80") == "\"\\u00ed\\u00a0\\u0080\""); // surrogate
  CHECK(json("\xf4\x90\x80\x80") == "\"\\u00f4\\u0090\\u0080\\u0080\"");
  CHECK(json("\xe2\x82") == "\"\\u00e2\\u0082\""); // cut off
}

TEST_CASE("log: a record as JSON leaves out what is empty") {
  AccessRecord r;
  r.time = 1'795'255'200'000'042;
  r.host = "example.com";
  r.client = *Address::parse("10.0.0.1", 5555);
  r.origin = *Address::parse("2001:db8::1", 443);
  r.status = 200;
  std::string json;
  append_json(r, json);
  CHECK(json.starts_with("{\"time\":\"2026-11-21T10:00:00.000042Z\",\"id\":\"0000000000000000\","));
  CHECK(json.find("\"client\":\"10.0.0.1\"") != std::string::npos);
  CHECK(json.find("\"origin\":\"[2001:db8::1]:443\"") != std::string::npos);
  CHECK(json.find("\"status\":200") != std::string::npos);
  CHECK(json.find("\"user\"") == std::string::npos);
  CHECK(json.back() == '}');
}
