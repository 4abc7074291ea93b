// SPDX-License-Identifier: Apache-2.0
#include "cache/sibling.h"

namespace weir::cache {

Sibling::Sibling(Parts parts, Ref<const Sibling> next)
    : parts_(std::move(parts)), next_(std::move(next)), size_(size_of(parts_.body)) {}

std::size_t Sibling::cost() const noexcept {
  return heap_bytes(sizeof(Sibling)) + heap_bytes(parts_.head.capacity()) +
         heap_bytes(parts_.media_type.capacity()) + held_by(parts_.body).value_or(size_) +
         heap_bytes(parts_.body.capacity() * sizeof(Slice));
}

const Sibling* find_sibling(const Sibling* chain, http::Coding coding) noexcept {
  while (chain != nullptr && chain->coding() != coding) {
    chain = chain->next().get();
  }
  return chain;
}

} // namespace weir::cache
