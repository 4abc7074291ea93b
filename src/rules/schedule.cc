// SPDX-License-Identifier: Apache-2.0
#include "rules/schedule.h"

namespace weir::rules {

Result<Schedule> Schedule::compile(const config::WhenDecl& decl) {
  auto zone = Zone::load(decl.zone);
  if (!zone) {
    return fail(zone.error());
  }
  return Schedule(decl.slots, std::move(*zone));
}

Schedule::Schedule(std::vector<config::TimeSlot> slots, Zone zone)
    : slots_(std::move(slots)), zone_(std::move(zone)) {}

bool Schedule::holds(WallTime now) const noexcept {
  using namespace std::chrono;
  auto local = now + zone_.offset_at(now);
  auto day = floor<days>(local);
  auto minute = floor<minutes>(local - day).count();
  unsigned today = weekday{sys_days{day.time_since_epoch()}}.iso_encoding() - 1; // Monday 0
  unsigned yesterday = (today + 6) % 7;
  for (const auto& slot : slots_) {
    bool over_midnight = slot.to < slot.from;
    if ((slot.days >> today & 1) != 0 && minute >= slot.from &&
        (over_midnight || minute < slot.to)) {
      return true;
    }
    if (over_midnight && (slot.days >> yesterday & 1) != 0 && minute < slot.to) {
      return true;
    }
  }
  return false;
}

} // namespace weir::rules
