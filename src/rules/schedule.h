// SPDX-License-Identifier: Apache-2.0
//
// Schedule: a `when` of the configuration, ready to be asked whether it is that time. A value,
// immutable; any thread.
#pragma once

#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "rules/zone.h"

namespace weir::rules {

class Schedule {
public:
  /// Fails when the zone is not known here.
  static Result<Schedule> compile(const config::WhenDecl& decl);
  Schedule(std::vector<config::TimeSlot> slots, Zone zone);

  /// By the wall clock of the zone; a slot over midnight belongs to the day on which it begins.
  bool holds(WallTime now) const noexcept;

private:
  std::vector<config::TimeSlot> slots_;
  Zone zone_;
};

} // namespace weir::rules
