// SPDX-License-Identifier: Apache-2.0
//
// Deadline: a timeout as a fact.  DeadlineList: all deadlines of one length, first in first out, so
// that arming, touching and disarming are O(1) (DESIGN 8.6). When one passes, it says passed() and
// wakes its task. Owner of a Deadline: whoever waits. Thread: its loop's.
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "event/loop.h"

namespace weir::event {

struct DeadlineTag {};

class Deadline : public ListNode<DeadlineTag> {
public:
  /// From now. Arming again moves it. A length of 0 means none: disarms.
  void arm(Loop& loop, Duration length, Task& owner);
  void disarm() noexcept {
    unlink();
    passed_ = false;
  }
  bool armed() const noexcept { return linked(); }
  /// True from the moment it passed until it is armed or disarmed.
  bool passed() const noexcept { return passed_; }

private:
  friend class DeadlineList;
  MonoTime at_{};
  Task* owner_ = nullptr;
  bool passed_ = false;
};

class DeadlineList {
public:
  explicit DeadlineList(Duration length) : length_(length) {}
  Duration length() const noexcept { return length_; }
  /// When the first one passes; MonoTime::max() if there is none.
  MonoTime next() noexcept;
  void pass(Loop& loop) noexcept;

private:
  friend class Deadline;
  Duration length_;
  List<Deadline, DeadlineTag> waiting_;
};

} // namespace weir::event
