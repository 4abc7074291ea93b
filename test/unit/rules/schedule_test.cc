// SPDX-License-Identifier: Apache-2.0
#include "rules/schedule.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::rules;

namespace {

WallTime at(const char* http_date) {
  auto time = parse_http_date(http_date, WallTime{});
  REQUIRE(time);
  return *time;
}

int hours_at(const char* zone, const char* time) {
  auto loaded = Zone::load(zone);
  REQUIRE(loaded);
  return static_cast<int>(loaded->offset_at(at(time)).count() / 3600);
}

constexpr std::uint8_t kMonday = 1, kWeek = 0x1f, kSaturday = 0x20, kSunday = 0x40;

std::string tzif(std::string_view footer, char version = '2') {
  std::string counts("TZif");
  counts += version;
  counts += std::string(15, '\0');
  auto u32 = [](unsigned n) {
    return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16),
                       static_cast<char>(n >> 8), static_cast<char>(n)};
  };
  counts += u32(0) + u32(0) + u32(0) + u32(0) + u32(1) + u32(4);
  std::string body = u32(3600) + std::string("\0\0", 2) + std::string("CET\0", 4);
  return counts + body + counts + body + "\n" + std::string(footer) + "\n";
}

} // namespace

TEST_CASE("a zone's offsets change when its clocks do") {
  // The last Sunday of March and October, 01:00 UTC.
  CHECK(hours_at("Europe/Berlin", "Sun, 29 Mar 2026 00:59:59 GMT") == 1);
  CHECK(hours_at("Europe/Berlin", "Sun, 29 Mar 2026 01:00:00 GMT") == 2);
  CHECK(hours_at("Europe/Berlin", "Sun, 25 Oct 2026 00:59:59 GMT") == 2);
  CHECK(hours_at("Europe/Berlin", "Sun, 25 Oct 2026 01:00:00 GMT") == 1);
  // After the last transition of the file: its last rule.
  CHECK(hours_at("Europe/Berlin", "Sat, 15 Jul 2079 12:00:00 GMT") == 2);
  CHECK(hours_at("Europe/Berlin", "Sat, 14 Jan 2079 12:00:00 GMT") == 1);
  // South of the equator summer spans the new year.
  CHECK(hours_at("America/Santiago", "Thu, 15 Jan 2026 12:00:00 GMT") == -3);
  CHECK(hours_at("America/Santiago", "Wed, 15 Jul 2026 12:00:00 GMT") == -4);
  CHECK(hours_at("Asia/Tokyo", "Sat, 15 Jul 2079 12:00:00 GMT") == 9);
  CHECK(hours_at("UTC", "Sat, 15 Jul 2079 12:00:00 GMT") == 0);
  CHECK(Zone::load(""));
}

TEST_CASE("a zone's name is a name and not a path") {
  for (auto bad :
       {"Europe/Nowhere", "../../../etc/passwd", "/etc/localtime", "Europe", "Europe/.."}) {
    INFO(bad);
    CHECK_FALSE(Zone::load(bad));
  }
}

TEST_CASE("a zone whose file has only a last rule is right, in every form of rule") {
  auto check = [](std::string_view footer, const char* time, int seconds) {
    INFO(footer);
    auto zone = Zone::parse(tzif(footer));
    REQUIRE(zone);
    CHECK(zone->offset_at(at(time)).count() == seconds);
  };
  check("CET-1CEST,M3.5.0,M10.5.0/3", "Wed, 15 Jul 2026 12:00:00 GMT", 7200);
  check("CET-1CEST,M3.5.0,M10.5.0/3", "Thu, 15 Jan 2026 12:00:00 GMT", 3600);
  check("<+0330>-3:30", "Thu, 15 Jan 2026 12:00:00 GMT", 12600);
  check("XXX3YYY,J60/0,J300", "Sun, 01 Mar 2026 02:59:59 GMT", -10800);
  check("XXX3YYY,J60/0,J300", "Sun, 01 Mar 2026 03:00:00 GMT", -7200);
  check("XXX3YYY,J60/0,J300", "Wed, 01 Mar 2028 03:00:00 GMT", -7200); // leap year: still 1 March
  check("XXX3YYY,59/0,300", "Sun, 01 Mar 2026 03:00:00 GMT", -7200);
  check("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "Sun, 29 Mar 2026 00:59:59 GMT", -10800);
  check("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "Sun, 29 Mar 2026 01:00:00 GMT", -7200);
  check("rubbish;", "Thu, 15 Jan 2026 12:00:00 GMT", 3600); // what the file says otherwise
}

TEST_CASE("a damaged zone file is refused and never hurts") {
  auto good = tzif("CET-1CEST,M3.5.0,M10.5.0/3");
  for (std::size_t size = 0; size < good.size(); ++size) {
    (void)Zone::parse(good.substr(0, size));
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      auto bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 1 << bit);
      (void)Zone::parse(bad);
    }
  }
  CHECK_FALSE(Zone::parse(""));
  CHECK_FALSE(Zone::parse("TZif"));
}

TEST_CASE("a schedule holds on its days between its times, by the clock of its zone") {
  auto berlin = *Zone::load("Europe/Berlin");
  Schedule work({{kWeek, 8 * 60, 18 * 60}}, berlin);
  CHECK_FALSE(work.holds(at("Fri, 20 Nov 2026 06:59:59 GMT"))); // 07:59
  CHECK(work.holds(at("Fri, 20 Nov 2026 07:00:00 GMT")));       // 08:00
  CHECK(work.holds(at("Fri, 20 Nov 2026 16:59:59 GMT")));
  CHECK_FALSE(work.holds(at("Fri, 20 Nov 2026 17:00:00 GMT"))); // 18:00
  CHECK_FALSE(work.holds(at("Sat, 21 Nov 2026 10:00:00 GMT")));
  CHECK(work.holds(at("Wed, 15 Jul 2026 06:00:00 GMT"))); // 08:00 in summer
}

TEST_CASE("a slot over midnight belongs to the day on which it begins") {
  Schedule night({{kSaturday, 22 * 60, 6 * 60}}, Zone());
  CHECK_FALSE(night.holds(at("Sat, 21 Nov 2026 05:00:00 GMT"))); // Friday's night
  CHECK_FALSE(night.holds(at("Sat, 21 Nov 2026 21:59:00 GMT")));
  CHECK(night.holds(at("Sat, 21 Nov 2026 22:00:00 GMT")));
  CHECK(night.holds(at("Sun, 22 Nov 2026 05:59:00 GMT")));
  CHECK_FALSE(night.holds(at("Sun, 22 Nov 2026 06:00:00 GMT")));
  CHECK_FALSE(night.holds(at("Sun, 22 Nov 2026 22:00:00 GMT")));
}

TEST_CASE("slots are alternatives, and the week goes round") {
  Schedule both({{kSunday, 22 * 60, 6 * 60}, {kMonday, 12 * 60, 1440}}, Zone());
  CHECK(both.holds(at("Mon, 23 Nov 2026 05:00:00 GMT")));
  CHECK_FALSE(both.holds(at("Mon, 23 Nov 2026 06:00:00 GMT")));
  CHECK(both.holds(at("Mon, 23 Nov 2026 23:59:59 GMT")));
  CHECK_FALSE(both.holds(at("Tue, 24 Nov 2026 00:00:00 GMT")));
  CHECK_FALSE(Schedule({}, Zone()).holds(at("Mon, 23 Nov 2026 05:00:00 GMT")));
}
