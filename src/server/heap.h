// SPDX-License-Identifier: Apache-2.0
//
// The process's heap (doc/notes/memory.md). HeapKeeper gives back to the system what lies free
// between the blocks in use, when caches have let go of much. Owner: Server; main thread.
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
  void watch(cache::Tier& tier) const;
  void run() override;

private:
  event::Ticket ticket_;
};

} // namespace weir::server
