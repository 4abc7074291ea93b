// SPDX-License-Identifier: Apache-2.0
#include "base/slab.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <vector>

using weir::FromSlab;
using weir::Slab;

namespace {

struct Small : FromSlab {
  std::uint64_t value = 7;
};
struct Base : FromSlab {
  virtual ~Base() = default;
};
struct Large : Base {
  char text[5000] = {};
};

} // namespace

#ifndef __SANITIZE_ADDRESS__ // which has no slab

TEST_CASE("slab: what was given back last is taken first, by size") {
  Slab slab;
  Slab::install(&slab);
  auto* a = new Small;
  auto* b = new Small;
  CHECK(reinterpret_cast<std::uintptr_t>(a) % (2 << 20) == 0); // the first of all
  CHECK(b != a);
  delete a;
  delete b;
  std::unique_ptr<Base> large = std::make_unique<Large>();
  void* at = large.get();
  CHECK(at != b);
  large.reset(); // by its base: with the size of the whole
  CHECK(std::make_unique<Large>().get() == at);
  auto* c = new Small;
  CHECK(c == b);
  CHECK(c->value == 7);
  delete c;
}

TEST_CASE("slab: what finds no room in it comes from the heap, and goes there") {
  Slab slab;
  Slab::install(&slab);
  std::vector<std::unique_ptr<Large>> all;
  for (std::size_t bytes = 0; bytes < Slab::kBytes + 100 * sizeof(Large); bytes += sizeof(Large)) {
    all.push_back(std::make_unique<Large>());
    all.back()->text[4999] = 'x';
  }
  all.clear();
  void* too_large = Slab::take(Slab::kMostSize + 1);
  Slab::give(too_large, Slab::kMostSize + 1);
}

#endif

TEST_CASE("slab: a thread without one uses the heap") {
  Slab::install(nullptr);
  auto a = std::make_unique<Large>();
  a->text[4999] = 'x';
  CHECK(a->text[4999] == 'x');
}
