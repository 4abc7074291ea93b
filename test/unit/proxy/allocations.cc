// SPDX-License-Identifier: Apache-2.0
#include "allocations.h"

#include <cerrno>
#include <cstdlib>
#include <new>

namespace {
thread_local std::size_t count = 0;
} // namespace

std::size_t weir::proxy::test::allocations() noexcept { return count; }

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
namespace {
void* get(std::size_t size) { return std::malloc(size); }
} // namespace
#else
extern "C" {
// glibc's own, under the names by which whoever replaces malloc may reach them.
void* __libc_malloc(std::size_t size);                      // NOLINT
void* __libc_calloc(std::size_t n, std::size_t size);       // NOLINT
void* __libc_realloc(void* at, std::size_t size);           // NOLINT
void* __libc_memalign(std::size_t align, std::size_t size); // NOLINT
void* malloc(std::size_t size) {
  ++count;
  return __libc_malloc(size);
}
void* calloc(std::size_t n, std::size_t size) {
  ++count;
  return __libc_calloc(n, size);
}
void* realloc(void* at, std::size_t size) {
  ++count;
  return __libc_realloc(at, size);
}
void* aligned_alloc(std::size_t align, std::size_t size) {
  ++count;
  return __libc_memalign(align, size);
}
int posix_memalign(void** to, std::size_t align, std::size_t size) {
  ++count;
  *to = __libc_memalign(align, size);
  return *to != nullptr ? 0 : ENOMEM;
}
}
namespace {
void* get(std::size_t size) { return __libc_malloc(size); }
} // namespace
#endif

void* operator new(std::size_t size) {
  ++count;
  if (void* at = get(size == 0 ? 1 : size)) {
    return at;
  }
  std::abort();
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
