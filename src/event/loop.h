// SPDX-License-Identifier: Apache-2.0
//
// Loop: one thread's event loop.  Task: what it runs.  The rule is "wake, never call" (DESIGN §4):
// a libevent callback, a deadline, a letter or another task records a fact and wakes a task; the
// task runs later from the top and pulls what it needs.
//
// Owner: Worker, or main. Everything here belongs to the loop's own thread, but for Mailbox::post.
// A turn: wait for readiness; tick the clock; deliver letters; pass deadlines; run at most 256
// tasks; empty the graveyard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/list.h"

struct event_base;
struct event;

namespace weir::event {

class DeadlineList;
class Mailbox;

struct RunTag {};

/// Something that can be woken. Woken twice it runs once; woken for nothing it looks and returns:
/// every step is idempotent until its fact is true. The destructor takes it off the run queue.
class Task : public ListNode<RunTag> {
public:
  virtual ~Task() = default;
  /// Called by the Loop only.
  virtual void run() = 0;

protected:
  Task() = default;
};

/// Names a Task across threads. A stale one wakes nobody. Made by Loop::issue; copies freely.
struct Ticket {
  Mailbox* to = nullptr;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  explicit operator bool() const noexcept { return to != nullptr; }
  friend bool operator==(const Ticket&, const Ticket&) = default;
  /// Wakes the task it names, from any thread; nothing if that is gone.
  void wake() const;
};

class Loop {
public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Turns until stop() was called.
  void run();
  /// One turn; `block`: wait for something to happen if nothing is runnable.
  void turn(bool block);
  void stop() noexcept { stopping_ = true; }

  void wake(Task& task) noexcept {
    if (!task.linked()) {
      runnable_.push_back(task);
    }
  }
  /// Destroys it at the end of the turn: for objects that may be on the stack.
  void retire(std::unique_ptr<Task> task) { graveyard_.push_back(std::move(task)); }

  /// The list of deadlines of one length; lives as long as the loop.
  DeadlineList& deadlines(Duration length);
  /// The next deadline may be earlier than the armed timer.
  void arm_timer(MonoTime at) noexcept;

  Ticket issue(Task& task);
  void revoke(const Ticket& ticket) noexcept;
  /// The task a ticket names, or nullptr.
  Task* find(const Ticket& ticket) const noexcept;

  Mailbox& mailbox() noexcept { return *mailbox_; }
  event_base* base() noexcept { return base_; }
  /// Turns so far, and the tasks run in them.
  std::uint64_t turns() const noexcept { return turns_; }

private:
  struct TicketSlot {
    Task* task = nullptr;
    std::uint32_t generation = 0;
  };

  void pass_deadlines() noexcept;
  void run_tasks();

  event_base* base_;
  ::event* timer_ = nullptr;
  MonoTime armed_for_ = MonoTime::max();
  bool timer_fired_ = false; // in this turn
  bool stopping_ = false;
  std::uint64_t turns_ = 0;
  List<Task, RunTag> runnable_;
  std::vector<std::unique_ptr<Task>> graveyard_;
  std::vector<std::unique_ptr<DeadlineList>> deadline_lists_;
  std::vector<TicketSlot> tickets_;
  std::vector<std::uint32_t> free_tickets_;
  std::unique_ptr<Mailbox> mailbox_;
};

} // namespace weir::event
