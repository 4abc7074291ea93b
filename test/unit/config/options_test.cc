// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <catch2/catch.hpp>

#include "config/load.h"

using namespace weir;
using namespace weir::config;

namespace {

/// The bound moved by one unit of its own: outside.
std::string beyond(const Row& row, std::string_view bound, bool above) {
  if (row.type == Type::duration) {
    Duration value{};
    REQUIRE(read_duration(bound, value).empty());
    return std::to_string(value.count() / 1000 + (above ? 1 : -1)) + "ms";
  }
  if (row.type == Type::bytes || row.type == Type::words) {
    Bytes value = 0;
    REQUIRE(read_bytes(bound, value).empty());
    return std::to_string(above ? value + 1 : value - 1) + "B";
  }
  if (row.type == Type::rate) {
    Bytes value = 0;
    REQUIRE(read_bytes(bound.substr(0, bound.size() - 2), value).empty());
    return std::to_string(above ? value + 1 : value - 1) + "B/s";
  }
  const int value = std::stoi(std::string(bound));
  return std::to_string(above ? value + 1 : value - 1) + (row.type == Type::percent ? "%" : "");
}

} // namespace

TEST_CASE("C11 every scalar row takes its default and its bounds, and nothing beyond") {
  for (const Row& row : rows()) {
    if (row.type == Type::words) {
      continue;
    }
    CAPTURE(row.name);
    Options options;
    CHECK(set_option(options, row, row.text).empty());
    CHECK(get_option(options, row) == row.text);
    if (row.type == Type::flag) {
      CHECK(set_option(options, row, "yes").empty());
      CHECK(get_option(options, row) == "yes");
      CHECK_FALSE(set_option(options, row, "on").empty());
      continue;
    }
    CHECK(set_option(options, row, row.min).empty());
    CHECK(get_option(options, row) == row.min);
    CHECK(set_option(options, row, row.max).empty());
    CHECK(get_option(options, row) == row.max);
    CHECK(set_option(options, row, beyond(row, row.max, true)).find("at most") !=
          std::string::npos);
    if (row.min != "0" && row.min != "0s") {
      CHECK(set_option(options, row, beyond(row, row.min, false)).find("at least") !=
            std::string::npos);
    }
    CHECK(get_option(options, row) == row.max); // what is refused changes nothing
    CHECK_FALSE(set_option(options, row, "-1").empty());
    CHECK_FALSE(set_option(options, row, "").empty());
    CHECK_FALSE(set_option(options, row, "99999999999999999999999s").empty());
    CHECK(set_option(options, row, "none").empty() == row.has(flag::NONE));
    CHECK(set_option(options, row, "auto").empty() == row.has(flag::AUTO));
  }
}

TEST_CASE("C11 every row says where it stands, and its word is its own there") {
  for (Flags place = flag::TOP; place <= flag::PLACES; place <<= 1U) {
    std::set<std::string> words;
    for (const Row& row : rows()) {
      if (row.stands_in(place)) {
        CAPTURE(row.name, place_name(place));
        CHECK(words.insert(row.word()).second);
        CHECK(find_row(row.word(), place) == &row);
      }
    }
    CHECK_FALSE(words.empty());
  }
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    CHECK((row.flags & flag::PLACES) != 0);
    CHECK_FALSE(row.line.empty());
    CHECK_FALSE(row.prose.empty());
    CHECK(row.prose.back() == '.');
    CHECK(row.line.back() != '.');
  }
}

