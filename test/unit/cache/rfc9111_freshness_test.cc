// SPDX-License-Identifier: Apache-2.0
//
// CACHE_RULES 3, 4 and 5: lifetime and age.
#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include <catch2/catch.hpp>

#include "cache/rfc9111.h"
#include "scene.h"

using namespace weir;
using namespace weir::cache;

namespace {

std::int64_t lifetime(Lines response) { return Scene(response).lifetime(); }
std::int64_t control(std::string_view value) {
  return lifetime({"Cache-Control: " + std::string(value)});
}
std::int64_t expires(std::string_view value) {
  return lifetime(
      {"Date: " + date(), "Expires: " + std::string(value), "Last-Modified: " + date(-1000000)});
}

constexpr std::int64_t kVeryLong = 2147483648;

} // namespace

TEST_CASE("C3.1 s-maxage before max-age before Expires before a guess") {
  std::string past = "Expires: " + date(-50);
  std::string later = "Expires: " + date(50);
  std::string modified = "Last-Modified: " + date(-100000);
  CHECK(control("s-maxage=60, max-age=1") == 60);
  CHECK(control("max-age=1, s-maxage=60") == 60);
  CHECK(control("max-age=60, s-maxage=1") == 1);
  CHECK(lifetime({"Cache-Control: max-age=1", "Cache-Control: s-maxage=60", past}) == 60);
  CHECK(lifetime({"Cache-Control: s-maxage=60", past}) == 60);
  CHECK(lifetime({later, modified}) == 50);
  CHECK(lifetime({"Cache-Control: s-maxage=0, max-age=60", later}) == 0);
}

TEST_CASE("what decided a lifetime can be told") {
  auto from = [](Lines response, const Policy& policy = {}) {
    Scene scene(response);
    Received received = scene.received();
    received.policy = &policy;
    return lifetime_from(received);
  };
  CHECK(from({}) == LifetimeFrom::nothing);
  CHECK(from({"Cache-Control: s-maxage=60, max-age=1"}) == LifetimeFrom::s_maxage);
  CHECK(from({"Cache-Control: max-age=1", "Expires: " + date(50)}) == LifetimeFrom::max_age);
  CHECK(from({"Expires: " + date(50)}) == LifetimeFrom::expires);
  CHECK(from({"Last-Modified: " + date(-100000)}) == LifetimeFrom::heuristic);
  Policy policy;
  policy.targeted = {"own-cache-control", "cdn-cache-control"};
  CHECK(from({"CDN-Cache-Control: max-age=9"}, policy) == LifetimeFrom::targeted);
  CHECK(from({"CDN-Cache-Control: max-age=9"}) == LifetimeFrom::nothing);
  policy.targeted.clear();
  policy.ttl = seconds(30);
  CHECK(from({}, policy) == LifetimeFrom::ttl);
  policy.ttl_min = seconds(40);
  CHECK(from({"Cache-Control: max-age=1"}, policy) == LifetimeFrom::ttl_min);
  CHECK(from({"Cache-Control: max-age=41"}, policy) == LifetimeFrom::max_age);
  policy.ttl_max = seconds(50);
  CHECK(from({"Cache-Control: max-age=51"}, policy) == LifetimeFrom::ttl_max);
  CHECK(name(LifetimeFrom::ttl_max) == "ttl-max of the route");
}

TEST_CASE("C3.2 C3.3 max-age beats any Expires") {
  for (std::string value : {date(-50), date(50), std::string("0"), std::string("nonsense")}) {
    CAPTURE(value);
    CHECK(lifetime({"Expires: " + value, "Cache-Control: max-age=10"}) == 10);
    CHECK(lifetime({"Expires: " + value, "Cache-Control: max-age=0"}) == 0);
  }
}

TEST_CASE("C3.4 C3.7 unknown directives, and those in quotes, do no harm") {
  CHECK(control("foo, max-age=10, bar=baz, q=\"a, b\"") == 10);
  CHECK(control("ext=\"max-age=3600\"") == 0);
  CHECK(control("ext=\"max-age=3600\", max-age=10") == 10);
  CHECK(control("max-age=10, ext=\"max-age=3600\"") == 10);
  CHECK(control("ext=\"a, max-age=3600, b\", max-age=10") == 10);
  CHECK(control("ext=\"a\\\", max-age=3600, \\\"\", max-age=10") == 10);
  CHECK(control("xmax-age=3600, max-age=10") == 10);
  CHECK(control("max-age-x=3600, max-age=10") == 10);
  CHECK(control("MAX-age=10") == 10);
}

