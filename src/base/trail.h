// SPDX-License-Identifier: Apache-2.0
//
// Trail<N>: the last N steps of a thing that waits, with a cause and the time, for crash reports,
// `status` and tests. Owner: each Exchange, Fetch, Fill. No allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace weir {

struct TrailMark {
  std::uint8_t step = 0;
  std::uint8_t cause = 0;
  std::int64_t at_us = 0; // Clock::mono()
};

template <std::size_t N> class Trail {
public:
  void push(std::uint8_t step, std::uint8_t cause = 0) noexcept {
    marks_[count_ % N] = {step, cause, Clock::mono().time_since_epoch().count()};
    ++count_;
  }
  void clear() noexcept { count_ = 0; }
  /// How many are kept, at most N.
  std::size_t size() const noexcept { return count_ < N ? count_ : N; }
  /// 0 is the oldest kept.
  const TrailMark& operator[](std::size_t i) const noexcept {
    return marks_[count_ < N ? i : (count_ + i) % N];
  }

private:
  std::array<TrailMark, N> marks_{};
  std::size_t count_ = 0;
};

} // namespace weir