TEST_CASE("CONFIG.md, Defaults: what a file does not say") {
  const Options& d = default_options();
  using namespace std::chrono_literals;
  CHECK(d.request_target_max == 16 * 1024);
  CHECK(d.head_max == 64 * 1024);
  CHECK(d.field_max == 32 * 1024);
  CHECK(d.fields_max == 128);
  CHECK(d.http2_streams == 100);
  CHECK((d.client_connections == 0 && d.connections_per_client == 0)); // none
  CHECK(d.limit_burst == 0);                                           // as many as the rate says
  CHECK(d.chunk_line_max == 4 * 1024);
  CHECK(d.variants_max == 64);
  CHECK(d.header_timeout == 10s);
  CHECK(d.body_timeout == 30s);
  CHECK(d.client_idle_timeout == 60s);
  CHECK(d.connect_timeout == 5s);
  CHECK(d.answer_timeout == 60s);
  CHECK(d.tunnel_idle_timeout == 10min);
  CHECK(d.tunnel_lifetime == 0s);
  CHECK(d.websocket);
  CHECK_FALSE(d.tunnel_sni_match);
  CHECK(d.dns_timeout == 5s);
  CHECK(d.stop_grace == 30s);
  CHECK(d.flush == 10s);
  CHECK(d.heuristic_max == 24h);
  CHECK(d.body_max == 0);
  CHECK(d.body_rate_min == 0);
  CHECK(d.queue_max == 1000);
  CHECK(d.connections == 0);
  CHECK_FALSE(d.open_proxy);
  CHECK(d.pool_verify);
  CHECK((d.check_every == 5s && d.check_timeout == 2s && d.check_rise == 2 && d.check_fall == 3));
  CHECK(find_row("disk", flag::CACHE)->min == "512MB");
  const Row& flush = *find_row("flush", flag::CACHE);
  CHECK(flush.min == "100ms");
  CHECK(flush.max == "10min");
}

TEST_CASE("C5 units are written; a bare number shows the form") {
  Duration time{};
  Bytes size = 0;
  CHECK(read_duration("30", time) == "a unit is missing: write 30s, 30min or 30h");
  CHECK(read_bytes("30", size) == "a unit is missing: write 30KB, 30MB or 30GB");
  CHECK(read_duration("30sec", time) == "'sec' is not a unit: a time has ms, s, min, h, d, w");
  CHECK(read_bytes("1Mb", size) == "'Mb' is not a unit: a size has B, KB, MB, GB, TB, PB");
  CHECK(read_bytes("1.5GB", size) == "'.5GB' is not a unit: a size has B, KB, MB, GB, TB, PB");
  CHECK(read_duration("soon", time) == "a time is a whole number and a unit: 30s, 5min, 1h");
  CHECK(read_duration("9999999999999d", time) == "the number is too large");
  CHECK(read_bytes("17179869184GB", size) == "the number is too large");
  CHECK(read_duration("1w", time).empty());
  CHECK(time == std::chrono::hours(24 * 7));
  CHECK(read_duration("5m", time).empty());
  CHECK(time == std::chrono::minutes(5));
  CHECK(read_bytes("1GB", size).empty());
  CHECK(size == Bytes{1} << 30);
  CHECK(write_duration(std::chrono::milliseconds(1500)) == "1500ms");
  CHECK(write_duration(std::chrono::seconds(90)) == "90s");
  CHECK(write_duration(std::chrono::hours(48)) == "2d");
  CHECK(write_bytes(1536) == "1536B");
  CHECK(write_bytes(3 << 20) == "3MB");
}

TEST_CASE("C9 the caret stands under the word, whatever is before it") {
  Diagnostic d;
  d.file = "f";
  d.line = 3;
  d.what = "w";
  d.source = "\t\xc3\xa4 xyz\xc3\xa4 tail";
  d.column = 5;
  d.length = 5;
  CHECK(print(std::vector{d}) ==
        "f:3:5: error: w\n    \t\xc3\xa4 xyz\xc3\xa4 tail\n    \t  ^^^^\n1 error\n");
  d.severity = Severity::warning;
  d.source = std::string("a\x1b[31m\0b", 8);
  d.column = 40; // beyond the line: still one caret
  CHECK(print(std::vector{d, d}).find("    a?[31m?b\n            ^\n") != std::string::npos);
  CHECK(print(std::vector{d, d}).find("\n2 warnings\n") != std::string::npos);
  CHECK(print(std::vector<Diagnostic>{}).empty());
}

TEST_CASE("C9 the nearest word, or none") {
  const std::vector<std::string_view> known = {"listen", "cache", "connect", "rules"};
  CHECK(nearest("lisen", known) == "listen");
  CHECK(nearest("lsiten", known) == "listen"); // two letters changed places
  CHECK(nearest("conect", known) == "connect");
  CHECK(nearest("Cache", known) == "cache");
  CHECK(nearest("flubber", known).empty());
  CHECK(nearest("", known).empty());
  CHECK(nearest(std::string(1000, 'x'), known).empty());
}
