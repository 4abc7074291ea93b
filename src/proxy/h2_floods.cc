// SPDX-License-Identifier: Apache-2.0
#include "proxy/h2_floods.h"

#include <algorithm>

namespace weir::proxy {

namespace {

/// What is done for each stream (a reset, a priority, window updates) may come as often as streams
/// do.
struct Allowance {
  double burst;
  double rate;
  const char* name;
};
constexpr std::array<Allowance, 6> kAllowances = {{
    {200, 20, "h2-reset-flood"},
    {100, 10, "h2-ping-flood"},
    {100, 10, "h2-settings-flood"},
    {1000, 200, "h2-priority-flood"},
    {20000, 20000, "h2-window-update-flood"},
    {100, 10, "h2-empty-data-flood"},
}};

} // namespace

H2Floods::H2Floods() {
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    buckets_[i] = {kAllowances[i].burst, Clock::mono()};
  }
}

bool H2Floods::tolerates(http::H2Flood kind) {
  auto at = static_cast<std::size_t>(kind);
  Bucket& bucket = buckets_[at];
  const Allowance& allowance = kAllowances[at];
  double passed = std::chrono::duration<double>(Clock::mono() - bucket.at).count();
  bucket.left = std::min(allowance.burst, bucket.left + passed * allowance.rate) - 1;
  bucket.at = Clock::mono();
  if (bucket.left >= 0) {
    return true;
  }
  seen_ = allowance.name;
  return false;
}

} // namespace weir::proxy