TEST_CASE("C3.5 numbers: zeros, huge ones, quotes; what is invalid is stale") {
  CHECK(control("max-age=003600") == 3600);
  CHECK(control("max-age=2147483647") == 2147483647);
  CHECK(control("max-age=2147483648") == kVeryLong);
  CHECK(control("max-age=99999999999") == kVeryLong);
  CHECK(control("max-age=18446744073709551617") == kVeryLong);
  CHECK(control("max-age=\"3600\"") == 3600);
  for (std::string_view bad : {"-1", "-3600", "'3600'", "a3600", "3600a", "3600.5", "", "+5", "1e3",
                               "0x10", "\"3600", "3 600"}) {
    CAPTURE(bad);
    CHECK(control("max-age=" + std::string(bad)) == 0);
    CHECK(lifetime({"Cache-Control: max-age=" + std::string(bad), "Expires: " + date(50)}) == 0);
    CHECK(control("max-age=50, s-maxage=" + std::string(bad)) == 0);
  }
}

TEST_CASE("C3.6 a blank beside '=' makes no directive") {
  CHECK(control("max-age =3600") == 0);
  CHECK(control("max-age= 3600") == 0);
}

TEST_CASE("C3.8 given twice: never the most generous") {
  CHECK(control("max-age=10, max-age=3600") <= 10);
  CHECK(control("max-age=3600, max-age=10") <= 3600);
  CHECK(lifetime({"Cache-Control: max-age=1", "Cache-Control: max-age=3600"}) <= 1);
  CHECK(control("max-age=10, max-age=x") <= 10);
}

TEST_CASE("C3.9 Expires: one valid date, or expired, and never a guess") {
  CHECK(expires(date(3600)) == 3600);
  CHECK(expires(date(0)) == 0);
  CHECK(expires(date(-3600)) == 0);
  for (std::string_view bad : {"0", "-1", "", "never", "Thu, 18 Aug 2050 02:01:18 GMT GMT"}) {
    CAPTURE(bad);
    CHECK(expires(bad) == 0);
  }
  CHECK(lifetime({"Expires: " + date(50), "Expires: " + date(60)}) == 0);
  CHECK(lifetime({"Expires: " + date(50), "Expires: " + date(50)}) == 0);
  CHECK_FALSE(Scene({"Expires: 0", "Last-Modified: " + date(-1000000)}).fresh().heuristic);
}

TEST_CASE("C3.10 all three forms, any letter case, far beyond 2038") {
  CHECK(expires("Sun, 06 Nov 1994 08:50:37 GMT") == 60);
  CHECK(expires("Sunday, 06-Nov-94 08:50:37 GMT") == 60);
  CHECK(expires("Sun Nov  6 08:50:37 1994") == 60);
  CHECK(expires("sUN, 06 nOV 1994 08:50:37 gMT") == 60);
  CHECK(expires("Tue, 19 Jan 2038 03:14:08 GMT") == 2147483648 - 784111777);
  CHECK(expires("Sat, 20 Nov 2286 17:46:40 GMT") == 10000000000 - 784111777);
  CHECK(expires("Fri, 31 Dec 9999 23:59:59 GMT") > 8000LL * 365 * 86400);
}

TEST_CASE("C3.11 anything else is expired") {
  for (std::string_view bad :
       {"Sun, 06 Nov 1994 08:50:37 UTC", "Sun, 06 Nov 1994 08:50:37 AEST",
        "Sun, 06 Nov 1994 08:50:37", "Sun, 06 Nov 94 08:50:37 GMT", "Sun 06 Nov 1994 08:50:37 GMT",
        "Sun,  06 Nov 1994 08:50:37 GMT", "Sun, 06 Nov 1994  08:50:37 GMT",
        "Sun, 06-Nov-1994 08:50:37 GMT", "Sun, 06 Nov 1994 08.50.37 GMT",
        "Sun, 06 Nov 1994 8:50:37 GMT", "1994-11-06T08:50:37Z", "784111837"}) {
    CAPTURE(bad);
    CHECK(expires(bad) == 0);
  }
}

