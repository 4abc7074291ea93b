// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <array>
#include <cstring>

#include <catch2/catch.hpp>

using weir::Arena;

TEST_CASE("arena: memory of the owner is used before any block, and again after reset") {
  std::array<char, 100> own;
  Arena arena(own);
  CHECK(arena.room().data() == own.data());
  CHECK(arena.room().size() == own.size());
  std::memcpy(arena.room().data(), "written first", 13); // and taken then
  CHECK(arena.allocate(13, 1) == own.data());
  CHECK(arena.copy("text").data() == own.data() + 13);
  CHECK(arena.reserved() == 0);
  std::string_view more = arena.copy(std::string(200, 'x'));
  CHECK(more == std::string(200, 'x'));
  CHECK(arena.reserved() >= 200);
  arena.reset();
  CHECK(arena.reserved() == 0);
  CHECK(arena.copy("again").data() == own.data());
}

TEST_CASE("arena: without memory of the owner the first block stays over reset") {
  Arena arena;
  CHECK(arena.room().empty());
  char* first = arena.allocate(8);
  arena.copy(std::string(5000, 'x'));
  arena.reset();
  CHECK(arena.allocate(8) == first);
  CHECK(arena.reserved() == Arena::kBlock);
}
