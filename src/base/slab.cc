// SPDX-License-Identifier: Apache-2.0
#include "base/slab.h"

#include <new>

namespace weir {

namespace {
// One of the thread-locals of STYLE 4.5: set by the worker when it starts.
thread_local Slab* current = nullptr;
} // namespace

Slab::Slab() : memory_(kBytes), next_(memory_.data()), end_(next_ + memory_.size()) {}

Slab::~Slab() {
  if (current == this) {
    current = nullptr;
  }
}

void Slab::install(Slab* slab) noexcept {
#ifndef __SANITIZE_ADDRESS__ // it finds what is used after its end only in the heap
  current = slab;
#else
  static_cast<void>(slab);
#endif
}

bool Slab::holds(const void* block) const noexcept {
  return block >= memory_.data() && block < end_;
}

void* Slab::take(std::size_t size) {
  if (current == nullptr || size > kMostSize) {
    return ::operator new(size);
  }
  Free*& first = current->free_[list_of(size)];
  if (first != nullptr) {
    void* block = first;
    first = first->next;
    return block;
  }
  std::size_t bytes = list_of(size) * kStep;
  if (static_cast<std::size_t>(current->end_ - current->next_) < bytes) {
    return ::operator new(size);
  }
  void* block = current->next_;
  current->next_ += bytes;
  return block;
}

void Slab::give(void* block, std::size_t size) noexcept {
  if (current == nullptr || !current->holds(block)) {
    ::operator delete(block);
    return;
  }
  Free*& first = current->free_[list_of(size)];
  first = new (block) Free{first};
}

} // namespace weir
