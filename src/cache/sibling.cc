// SPDX-License-Identifier: Apache-2.0
#include "cache/sibling.h"

namespace weir::cache {

Sibling::Sibling(Parts parts, Ref<const Sibling> next)
    : parts_(std::move(parts)), next_(std::move(next)) {
  for (const Slice& slice : parts_.body) {
    size_ += slice.size;
  }
}

std::size_t Sibling::cost() const noexcept {
  return sizeof(Sibling) + parts_.head.capacity() + parts_.media_type.capacity() + size_ +
         parts_.body.capacity() * sizeof(Slice);
}

const Sibling* find_sibling(const Sibling* chain, http::Coding coding) noexcept {
  while (chain != nullptr && chain->coding() != coding) {
    chain = chain->next().get();
  }
  return chain;
}

} // namespace weir::cache
