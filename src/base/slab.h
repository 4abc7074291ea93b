// SPDX-License-Identifier: Apache-2.0
//
// Slab: the memory of one thread for what is made anew with each request and is too large for
// malloc's own lists. What was given back last is taken first, so that it is in the CPU's cache.
// Bounded, and kept until the thread ends; what finds no room in it comes from the heap.
//
//   class H1Fetch : public FromSlab { ... };   // new and delete on the same thread
//
// Owner: a Worker. A thread without a slab (tests), and a build for sanitizers, uses the heap.
#pragma once

#include <array>
#include <cstddef>

#include "base/huge_pages.h"

namespace weir {

class Slab {
public:
  static constexpr std::size_t kBytes = std::size_t{16} << 20; // of addresses; touched as needed
  static constexpr std::size_t kMostSize = 16 * 1024;          // of a block

  Slab();
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  /// From now on the calling thread's; nullptr: it has none. Its blocks are given back before.
  static void install(Slab* slab) noexcept;

  /// Aligned for any scalar; never null. For the thread's own use.
  static void* take(std::size_t size);
  /// What take(size) gave, on the thread with the same slab.
  static void give(void* block, std::size_t size) noexcept;

private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t kStep = 64; // sizes are rounded up to it: a line of the cache
  static constexpr std::size_t list_of(std::size_t size) noexcept {
    return (size + kStep - 1) / kStep;
  }
  bool holds(const void* block) const noexcept;

  HugePages memory_;
  std::byte* next_; // never taken yet
  std::byte* end_;
  std::array<Free*, kMostSize / kStep + 1> free_{}; // by list_of(size)
};

/// A base of what comes from the slab.
struct FromSlab {
  static void* operator new(std::size_t size) { return Slab::take(size); }
  static void operator delete(void* block, std::size_t size) noexcept { Slab::give(block, size); }
};

} // namespace weir
