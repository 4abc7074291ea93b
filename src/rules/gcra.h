// SPDX-License-Identifier: Apache-2.0
//
// GCRA, the leaky bucket kept as one time: `burst` requests at once, then one each `interval`.
// Pure functions over times; whoever keeps the time of a bucket is limits.h.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace weir::rules {

using Nanoseconds = std::chrono::nanoseconds;

struct Rate {
  Nanoseconds interval{}; // > 0; interval * burst is at most a year
  std::uint32_t burst = 1;
  Nanoseconds window() const noexcept { return interval * burst; }
};

struct RateAnswer {
  bool allowed = true;
  std::uint32_t left = 0; // requests that would be allowed now
  Nanoseconds retry{};    // until one is allowed, if none is now
  Nanoseconds reset{};    // until all of the burst is there again
};

/// One request at `now`. `full_at`: when the bucket is full again if nobody asks; of a new bucket
/// any time that is past. It moves only when the request is allowed: who keeps on asking too early
/// is not made to wait longer.
inline RateAnswer take(const Rate& rate, Nanoseconds now, Nanoseconds& full_at) noexcept {
  full_at = std::min(full_at, now + rate.window()); // the limit was wider before a reload
  Nanoseconds from = std::max(full_at, now);
  Nanoseconds next = from + rate.interval;
  Nanoseconds room = now + rate.window() - next;
  RateAnswer answer;
  if (room < Nanoseconds::zero()) {
    answer.allowed = false;
    answer.retry = -room;
    answer.reset = from - now;
    return answer;
  }
  full_at = next;
  answer.left = static_cast<std::uint32_t>(room / rate.interval);
  answer.retry = answer.left > 0 ? Nanoseconds::zero() : rate.interval - room;
  answer.reset = next - now;
  return answer;
}

} // namespace weir::rules
