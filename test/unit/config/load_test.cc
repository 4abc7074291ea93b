// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "config/load.h"

using namespace weir;
using namespace weir::config;

TEST_CASE("the embedded default is clean") {
  const Loaded loaded = load_text("default", embedded_default());
  CHECK(print(loaded.diagnostics) == "");
  REQUIRE(loaded.config);
}
