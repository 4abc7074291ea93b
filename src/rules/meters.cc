// SPDX-License-Identifier: Apache-2.0
#include "rules/meters.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "metrics/metrics.h"

namespace weir::rules {

using config::QuotaTime;

namespace {

constexpr std::array kTimes = {QuotaTime::hour, QuotaTime::day, QuotaTime::month};

template <class Number> bool read_number(std::string_view& text, Number& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  bool blank = text.substr(0, 1) == " ";
  text.remove_prefix(blank ? 1 : 0);
  return error == std::errc() && (blank || text.empty());
}

} // namespace

Meter::Turn Meter::take_turn(MonoTime now) {
  std::lock_guard lock(mutex_);
  if (bandwidth_ == 0) {
    return {};
  }
  std::size_t bytes = turn_of(bandwidth_);
  Nanoseconds due = reserve(bandwidth_, bytes, now.time_since_epoch(), full_at_);
  return {bytes, MonoTime(std::chrono::ceil<Duration>(due))};
}

void Meter::give_back(std::size_t bytes) {
  std::lock_guard lock(mutex_);
  if (bandwidth_ != 0) {
    full_at_ -= time_of(bandwidth_, bytes);
  }
}

void Meter::owe(std::size_t bytes) {
  std::lock_guard lock(mutex_);
  if (bandwidth_ != 0) {
    full_at_ += time_of(bandwidth_, bytes);
  }
}

QuotaAnswer Meter::add(std::uint64_t bytes, WallTime now, const Zone& zone) {
  look(now, zone);
  std::lock_guard lock(mutex_);
  used_ += bytes;
  changed_ = changed_ || bytes > 0;
  return {quota_ == 0 ? UINT64_MAX : quota_ - std::min(quota_, used_), {}};
}

/// A period begins with nothing used. A clock that steps back over its beginning does not give it
/// twice; one that was wrong by more than a period begins anew.
QuotaAnswer Meter::look(WallTime now, const Zone& zone) {
  std::lock_guard lock(mutex_);
  QuotaPeriod period = quota_period(time_, now, zone);
  if (period.number > period_ || period.number + 1 < period_) {
    period_ = period.number;
    changed_ = changed_ || used_ > 0;
    used_ = 0;
  }
  return {quota_ == 0 ? UINT64_MAX : quota_ - std::min(quota_, used_), period.end - now};
}

void Meter::set_terms(const config::LimitDecl& limit, MonoTime now) {
  std::lock_guard lock(mutex_);
  if (bandwidth_ != limit.bandwidth) {
    Nanoseconds owed = full_at_ - now.time_since_epoch();
    if (bandwidth_ != 0 && limit.bandwidth != 0 && owed > Nanoseconds::zero()) {
      auto scale = static_cast<double>(bandwidth_) / static_cast<double>(limit.bandwidth);
      auto scaled = static_cast<double>(owed.count()) * std::min(scale, 1.0);
      full_at_ = now.time_since_epoch() + Nanoseconds(static_cast<std::int64_t>(scaled));
    }
    bandwidth_ = limit.bandwidth;
  }
  if (time_ != limit.quota_time) {
    time_ = limit.quota_time;
    period_ = 0;
  }
  quota_ = limit.quota;
}

std::string Meter::saved() const {
  return fmt::format("{} {} {}", config::name(time_), period_, used_);
}

bool Meter::restore(std::string_view value) {
  std::size_t blank = value.find(' ');
  auto found = std::find_if(kTimes.begin(), kTimes.end(), [&](QuotaTime each) {
    return config::name(each) == value.substr(0, blank);
  });
  if (found == kTimes.end() || blank == std::string_view::npos) {
    return false;
  }
  value.remove_prefix(blank + 1);
  std::lock_guard lock(mutex_);
  time_ = *found;
  stored_ = true;
  return read_number(value, period_) && read_number(value, used_) && value.empty();
}

/// Nothing is lost when it goes. Under the shard's lock.
bool Meter::is_over(MonoTime mono, WallTime wall, const Zone& zone) const {
  if (users_.load(std::memory_order_acquire) != 0) {
    return false;
  }
  std::lock_guard lock(mutex_);
  return full_at_ <= mono.time_since_epoch() &&
         (used_ == 0 || quota_period(time_, wall, zone).number > period_);
}

Meters::Meters(Zone zone, std::size_t most) : zone_(std::move(zone)), most_(most / kShards) {}

Meters::Shard& Meters::shard_of(std::string_view key) noexcept {
  return shards_[siphash64(secret_, key) % kShards];
}

/// Under the shard's lock. Null: there is none, or no room.
Meter* Meters::find(Shard& shard, std::string_view key, bool make) {
  std::string name(key);
  auto found = shard.meters.find(name);
  if (found != shard.meters.end()) {
    return found->second.get();
  }
  std::size_t blank = key.find(' ');
  if (!make || blank == std::string_view::npos ||
      (shard.meters.size() >= most_ && !forget_one(shard))) {
    return nullptr;
  }
  auto meter =
      std::make_unique<Meter>(name.substr(0, blank), name.substr(std::min(blank + 1, name.size())));
  return shard.meters.emplace(std::move(name), std::move(meter)).first->second.get();
}

/// Makes room. Of a few that nobody holds, the one that has used the least.
bool Meters::forget_one(Shard& shard) {
  constexpr int kLooked = 16;
  auto least = shard.meters.end();
  int looked = 0;
  for (auto each = shard.meters.begin(); each != shard.meters.end() && looked < kLooked; ++each) {
    if (each->second->users_.load(std::memory_order_acquire) == 0) {
      ++looked;
      bool less = least == shard.meters.end() || each->second->used_ < least->second->used_;
      least = less ? each : least;
    }
  }
  metrics::count(metrics::Metric::quota_forgotten);
  if (least == shard.meters.end()) {
    return false;
  }
  if (least->second->stored_) {
    shard.erasing.push_back(least->first);
  }
  shard.meters.erase(least);
  return true;
}

MeterUse Meters::use(const config::LimitDecl& limit, std::string_view key, MonoTime now) {
  Shard& shard = shard_of(key);
  std::lock_guard lock(shard.mutex);
  Meter* meter = find(shard, key, true);
  if (meter == nullptr) {
    return {};
  }
  meter->set_terms(limit, now);
  meter->users_.fetch_add(1, std::memory_order_relaxed);
  return MeterUse(*meter);
}

bool Meters::restore(const QuotaRow& row, WallTime now) {
  Shard& shard = shard_of(row.key);
  std::lock_guard lock(shard.mutex);
  Meter* meter = find(shard, row.key, true);
  if (meter == nullptr) {
    return false;
  }
  if (!meter->restore(row.value) || meter->is_over(MonoTime{}, now, zone_)) {
    shard.meters.erase(row.key);
    return false;
  }
  return true;
}

std::vector<QuotaRow> Meters::take_changed(MonoTime mono, WallTime wall) {
  std::vector<QuotaRow> rows;
  for (Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (std::string& key : shard.erasing) {
      rows.push_back({std::move(key), {}});
    }
    shard.erasing.clear();
    for (auto each = shard.meters.begin(); each != shard.meters.end();) {
      Meter& meter = *each->second;
      if (meter.is_over(mono, wall, zone_)) {
        if (meter.stored_) {
          rows.push_back({each->first, {}});
        }
        each = shard.meters.erase(each);
        continue;
      }
      std::lock_guard numbers(meter.mutex_);
      if (meter.changed_ && (meter.quota_ != 0 || meter.stored_)) {
        rows.push_back({each->first, meter.saved()});
        meter.stored_ = true;
      }
      meter.changed_ = false;
      ++each;
    }
  }
  return rows;
}

std::size_t Meters::reset(std::string_view limit, std::string_view key) {
  std::size_t count = 0;
  for (Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (auto& [name, meter] : shard.meters) {
      if (meter->limit_ == limit && (key.empty() || meter->key_ == key)) {
        std::lock_guard numbers(meter->mutex_);
        meter->used_ = 0;
        meter->full_at_ = {};
        meter->changed_ = true;
        ++count;
      }
    }
  }
  return count;
}

std::vector<MeterFacts> Meters::facts(std::string_view limit, MonoTime mono, WallTime wall) const {
  std::vector<MeterFacts> all;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (const auto& [name, meter] : shard.meters) {
      if (!limit.empty() && meter->limit_ != limit) {
        continue;
      }
      std::lock_guard numbers(meter->mutex_);
      MeterFacts facts{meter->limit_, meter->key_, meter->bandwidth_, {}, meter->quota_, 0, 0};
      Nanoseconds wait = meter->full_at_ - mono.time_since_epoch() - kBandwidthBurst;
      facts.wait = std::chrono::ceil<Duration>(std::max(wait, Nanoseconds::zero()));
      bool now = quota_period(meter->time_, wall, zone_).number <= meter->period_;
      facts.used = now ? meter->used_ : 0;
      facts.users = meter->users_.load(std::memory_order_relaxed);
      all.push_back(std::move(facts));
    }
  }
  return all;
}

} // namespace weir::rules
