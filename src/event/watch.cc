// SPDX-License-Identifier: Apache-2.0
#include "event/watch.h"

#include <event2/event.h>

#include <utility>

#include "base/result.h"

namespace weir::event {

bool Watch::open(Loop& loop, int fd, Task& task) {
  loop_ = &loop;
  task_ = &task;
  readable = false;
  writable = true;
  closed = false;
  event_ =
      event_new(loop.base(), fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, told, this);
  if (event_ == nullptr || event_add(event_, nullptr) != 0) {
    close();
    return false;
  }
  return true;
}

void Watch::close() noexcept {
  if (event_ != nullptr) {
    event_free(event_);
    event_ = nullptr;
  }
}

void Watch::told(int, short what, void* self) {
  auto& watch = *static_cast<Watch*>(self);
  watch.readable = watch.readable || (what & (EV_READ | EV_CLOSED)) != 0;
  watch.writable = watch.writable || (what & EV_WRITE) != 0;
  watch.closed = watch.closed || (what & EV_CLOSED) != 0;
  watch.loop_->wake(*watch.task_);
}

LevelWatch::LevelWatch(Loop& loop, int fd, std::uint8_t interest, Task& task)
    : LevelWatch(loop, task) {
  if (!open(fd, interest)) {
    panic("event_add failed");
  }
}

bool LevelWatch::open(int fd, std::uint8_t interest) {
  auto what = static_cast<short>(((interest & kRead) != 0 ? EV_READ : 0) |
                                 ((interest & kWrite) != 0 ? EV_WRITE : 0) | EV_PERSIST);
  event_ = event_new(loop_.base(), fd, what, told, this);
  return event_ != nullptr && event_add(event_, nullptr) == 0;
}

LevelWatch::~LevelWatch() {
  if (event_ != nullptr) {
    event_free(event_);
  }
}

std::uint8_t LevelWatch::take_ready() noexcept { return std::exchange(ready_, std::uint8_t{0}); }

void LevelWatch::pause() noexcept { event_del(event_); }

void LevelWatch::resume() noexcept { event_add(event_, nullptr); }

void LevelWatch::told(int, short what, void* self) {
  auto& watch = *static_cast<LevelWatch*>(self);
  watch.ready_ = static_cast<std::uint8_t>(watch.ready_ | ((what & EV_READ) != 0 ? kRead : 0) |
                                           ((what & EV_WRITE) != 0 ? kWrite : 0));
  watch.loop_.wake(watch.task_);
}

Signal::Signal(Loop& loop, int number, Task& task)
    : loop_(loop), task_(task), event_(evsignal_new(loop.base(), number, told, this)) {
  if (event_ == nullptr || event_add(event_, nullptr) != 0) {
    panic("evsignal_add failed");
  }
}

Signal::~Signal() { event_free(event_); }

int Signal::take() noexcept { return std::exchange(count_, 0); }

void Signal::told(int, short, void* self) {
  auto& signal = *static_cast<Signal*>(self);
  ++signal.count_;
  signal.loop_.wake(signal.task_);
}

} // namespace weir::event
