// SPDX-License-Identifier: Apache-2.0
#include "proxy/arrived.h"

#include <catch2/catch.hpp>
#include <string>

using namespace weir;
using namespace weir::proxy;

namespace {

std::string text(OutQueue& out) {
  std::string all;
  while (!out.empty()) {
    all += out.pop().view();
  }
  return all;
}

} // namespace

TEST_CASE("what arrives is taken in order, in pieces of the room there is") {
  Ref<Chunk> chunk = Chunk::small();
  std::string large(4000, 'L');
  std::copy(large.begin(), large.end(), chunk->data());
  Arrived arrived;
  arrived.add("small ", chunk);
  arrived.add("ones ", chunk);
  arrived.add({chunk->data(), large.size()}, chunk);
  arrived.add("end", chunk);
  OutQueue out;
  CHECK(arrived.take(out, 8) == 8);
  CHECK(text(out) == "small on");
  CHECK(arrived.take(out, 100'000) == 3 + 4000 + 3);
  CHECK(text(out) == "es " + large + "end");
  CHECK(arrived.empty());
  CHECK(arrived.take(out, 100) == 0);
}

TEST_CASE("small pieces are joined, and hold no chunk of their own") {
  Arrived arrived;
  Ref<Chunk> chunk = Chunk::small();
  std::string all;
  for (int i = 0; i < 500; ++i) {
    std::string piece = std::to_string(i) + ",";
    arrived.add(piece, chunk);
    all += piece;
  }
  CHECK(chunk->use_count() == 1);
  OutQueue out;
  CHECK(arrived.take(out, all.size() + 1) == all.size());
  CHECK(16 - out.slots_free() == 1);
  CHECK(text(out) == all);
}

TEST_CASE("once all is taken no chunk is held") {
  ChunkPool pool(4);
  ChunkPool::install(&pool);
  {
    Arrived arrived;
    arrived.add("small", {});
    OutQueue out;
    CHECK(arrived.take(out, 100) == 5);
    CHECK(pool.kept() == 0); // the queue has it
    out.clear();
    CHECK(pool.kept() == 1);
  }
  ChunkPool::install(nullptr);
}

TEST_CASE("what is left is counted when it goes") {
  Arrived arrived;
  Ref<Chunk> chunk = Chunk::small();
  arrived.add(std::string(100, 'x'), chunk);
  arrived.add(std::string(2000, 'x'), chunk);
  OutQueue out;
  CHECK(arrived.take(out, 50) == 50);
  CHECK(arrived.clear() == 2050);
  CHECK(arrived.empty());
  arrived.add("again", chunk);
  out.clear();
  CHECK(arrived.take(out, 50) == 5);
  CHECK(text(out) == "again");
}
