// SPDX-License-Identifier: Apache-2.0
#include "proxy/metering.h"

#include <algorithm>
#include <array>

#include "metrics/metrics.h"

namespace weir::proxy {

using metrics::Metric;
using std::chrono::milliseconds;

namespace {

/// In milliseconds. A loop has a list for each length of deadline: some lengths do. They are close
/// to each other, since who wakes late finds what others have not taken yet, and takes it; what all
/// come late by is made up for by the bucket's burst.
constexpr std::array kWaits = {2,   3,   4,   5,   6,   8,   10,   12,   15,   20,
                               25,  30,  40,  50,  60,  80,  100,  120,  150,  200,
                               250, 300, 400, 500, 600, 800, 1000, 1200, 1500, 2000};

Duration rounded(Duration wait) {
  const auto* found = std::find_if(kWaits.begin(), kWaits.end(),
                                   [wait](int each) { return milliseconds(each) >= wait; });
  return milliseconds(found != kWaits.end() ? *found : kWaits.back());
}

} // namespace

Metering::~Metering() {
  end_wait();
  for (Held& each : held_) {
    if (each.turn > 0) {
      each.meter->give_back(each.turn);
    }
  }
  if (bandwidth_) {
    metrics::count(Metric::bandwidth_bytes, moved_);
    metrics::count(Metric::bandwidth_delayed_bytes, behind_);
  }
  if (slowest_ != nullptr) {
    limits_.count(slowest_->name, {0, 0, behind_});
  }
}

void Metering::add(const config::LimitDecl& limit, rules::MeterUse use) {
  bandwidth_ = bandwidth_ || limit.bandwidth != 0;
  held_.push_back({&limit, std::move(use), 0});
}

std::size_t Metering::room_now(std::size_t room, event::Task& owner) {
  if (!bandwidth_) {
    return room;
  }
  if (ready_ == 0) {
    take_turns();
  }
  MonoTime now = Clock::mono();
  if (due_ > now) {
    if (waits_since_ == MonoTime{}) {
      metrics::add(Metric::bandwidth_waiting);
      waits_since_ = now;
    }
    late_ = true;
    deadline_.arm(loop_, rounded(due_ - now), owner);
    return 0;
  }
  end_wait();
  return std::min(room, ready_);
}

/// The next turn of each bandwidth; all wait for the latest, and have as much as the smallest.
void Metering::take_turns() {
  ready_ = SIZE_MAX;
  due_ = {};
  late_ = false;
  MonoTime now = Clock::mono();
  for (Held& each : held_) {
    if (each.turn == 0) {
      rules::Meter::Turn turn = each.meter->take_turn(now);
      each.turn = turn.bytes;
      if (turn.due > now && turn.due > due_) {
        slowest_ = each.limit;
      }
      due_ = std::max(due_, turn.due);
    }
    ready_ = each.turn > 0 ? std::min(ready_, each.turn) : ready_;
  }
}

void Metering::end_wait() {
  if (waits_since_ != MonoTime{}) {
    metrics::sub(Metric::bandwidth_waiting);
    waited_ += Clock::mono() - waits_since_;
    waits_since_ = {};
    deadline_.disarm();
  }
}

void Metering::pulled(std::size_t bytes) {
  if (!bandwidth_) {
    return;
  }
  for (Held& each : held_) {
    if (each.limit->bandwidth != 0 && bytes > each.turn) {
      each.meter->owe(bytes - each.turn); // a source may give more than there was room for
    }
    each.turn -= std::min(each.turn, bytes);
  }
  ready_ -= std::min(ready_, bytes);
  moved_ += bytes;
  behind_ += late_ ? bytes : 0;
}

void Metering::count(std::uint64_t bytes) {
  for (Held& each : held_) {
    if (each.limit->quota != 0 &&
        each.meter->add(bytes, Clock::wall(), limits_.meters().zone()).spent()) {
      spent_ = each.limit;
    }
  }
}

} // namespace weir::proxy
