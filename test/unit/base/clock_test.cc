// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono;

namespace {
const WallTime kNow = time_point_cast<Duration>(sys_days{2026y / November / 21});
const WallTime kExample =
    time_point_cast<Duration>(sys_days{1994y / November / 6} + 8h + 49min + 37s);
} // namespace

TEST_CASE("C3.10 the three forms of an HTTP date are read, in any letter case") {
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow) == kExample);
  CHECK(parse_http_date("sun, 06 nov 1994 08:49:37 gmt", kNow) == kExample);
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow) == kExample);
  CHECK(parse_http_date("Sun Nov  6 08:49:37 1994", kNow) == kExample);
  CHECK(parse_http_date("Sat, 20 Nov 2286 17:46:39 GMT", kNow)->time_since_epoch() == 9999999999s);
  // 50-year rule: 76 is at most 50 years ahead of 2026, 77 is 1977.
  CHECK(parse_http_date("Saturday, 01-Jan-77 00:00:00 GMT", kNow) ==
        time_point_cast<Duration>(sys_days{1977y / January / 1}));
  CHECK(parse_http_date("Wednesday, 01-Jan-76 00:00:00 GMT", kNow) ==
        time_point_cast<Duration>(sys_days{2076y / January / 1}));
}

TEST_CASE("C3.11 any other form is no date") {
  for (auto bad : {"Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 94 08:49:37 GMT",
                   "Sun 06 Nov 1994 08:49:37 GMT", "Sun, 06  Nov 1994 08:49:37 GMT",
                   "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 08.49.37 GMT",
                   "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
                   "Sun, 06 Nov 1994 24:00:00 GMT", "0", "", "Sun, 06 Nov 1994 08:49:37 GMT ",
                   "Sun, 06 Nov 1994 08:49:37 AEST"}) {
    INFO(bad);
    CHECK_FALSE(parse_http_date(bad, kNow));
  }
}

TEST_CASE("a date is written as IMF-fixdate") {
  CHECK(format_http_date(kExample) == "Sun, 06 Nov 1994 08:49:37 GMT");
}
