// SPDX-License-Identifier: Apache-2.0
#include "event/deadline.h"

namespace weir::event {

void Deadline::arm(Loop& loop, Duration length, Task& owner) {
  disarm();
  if (length <= Duration::zero()) {
    return;
  }
  DeadlineList& list = loop.deadlines(length);
  at_ = Clock::mono() + length;
  owner_ = &owner;
  list.waiting_.push_back(*this);
  if (list.waiting_.front() == this) {
    loop.arm_timer(at_);
  }
}

MonoTime DeadlineList::next() noexcept {
  Deadline* first = waiting_.front();
  return first == nullptr ? MonoTime::max() : first->at_;
}

void DeadlineList::pass(Loop& loop) noexcept {
  while (Deadline* first = waiting_.front()) {
    if (first->at_ > Clock::mono()) {
      return;
    }
    first->unlink();
    first->passed_ = true;
    loop.wake(*first->owner_);
  }
}

} // namespace weir::event
