// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "config/load.h"

using namespace weir::config;

TEST_CASE("C10 the embedded default is canonical but for its brackets") {
  const Formatted once = format("default", embedded_default());
  CHECK(format("default", once.text).text == once.text);
}
