// SPDX-License-Identifier: Apache-2.0
//
// Range and Content-Range in bytes (RFC 9110 §14, CACHE_RULES 10, W7.10). Pure functions.
//
// Numbers too large to hold saturate. What is malformed, of another unit, or not worth an answer in
// parts is "ignore Range": the whole representation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/fields.h"

namespace weir::http {

/// Octets first to last, both included, of a representation.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  std::uint64_t size() const noexcept { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// One member of Range, as asked.
struct RangeSpec {
  enum class Kind : std::uint8_t {
    closed, // first-last
    open,   // first-
    suffix, // -last: the last `last` octets
  };
  Kind kind = Kind::closed;
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  friend bool operator==(const RangeSpec&, const RangeSpec&) = default;
};

struct RangeSet {
  static constexpr std::size_t kMost = 16; // more are answered with the whole
  std::array<RangeSpec, kMost> specs{};
  std::size_t count = 0;

  std::span<const RangeSpec> view() const noexcept { return {specs.data(), count}; }
};

/// The Range field of a request. Nothing: none, several lines, another unit, malformed, too many.
std::optional<RangeSet> parse_range(const Fields& request) noexcept;
std::optional<RangeSet> parse_range(std::string_view value) noexcept;

struct RangeAnswer {
  enum class Kind : std::uint8_t {
    whole,         // 200: overlapping parts, or nothing gained
    parts,         // 206: `count` parts, in the order asked; one: no multipart
    unsatisfiable, // 416
  };
  Kind kind = Kind::whole;
  std::size_t count = 0;
  std::array<ByteRange, RangeSet::kMost> parts{};
};
/// Against a representation of `length` octets.
RangeAnswer resolve_ranges(const RangeSet& set, std::uint64_t length) noexcept;

struct ContentRange {
  std::optional<ByteRange> range;      // nothing: "bytes */length", of a 416
  std::optional<std::uint64_t> length; // nothing: "*"
};
/// Strict: first <= last < length, no number above 2^63 - 1, unit bytes.
std::optional<ContentRange> parse_content_range(std::string_view value) noexcept;
/// "bytes 0-4/10", "bytes 0-4/*".
std::string_view write_content_range(const ByteRange& range, std::optional<std::uint64_t> length,
                                     Arena& arena);
/// "bytes */10".
std::string_view write_unsatisfied_range(std::uint64_t length, Arena& arena);

} // namespace weir::http
