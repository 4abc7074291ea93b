// SPDX-License-Identifier: Apache-2.0
//
// RateWindow: how fast counters went over the last minute. One thread.
#pragma once

#include <array>
#include <cstddef>

#include "base/clock.h"
#include "metrics/metrics.h"

namespace weir::metrics {

/// Means over a time; bytes are those exchanged with clients.
struct Rates {
  Duration over{}; // 0: nothing is known yet
  double requests = 0;
  double bytes_in = 0;
  double bytes_out = 0;
};

class RateWindow {
public:
  /// How often sample() is due.
  static constexpr Duration kStep = std::chrono::seconds(5);
  static constexpr std::size_t kSteps = 12;

  void sample(const Metrics& metrics, MonoTime now);
  /// From the oldest sample that is kept (a minute old, or the first) until now; per second.
  Rates rates(const Metrics& metrics, MonoTime now) const;

private:
  struct Sample {
    MonoTime at{};
    std::int64_t requests = 0;
    std::int64_t bytes_in = 0;
    std::int64_t bytes_out = 0;
  };
  static Sample read(const Metrics& metrics, MonoTime now);

  std::array<Sample, kSteps> samples_{};
  std::size_t count_ = 0; // ever taken
};

} // namespace weir::metrics
