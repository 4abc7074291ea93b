// SPDX-License-Identifier: Apache-2.0
//
// How often this thread has asked operator new, in the whole test program.
#pragma once

#include <cstddef>

std::size_t allocations() noexcept;
