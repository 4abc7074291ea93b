// SPDX-License-Identifier: Apache-2.0
#include "event/loop.h"

#include <event2/event.h>

#include <algorithm>
#include <utility>

#include "base/result.h"
#include "event/deadline.h"
#include "event/mailbox.h"

namespace weir::event {

namespace {
constexpr int kTasksPerTurn = 256;

/// The turn looks at the lists itself.
void timer_passed(evutil_socket_t, short, void* fired) { *static_cast<bool*>(fired) = true; }
} // namespace

void Ticket::wake() const {
  if (to != nullptr) {
    to->wake(*this);
  }
}

Loop::Loop() {
  event_config* config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
  base_ = event_base_new_with_config(config);
  event_config_free(config);
  if (base_ == nullptr) {
    panic("no event base with edge triggers");
  }
  timer_ = evtimer_new(base_, timer_passed, &timer_fired_);
  mailbox_ = std::make_unique<Mailbox>(*this);
  Clock::tick();
}

Loop::~Loop() {
  graveyard_.clear();
  mailbox_.reset();
  event_free(timer_);
  event_base_free(base_);
}

void Loop::run() {
  stopping_ = false;
  while (!stopping_) {
    turn(true);
  }
}

void Loop::turn(bool block) {
  ++turns_;
  bool wait = block && runnable_.empty();
  event_base_loop(base_, EVLOOP_ONCE | (wait ? 0 : EVLOOP_NONBLOCK));
  Clock::tick();
  mailbox_->deliver();
  pass_deadlines();
  run_tasks();
  graveyard_.clear();
}

void Loop::run_tasks() {
  for (int i = 0; i < kTasksPerTurn; ++i) {
    Task* task = runnable_.pop_front();
    if (task == nullptr) {
      return;
    }
    task->run();
  }
}

DeadlineList& Loop::deadlines(Duration length) {
  for (auto& list : deadline_lists_) {
    if (list->length() == length) {
      return *list;
    }
  }
  deadline_lists_.push_back(std::make_unique<DeadlineList>(length));
  return *deadline_lists_.back();
}

void Loop::arm_timer(MonoTime at) noexcept {
  if (at >= armed_for_) {
    return;
  }
  armed_for_ = at;
  auto wait = std::max<std::int64_t>((at - Clock::mono()).count(), 0) + 1000;
  timeval tv{wait / 1'000'000, wait % 1'000'000};
  evtimer_add(timer_, &tv);
}

void Loop::pass_deadlines() noexcept {
  bool fired = std::exchange(timer_fired_, false);
  if (Clock::mono() < armed_for_) {
    if (fired) { // libevent's clock is coarse: some milliseconds early; nothing else would wake us
      arm_timer(std::exchange(armed_for_, MonoTime::max()));
    }
    return;
  }
  armed_for_ = MonoTime::max();
  MonoTime next = MonoTime::max();
  for (auto& list : deadline_lists_) {
    list->pass(*this);
    next = std::min(next, list->next());
  }
  if (next != MonoTime::max()) {
    arm_timer(next);
  }
}

Ticket Loop::issue(Task& task) {
  std::uint32_t slot;
  if (free_tickets_.empty()) {
    slot = static_cast<std::uint32_t>(tickets_.size());
    tickets_.emplace_back();
  } else {
    slot = free_tickets_.back();
    free_tickets_.pop_back();
  }
  tickets_[slot].task = &task;
  return {mailbox_.get(), slot, tickets_[slot].generation};
}

void Loop::revoke(const Ticket& ticket) noexcept {
  if (find(ticket) == nullptr) {
    return;
  }
  tickets_[ticket.slot].task = nullptr;
  ++tickets_[ticket.slot].generation;
  free_tickets_.push_back(ticket.slot);
}

Task* Loop::find(const Ticket& ticket) const noexcept {
  if (ticket.to != mailbox_.get() || ticket.slot >= tickets_.size()) {
    return nullptr;
  }
  const TicketSlot& slot = tickets_[ticket.slot];
  return slot.generation == ticket.generation ? slot.task : nullptr;
}

} // namespace weir::event
