// SPDX-License-Identifier: Apache-2.0
//
// Mailbox: how other threads reach a loop.  A Letter carries values, Refs and Tickets, never raw
// pointers; deliver() runs on the loop's thread, records facts and wakes.
//
// Owner: its Loop. post() and wake(): any thread, as long as the loop lives (the Server ends every
// other thread's work before its workers' loops).
#pragma once

#include <pthread.h>

#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "event/loop.h"

namespace weir::event {

class LevelWatch;

class Letter {
public:
  virtual ~Letter() = default;
  virtual void deliver() = 0;

protected:
  Letter() = default;
};

/// A piece of work as a value: for Mailbox::post and BackgroundPool::submit. Move-only captures
/// allowed.
class Job {
public:
  Job() = default;
  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, Job>)
      Job(F&& f) // NOLINT(google-explicit-constructor): so that a lambda can be passed
      : work_(std::make_unique<Holder<std::decay_t<F>>>(std::forward<F>(f))) {}
  void operator()() { work_->deliver(); }
  explicit operator bool() const noexcept { return work_ != nullptr; }

private:
  friend class Mailbox;
  template <class F> class Holder final : public Letter {
  public:
    explicit Holder(F&& f) : f_(std::move(f)) {}
    explicit Holder(const F& f) : f_(f) {}
    void deliver() override { f_(); }

  private:
    F f_;
  };
  std::unique_ptr<Letter> work_;
};

class Mailbox {
public:
  explicit Mailbox(Loop& loop);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Any thread. The job runs on the loop's thread, in order of posting.
  void post(Job job);
  /// Any thread: wakes what the ticket names. On the loop's own thread it is a plain wake.
  void wake(const Ticket& ticket);
  /// The thread that turns the loop says so once, before anybody posts to it from there.
  void adopt_thread() noexcept { owner_ = ::pthread_self(); }

  /// The Loop only.
  void deliver();
  Loop& loop() noexcept { return loop_; }

private:
  class Bell;
  void ring() noexcept;

  Loop& loop_;
  pthread_t owner_;
  int bell_fd_;
  std::unique_ptr<Bell> bell_;
  std::vector<Job> jobs_now_;       // owner thread only
  std::vector<Ticket> tickets_now_; // owner thread only
  std::mutex mutex_;
  std::vector<Job> jobs_;       // guarded by mutex_
  std::vector<Ticket> tickets_; // guarded by mutex_
  bool rung_ = false;           // guarded by mutex_
};

} // namespace weir::event
