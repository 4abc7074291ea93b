// SPDX-License-Identifier: Apache-2.0
//
// HugePages: zeroed memory of the kernel's, in huge pages (2 MiB) where the system allows those to
// who asks (transparent_hugepage: madvise or always). What is large and written all over needs one
// entry of the CPU's address cache then, not 512. Touched as it is used.
#pragma once

#include <cstddef>

namespace weir {

class HugePages {
public:
  /// Ends the process if there is no memory.
  explicit HugePages(std::size_t bytes);
  ~HugePages();
  HugePages(const HugePages&) = delete;
  HugePages& operator=(const HugePages&) = delete;

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

private:
  std::size_t size_;
  std::byte* data_;
};

} // namespace weir
