// SPDX-License-Identifier: Apache-2.0
//
// Metering: what the limits that say bandwidth or quota hold one exchange to: its turns, and what
// it has used. No bytes pass through it: it says how many may be pulled, and is told how many went.
//
// Owner: the Exchange, which has one only where such a limit matched. Worker's thread. The
// declarations it refers to belong to the Exchange's generation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "event/deadline.h"
#include "rules/limits.h"

namespace weir::proxy {

class Metering {
public:
  Metering(event::Loop& loop, rules::Limits& limits) : loop_(loop), limits_(limits) {}
  ~Metering();
  Metering(const Metering&) = delete;
  Metering& operator=(const Metering&) = delete;

  void add(const config::LimitDecl& limit, rules::MeterUse use);

  /// There is a bandwidth among them.
  bool holds_back() const noexcept { return bandwidth_; }
  /// How much of `room` may be pulled now. 0: it waits, and `owner` is woken when it need not.
  std::size_t room_now(std::size_t room, event::Task& owner);
  /// So much was pulled of what room_now() gave.
  void pulled(std::size_t bytes);
  /// So much went over the client's connection. A quota that is used up now is spent().
  void count(std::uint64_t bytes);
  /// The quota that is used up; null: none.
  const config::LimitDecl* spent() const noexcept { return spent_; }

  /// For the log: the limit whose turns were the latest, and how long they were waited for.
  const config::LimitDecl* slowest() const noexcept { return slowest_; }
  Duration waited() const noexcept {
    return waited_ + (waits_since_ == MonoTime{} ? Duration{} : Clock::mono() - waits_since_);
  }

private:
  struct Held {
    const config::LimitDecl* limit;
    rules::MeterUse meter;
    std::size_t turn = 0; // bytes reserved and not pulled yet
  };

  void take_turns();
  void end_wait();

  event::Loop& loop_;
  rules::Limits& limits_;
  std::vector<Held> held_; // one to kMostLimits
  event::Deadline deadline_;
  MonoTime due_{};           // of the turns that are held
  std::size_t ready_ = 0;    // bytes that all turns have
  MonoTime waits_since_{};   // zero: it does not wait
  bool late_ = false;        // these turns were waited for
  bool bandwidth_ = false;   // there is one among them
  std::uint64_t moved_ = 0;  // bytes that were held to a bandwidth
  std::uint64_t behind_ = 0; // of them, those that waited
  Duration waited_{};
  const config::LimitDecl* slowest_ = nullptr;
  const config::LimitDecl* spent_ = nullptr;
};

} // namespace weir::proxy
