// SPDX-License-Identifier: Apache-2.0
//
// MemoryWatch: whether the process has more memory than `memory-limit` allows. While it has, no
// connection is accepted and nothing is fetched; what is under way goes on, what is stored is
// served. Owner: Server; main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "event/deadline.h"
#include "event/loop.h"

namespace weir::server {

class MemoryWatch final : public event::Task {
public:
  /// `tell`: called when it becomes short of memory (true), and when it no longer is.
  MemoryWatch(event::Loop& loop, std::function<void(bool)> tell)
      : loop_(loop), tell_(std::move(tell)) {}
  /// Bytes; 0: no limit.
  void set_limit(std::uint64_t bytes);
  void run() override;

private:
  void look();
  void note(bool is_short, std::uint64_t used);

  event::Loop& loop_;
  std::function<void(bool)> tell_;
  std::uint64_t limit_ = 0;
  bool short_ = false;
  MonoTime trim_again_{}; // it takes long, with the heap's lock
  event::Deadline next_;
};

} // namespace weir::server
