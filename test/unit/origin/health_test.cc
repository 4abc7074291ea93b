// SPDX-License-Identifier: Apache-2.0
#include "origin/health.h"

#include <string_view>

#include <catch2/catch.hpp>

using namespace weir::origin;

namespace {

/// The states after each check of `results` ('+' good, '-' bad), with rise 2 and fall 3: u, U, D;
/// an '!' behind those that note() told.
std::string after(std::string_view results) {
  Health health;
  std::string all;
  for (char each : results) {
    bool told = health.note(each == '+', "x", 2, 3);
    Health::State now = health.state();
    all += now == Health::State::unknown ? 'u' : now == Health::State::up ? 'U' : 'D';
    all += told ? "!" : "";
  }
  return all;
}

} // namespace

TEST_CASE("the first good check makes a server up, and tells nobody") {
  CHECK(after("+") == "U");
  CHECK(after("-+") == "uU");
}

TEST_CASE("fall bad ones in a row make it down, and rise good ones up again") {
  CHECK(after("+---") == "UUUD!");
  CHECK(after("---") == "uuD!");
  CHECK(after("+--+--+---") == "UUUUUUUUUD!"); // a good one between begins anew
  CHECK(after("---++") == "uuD!DU!");
  CHECK(after("---+-+-++") == "uuD!DDDDDU!");
}

TEST_CASE("rise and fall of 1") {
  Health health;
  CHECK(health.note(false, "refused", 1, 1));
  CHECK(health.is_down());
  CHECK(health.last() == "refused");
  CHECK(health.note(true, "status 200", 1, 1));
  CHECK_FALSE(health.is_down());
  CHECK(health.last() == "status 200");
  CHECK(name(health.state()) == "up");
}