TEST_CASE("C3.12 both Expires and Date are by the origin's clock") {
  for (std::int64_t skew : {-1000000, -3600, 0, 3600, 1000000}) {
    CAPTURE(skew);
    Scene scene({"Date: " + date(skew), "Expires: " + date(skew + 60)});
    CHECK(scene.lifetime() == 60);
    CHECK(scene.age() == std::max<std::int64_t>(0, -skew));
  }
}

TEST_CASE("C3.12 no Date, or an invalid one: the time of receipt") {
  CHECK(lifetime({"Expires: " + date(60)}) == 60);
  CHECK(lifetime({"Date: nonsense", "Expires: " + date(60)}) == 60);
  CHECK(Scene({"Date: nonsense", "Expires: " + date(60)}).age() == 0);
}

TEST_CASE("C4.1 C4.2 a tenth of the age since Last-Modified, capped") {
  auto guess = [](std::int64_t ago) {
    return lifetime({"Date: " + date(), "Last-Modified: " + date(-ago)});
  };
  CHECK(guess(600) == 60);
  CHECK(guess(5) == 0);
  CHECK(Scene({"Last-Modified: " + date(-9)}).fresh().lifetime == Duration::zero());
  CHECK(guess(0) == 0);
  CHECK(guess(-600) == 0); // in the future
  CHECK(guess(100 * 86400) == 86400);
  CHECK(guess(784111777) == 86400); // the epoch
  Scene scene({"Last-Modified: " + date(-600)});
  CHECK(scene.fresh().heuristic);
  scene.heuristic_max = seconds(7);
  CHECK(scene.lifetime() == 7);
  scene.heuristic_max = Duration::zero();
  CHECK(scene.lifetime() == 0);
}

TEST_CASE("C4.2 the Date of the response counts, not our clock") {
  CHECK(lifetime({"Date: " + date(-1000), "Last-Modified: " + date(-2000)}) == 100);
}

TEST_CASE("C4.1 a status that gives no right to guess is not guessed about") {
  Scene scene({"Last-Modified: " + date(-600)}, 302);
  CHECK(scene.lifetime() == 0);
}

TEST_CASE("C4.3 Content-Disposition and Pragma of a response change nothing") {
  CHECK(lifetime({"Last-Modified: " + date(-600), "Content-Disposition: attachment"}) == 60);
  CHECK(lifetime({"Cache-Control: max-age=9", "Pragma: no-cache"}) == 9);
  CHECK_FALSE(Scene({"Pragma: no-cache", "Expires: " + date(9)}).fresh().no_cache);
}

TEST_CASE("C5.1 the larger of apparent age, and Age with the delay") {
  Scene scene({"Date: " + date(-100)});
  CHECK(scene.age() == 100);
  scene.answers({"Age: 30"});
  CHECK(scene.age() == 100);
  Scene other({"Date: " + date(-20), "Age: 30"});
  CHECK(other.age() == 30);
  other.sent = at(-7);
  CHECK(other.age() == 37);
  Scene future({"Date: " + date(500)});
  CHECK(future.age() == 0);
  future.sent = at(3); // a clock that went back
  CHECK(future.age() == 0);
}

TEST_CASE("C5.2 an Age above the lifetime is stale on arrival") {
  Freshness f = Scene({"Cache-Control: max-age=3600", "Age: 7200"}).fresh();
  CHECK(remaining(f, at()) < Duration::zero());
}

TEST_CASE("C5.3 Age: the first member counts, what is no number is as absent") {
  auto age = [](Lines lines) { return Scene(lines).age(); };
  CHECK(age({"Age: 0, 7200"}) == 0);
  CHECK(age({"Age: 7200, 0"}) == 7200);
  CHECK(age({"Age: 7200", "Age: 0"}) == 7200);
  CHECK(age({"Age: 0", "Age: 7200"}) == 0);
  CHECK(age({"Age: 7, 7"}) == 7);
  for (std::string_view bad : {"abc", "-7200", "7200.0", "7200;foo=bar", "\"7200\"", ""}) {
    CAPTURE(bad);
    CHECK(age({"Age: " + std::string(bad)}) == 0);
  }
  CHECK(age({"Age: 2147483648"}) == kVeryLong);
  CHECK(age({"Age: 99999999999999999999"}) == kVeryLong);
}

