// SPDX-License-Identifier: Apache-2.0
//
// How a file descriptor tells a task that it is ready.
//
// Watch: edge-triggered, both ways, registered once (DESIGN §4, "The edge is told once"). Its facts
// stay set until the Transport clears them.  LevelWatch: told again every turn while it lasts:
// listeners, UDP and c-ares sockets, the mailbox, the control socket.  Signal: a POSIX signal as a
// wake. Owner: its user, which outlives nothing of it: destroy the watch before closing the fd.
#pragma once

#include <cstdint>

#include "event/loop.h"

namespace weir::event {

class Watch {
public:
  Watch() = default;
  ~Watch() { close(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// Registers; every edge wakes `task`. False if the kernel refuses.
  bool open(Loop& loop, int fd, Task& task);
  void close() noexcept;
  /// Another task is woken from now on (a connection that changes its user).
  void set_task(Task& task) noexcept { task_ = &task; }

  // Facts. A fresh watch is taken to be writable, and readable once the first edge says so.
  bool readable = false;
  bool writable = true;
  /// The other side has shut down its sending direction: read on until 0.
  bool closed = false;

private:
  static void told(int fd, short what, void* self);

  Loop* loop_ = nullptr;
  Task* task_ = nullptr;
  ::event* event_ = nullptr;
};

class LevelWatch {
public:
  static constexpr std::uint8_t kRead = 1;
  static constexpr std::uint8_t kWrite = 2;

  LevelWatch(Loop& loop, int fd, std::uint8_t interest, Task& task);
  /// Where clients make many: nothing is watched before open().
  LevelWatch(Loop& loop, Task& task) : loop_(loop), task_(task) {}
  ~LevelWatch();
  LevelWatch(const LevelWatch&) = delete;
  LevelWatch& operator=(const LevelWatch&) = delete;

  /// Once. False if the kernel refuses.
  bool open(int fd, std::uint8_t interest);
  /// What it was told since the last call.
  std::uint8_t take_ready() noexcept;
  /// Stops and starts being told (an accept limit).
  void pause() noexcept;
  void resume() noexcept;

private:
  static void told(int fd, short what, void* self);

  Loop& loop_;
  Task& task_;
  ::event* event_ = nullptr;
  std::uint8_t ready_ = 0;
};

class Signal {
public:
  Signal(Loop& loop, int number, Task& task);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  /// How often it came since the last call.
  int take() noexcept;

private:
  static void told(int number, short what, void* self);

  Loop& loop_;
  Task& task_;
  ::event* event_;
  int count_ = 0;
};

} // namespace weir::event
