// SPDX-License-Identifier: Apache-2.0
#include "event/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/result.h"
#include "event/watch.h"

namespace weir::event {

/// The eventfd's watch. Being told is all: deliver() runs every turn.
class Mailbox::Bell final : public Task {
public:
  Bell(Loop& loop, int fd) : fd_(fd), watch_(loop, fd, LevelWatch::kRead, *this) {}
  void run() override {}
  void silence() noexcept {
    std::uint64_t rings = 0;
    if (::read(fd_, &rings, sizeof rings) < 0) {
      return; // EAGAIN: nobody rang
    }
  }

private:
  int fd_;
  LevelWatch watch_;
};

Mailbox::Mailbox(Loop& loop)
    : loop_(loop), owner_(::pthread_self()), bell_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (bell_fd_ < 0) {
    panic("no eventfd");
  }
  bell_ = std::make_unique<Bell>(loop, bell_fd_);
}

Mailbox::~Mailbox() {
  bell_.reset();
  ::close(bell_fd_);
}

void Mailbox::ring() noexcept {
  std::uint64_t one = 1;
  if (::write(bell_fd_, &one, sizeof one) < 0) {
    return; // the counter is full: it rings already
  }
}

void Mailbox::post(Job job) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    first = !std::exchange(rung_, true);
  }
  if (first) {
    ring();
  }
}

void Mailbox::wake(const Ticket& ticket) {
  if (::pthread_equal(owner_, ::pthread_self()) != 0) {
    if (Task* task = loop_.find(ticket)) {
      loop_.wake(*task);
    }
    return;
  }
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    tickets_.push_back(ticket);
    first = !std::exchange(rung_, true);
  }
  if (first) {
    ring();
  }
}

void Mailbox::deliver() {
  {
    std::lock_guard lock(mutex_);
    if (!rung_) {
      return;
    }
    jobs_now_.swap(jobs_);
    tickets_now_.swap(tickets_);
    rung_ = false;
    bell_->silence();
  }
  for (const Ticket& ticket : tickets_now_) {
    if (Task* task = loop_.find(ticket)) {
      loop_.wake(*task);
    }
  }
  tickets_now_.clear();
  for (Job& job : jobs_now_) {
    job();
  }
  jobs_now_.clear();
}

} // namespace weir::event
