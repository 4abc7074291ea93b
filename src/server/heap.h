// SPDX-License-Identifier: Apache-2.0
//
// The process's heap (doc/notes/memory.md). HeapKeeper gives back to the system what lies free
// between the blocks in use, when caches have let go of much and the process has grown: what lies
// free and is used again makes it no larger. Owner: Server; main thread.
#pragma once

#include "cache/tier.h"
#include "event/loop.h"

namespace weir::server {

/// Before any thread is made.
void set_heap() noexcept;

class HeapKeeper final : public event::Task {
public:
  explicit HeapKeeper(event::Loop& loop);
  /// Before the tier is in use: its evictions tell this one.
  void watch(cache::Tier& tier);
  void run() override;

private:
  event::Ticket ticket_;
  std::uint64_t slack_ = 0; // bytes that it may grow by before it is looked at again
  std::uint64_t kept_ = 0;  // resident bytes after the last look
};

} // namespace weir::server