TEST_CASE("C5.1 age and remaining freshness go with the clock, and never below the start") {
  Freshness f = Scene({"Cache-Control: max-age=60", "Age: 10"}).fresh();
  CHECK(current_age(f, at()) == seconds(10));
  CHECK(current_age(f, at(5)) == seconds(15));
  CHECK(current_age(f, at(-5)) == seconds(10));
  CHECK(remaining(f, at(5)) == seconds(45));
  CHECK(remaining(f, at(50)) == Duration::zero());
  CHECK(remaining(f, at(51)) == -seconds(1));
  f.no_cache = true;
  CHECK(remaining(f, at()) == Duration::zero());
}

TEST_CASE("C16.6 a Date cut to seconds takes nothing from the lifetime") {
  Scene scene({"Date: " + date(), "Cache-Control: max-age=1"});
  scene.sent = scene.arrived = at() + std::chrono::milliseconds(990);
  CHECK(scene.fresh().initial_age == Duration::zero());
}

namespace {

/// The formulas of RFC 9111 §4.2.1 and §4.2.3 once more, in seconds as doubles.
struct Plain {
  std::optional<double> s_maxage, max_age, expires, date, modified, age;
  double sent = 0, arrived = 0;

  double lifetime() const {
    double d = date.value_or(arrived);
    if (s_maxage) {
      return *s_maxage;
    }
    if (max_age) {
      return *max_age;
    }
    if (expires) {
      return *expires > d ? *expires - d : 0;
    }
    return modified && *modified < d ? std::min(std::floor((d - *modified) * 0.1 + 1e-7), 86400.0)
                                     : 0;
  }
  double age_at(double now) const {
    double apparent = date ? std::max(std::floor(arrived) - *date, 0.0) : 0;
    double corrected = age.value_or(0) + std::max(arrived - sent, 0.0);
    return std::max(apparent, corrected) + std::max(now - arrived, 0.0);
  }
};

} // namespace

TEST_CASE("C3.1 C5.1 lifetime and age agree with a second reading of the formulas") {
  std::mt19937 random(9111);
  auto maybe = [&](std::int64_t low, std::int64_t high) -> std::optional<double> {
    if (random() % 2 == 0) {
      return {};
    }
    return static_cast<double>(std::uniform_int_distribution<std::int64_t>(low, high)(random));
  };
  for (int round = 0; round < 20000; ++round) {
    Plain plain{maybe(0, 5000),     maybe(0, 5000),       maybe(-5000, 5000),
                maybe(-5000, 5000), maybe(-2000000, 100), maybe(0, 5000)};
    auto micros = [&](int span) { return Duration(std::int64_t(random() % 1000000) * span); };
    Scene scene;
    scene.sent = at() - micros(30);
    scene.arrived = scene.sent + micros(20) - micros(1);
    auto relative = [](WallTime t) { return std::chrono::duration<double>(t - at()).count(); };
    plain.sent = relative(scene.sent);
    plain.arrived = relative(scene.arrived);
    auto line = [&](std::string_view name, std::optional<double> value, bool is_date) {
      if (value) {
        auto n = static_cast<std::int64_t>(*value);
        scene.answers({std::string(name) + (is_date ? date(n) : std::to_string(n))});
      }
    };
    line("Cache-Control: s-maxage=", plain.s_maxage, false);
    line("Cache-Control: max-age=", plain.max_age, false);
    line("Expires: ", plain.expires, true);
    line("Date: ", plain.date, true);
    line("Last-Modified: ", plain.modified, true);
    line("Age: ", plain.age, false);
    Freshness f = scene.fresh();
    WallTime now = scene.arrived + micros(4000) - micros(10);
    auto in_seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
    CAPTURE(round);
    REQUIRE(in_seconds(f.lifetime) == Approx(plain.lifetime()).margin(1e-4));
    REQUIRE(in_seconds(current_age(f, now)) == Approx(plain.age_at(relative(now))).margin(1e-4));
    REQUIRE(in_seconds(remaining(f, now)) ==
            Approx(plain.lifetime() - plain.age_at(relative(now))).margin(1e-3));
  }
}
