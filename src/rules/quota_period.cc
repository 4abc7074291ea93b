// SPDX-License-Identifier: Apache-2.0
#include "rules/quota_period.h"

namespace weir::rules {

namespace {

using std::chrono::days;
using std::chrono::floor;

/// When the clocks of the zone show midnight before `day`.
WallTime midnight(std::chrono::sys_days day, const Zone& zone) noexcept {
  WallTime local = day;
  WallTime about = local - zone.offset_at(local);
  return local - zone.offset_at(about); // the offset that holds there
}

} // namespace

QuotaPeriod quota_period(config::QuotaTime time, WallTime now, const Zone& zone) noexcept {
  if (time == config::QuotaTime::hour) {
    auto hour = floor<std::chrono::hours>(now);
    return {hour.time_since_epoch().count(), hour + std::chrono::hours(1)};
  }
  auto today = floor<days>(now + zone.offset_at(now));
  if (time == config::QuotaTime::day) {
    return {today.time_since_epoch().count(), midnight(today + days(1), zone)};
  }
  std::chrono::year_month_day date(today);
  auto next = date.year() / date.month() + std::chrono::months(1);
  return {static_cast<int>(date.year()) * 12LL + static_cast<unsigned>(date.month()),
          midnight(next / std::chrono::day(1), zone)};
}

} // namespace weir::rules
