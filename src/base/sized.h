// SPDX-License-Identifier: Apache-2.0
//
// An object and bytes behind it in one heap block: for immutable counted things of many sizes
// (DESIGN 8.10). T is Shared and overrides dispose() with `destroy_sized(this)`; trailing(this) are
// its bytes.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/ref.h"
#include "base/result.h"

namespace weir {

/// What the heap takes for a block of so many bytes: its own word beside it, rounded as malloc
/// does.
constexpr std::size_t heap_bytes(std::size_t bytes) noexcept {
  return bytes < 24 ? 32 : (bytes + 8 + 15) / 16 * 16;
}

template <class T, class... Args> Ref<T> make_sized(std::size_t extra, Args&&... args) {
  void* raw = std::malloc(sizeof(T) + extra);
  if (raw == nullptr) {
    panic("out of memory");
  }
  return Ref<T>(new (raw) T(std::forward<Args>(args)...));
}

template <class T> void destroy_sized(const T* object) noexcept {
  object->~T();
  std::free(const_cast<T*>(object));
}

template <class T> char* trailing(T* object) noexcept {
  return reinterpret_cast<char*>(object + 1);
}
template <class T> const char* trailing(const T* object) noexcept {
  return reinterpret_cast<const char*>(object + 1);
}

} // namespace weir
