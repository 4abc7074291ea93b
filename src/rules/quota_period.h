// SPDX-License-Identifier: Apache-2.0
//
// QuotaPeriod: which hour, day or month a quota counts in, and when the next begins. Pure.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "config/rule_decl.h"
#include "rules/zone.h"

namespace weir::rules {

struct QuotaPeriod {
  std::int64_t number = 0; // one higher for each that follows
  WallTime end{};          // the next one's first moment
};

/// The one that `now` is in. Hours are those of UTC; a day and a month begin at midnight in `zone`,
/// or, where the clock is put forward over midnight, when that day begins.
QuotaPeriod quota_period(config::QuotaTime time, WallTime now, const Zone& zone) noexcept;

} // namespace weir::rules
