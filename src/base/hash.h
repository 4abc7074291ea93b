// SPDX-License-Identifier: Apache-2.0
//
// SipHash-1-3, keyed: for tables whose keys an attacker chooses. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace weir {

struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
  /// From the kernel's random source.
  static HashKey random();
};

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

std::uint64_t siphash64(const HashKey& key, std::string_view bytes) noexcept;
Hash128 siphash128(const HashKey& key, std::string_view bytes) noexcept;

} // namespace weir

template <> struct std::hash<weir::Hash128> {
  std::size_t operator()(const weir::Hash128& h) const noexcept { return h.low; }
};
