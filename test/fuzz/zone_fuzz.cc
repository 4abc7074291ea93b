// SPDX-License-Identifier: Apache-2.0
//
// TZif files.
#include <cstdint>
#include <string_view>

#include "rules/zone.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto zone = weir::rules::Zone::parse({reinterpret_cast<const char*>(data), size});
  if (zone) {
    (void)zone->offset_at(weir::WallTime{});
    (void)zone->offset_at(weir::WallTime(weir::Duration(4'000'000'000'000'000)));
  }
  return 0;
}
