// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/slab.h"
#include "http/h2_values.h"

namespace weir::http {

namespace {

/// In front of each block: its size, which nghttp2 does not tell when it gives it back.
struct alignas(std::max_align_t) Block {
  std::size_t size; // with this
};

/// A stream takes a handful of small ones; what a session keeps for its whole time is larger, and
/// has no place among what comes and goes.
constexpr std::size_t kMostSmall = 1024;

void* take(std::size_t size, void*) {
  size += sizeof(Block);
  void* at = size <= kMostSmall ? Slab::take(size) : std::malloc(size);
  if (at == nullptr) {
    return nullptr;
  }
  auto* block = static_cast<Block*>(at);
  block->size = size;
  return block + 1;
}

void give(void* memory, void*) {
  if (memory == nullptr) {
    return;
  }
  Block* block = static_cast<Block*>(memory) - 1;
  if (block->size <= kMostSmall) {
    Slab::give(block, block->size);
  } else {
    std::free(block);
  }
}

void* take_zeroed(std::size_t count, std::size_t size, void*) {
  if (size != 0 && count > SIZE_MAX / 2 / size) {
    return nullptr;
  }
  void* memory = take(count * size, nullptr);
  return memory != nullptr ? std::memset(memory, 0, count * size) : nullptr;
}

void* take_again(void* old, std::size_t size, void*) {
  void* memory = take(size, nullptr);
  if (memory != nullptr && old != nullptr) {
    std::size_t had = (static_cast<Block*>(old) - 1)->size - sizeof(Block);
    std::memcpy(memory, old, std::min(had, size));
    give(old, nullptr);
  }
  return memory;
}

} // namespace

nghttp2_mem* h2_memory() noexcept {
  static nghttp2_mem memory = {nullptr, take, give, take_zeroed, take_again};
  return &memory;
}

} // namespace weir::http
