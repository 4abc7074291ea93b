// SPDX-License-Identifier: Apache-2.0
//
// CHECK for fuzz targets: ends the process where it does not hold, so that engine and replay see
// it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      weir::panic("fuzz: " #condition);                                                            \
    }                                                                                              \
  } while (false)

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}
