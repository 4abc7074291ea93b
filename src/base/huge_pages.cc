// SPDX-License-Identifier: Apache-2.0
#include "base/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>

#include "base/result.h"

namespace weir {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// Maps `size` bytes at a boundary of huge pages: more than that, of which both ends go again.
std::byte* map(std::size_t size) {
  void* all = ::mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) {
    panic("out of memory");
  }
  auto* begin = static_cast<std::byte*>(all);
  std::size_t before = -reinterpret_cast<std::uintptr_t>(all) & (kHugePage - 1);
  if (before > 0) {
    ::munmap(begin, before);
  }
  ::munmap(begin + before + size, kHugePage - before);
  ::madvise(begin + before, size, MADV_HUGEPAGE); // refused where they are not built in: no matter
  return begin + before;
}

} // namespace

HugePages::HugePages(std::size_t bytes)
    : size_((bytes + kHugePage - 1) & ~(kHugePage - 1)), data_(map(size_)) {}

HugePages::~HugePages() { ::munmap(data_, size_); }

} // namespace weir
