// SPDX-License-Identifier: Apache-2.0
//
// Bandwidth as a token bucket kept as one time, as in gcra.h, with bytes for requests and one
// difference: who comes too early is not refused but told when his bytes are due. So each takes
// his turn, and those who share a bucket are served in the order in which they asked.
// Pure functions over times; whoever keeps the time of a bucket is meters.h.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::rules {

using Nanoseconds = std::chrono::nanoseconds;

/// What may go at once after a pause: so much time's worth.
constexpr Nanoseconds kBandwidthBurst = std::chrono::seconds(1);

/// The bytes that one exchange takes at a time: a twentieth of a second's worth, and neither so few
/// that the turns cost more than they carry, nor so many that others wait long for theirs.
constexpr std::size_t turn_of(std::uint64_t rate) noexcept {
  return static_cast<std::size_t>(
      std::clamp<std::uint64_t>(rate / 20, std::uint64_t{1} << 10, std::uint64_t{1} << 16));
}

/// The time that `bytes` (at most 16 GB) take at `rate` bytes a second, which is not 0.
constexpr Nanoseconds time_of(std::uint64_t rate, std::size_t bytes) noexcept {
  return Nanoseconds(static_cast<std::int64_t>(bytes * std::uint64_t{1'000'000'000} / rate));
}

/// Takes `bytes` out of the bucket and answers when they may go: `now`, or later. `full_at`: when
/// the bucket is full again if nobody takes; of a new bucket any time that is past.
constexpr Nanoseconds reserve(std::uint64_t rate, std::size_t bytes, Nanoseconds now,
                              Nanoseconds& full_at) noexcept {
  full_at = std::max(full_at, now) + time_of(rate, bytes);
  return std::max(now, full_at - kBandwidthBurst);
}

} // namespace weir::rules
