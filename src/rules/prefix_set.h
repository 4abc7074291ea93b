// SPDX-License-Identifier: Apache-2.0
//
// PrefixSet: an immutable set of CIDR blocks; the most specific one that holds an address, with the
// line it came from. Value, immutable after build; any thread.
//
// Nested blocks are flattened into ranges that do not overlap, each with the entry that owns it, so
// a look-up is one binary search. An IPv6 block inside ::ffff:0:0/96 counts as the IPv4 one.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.h"

namespace weir::rules {

struct PrefixEntry {
  Prefix prefix;
  std::uint32_t line = 0;
};

class PrefixSet {
public:
  PrefixSet() = default;
  /// Of the same block twice, the first line counts.
  explicit PrefixSet(std::vector<PrefixEntry> entries);

  /// The most specific block that holds the address, or else the IPv4 address it wraps
  /// (WIRE_RULES W8.2). Allocates nothing.
  const PrefixEntry* find(const Address& address) const noexcept;
  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  const std::vector<PrefixEntry>& entries() const noexcept { return entries_; }
  std::size_t bytes() const noexcept;

private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Wide {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend auto operator<=>(const Wide&, const Wide&) = default;
  };
  /// Ranges of one family: starts[i] up to before starts[i + 1] belongs to owners[i].
  template <class Key> struct Ranges {
    std::vector<Key> starts;
    std::vector<std::uint32_t> owners;
    void begin(Key at, std::uint32_t owner);
    std::uint32_t find(Key at) const noexcept;
  };

  template <class Key> void flatten(Ranges<Key>& ranges, bool v4);
  static void key_of(const Address& address, std::uint32_t& key) noexcept;
  static void key_of(const Address& address, Wide& key) noexcept;
  static std::uint32_t last_of(std::uint32_t first, unsigned bits) noexcept;
  static Wide last_of(Wide first, unsigned bits) noexcept;
  static bool advance(std::uint32_t& key) noexcept;
  static bool advance(Wide& key) noexcept;
  const PrefixEntry* find_exactly(const Address& address) const noexcept;

  std::vector<PrefixEntry> entries_; // by family, base, then shorter first
  Ranges<std::uint32_t> v4_;
  Ranges<Wide> v6_;
};

} // namespace weir::rules
