// SPDX-License-Identifier: Apache-2.0
//
// How often this thread has asked for memory, by operator new or, where no sanitizer has its own,
// by malloc and its kin; in the whole test program.
#pragma once

#include <cstddef>

namespace weir::proxy::test {

std::size_t allocations() noexcept;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCountsMalloc = false;
#else
constexpr bool kCountsMalloc = true;
#endif

} // namespace weir::proxy::test
