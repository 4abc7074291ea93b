// SPDX-License-Identifier: Apache-2.0
//
// The process's heap (doc/notes/memory.md). HeapKeeper holds the caches to their memory as the
// system sees it: when much has come or gone, it gives back what lies free between the blocks in
// use; and what cannot go back, because a few blocks hold it together, it takes from the caches'
// room until it can. Owner: Server; main thread.
#pragma once

#include <vector>

#include "cache/tier.h"
#include "event/deadline.h"
#include "event/loop.h"

namespace weir::server {

/// Before any thread is made.
void set_heap() noexcept;
/// Gives back to the system what it can. 0.1 ms a MB, with the heap's lock. Any thread.
void trim_heap() noexcept;

/// Of a cache: bytes.
struct CacheMemory {
  std::uint64_t bound = 0; // as configured
  std::uint64_t room = 0;  // what entries may take now
  std::uint64_t used = 0;
};
/// The room it has from now on. `free`: bytes of memory that the heap has and does not use. They
/// may be an eighth of the bound, 4 MB at least; what is more comes off the room, of which an
/// eighth is left.
std::uint64_t room_of(const CacheMemory& cache, std::uint64_t free) noexcept;

class HeapKeeper final : public event::Task {
public:
  explicit HeapKeeper(event::Loop& loop);
  /// Before the tier is in use: its stores tell this one. It outlives the loop.
  void watch(cache::Tier& tier);
  void run() override;

private:
  void look();

  event::Loop& loop_;
  event::Ticket ticket_;
  MonoTime rest_until_{};
  event::Deadline next_;
  std::vector<cache::Tier*> tiers_;
  std::uint64_t bound_ = 0; // of all tiers
};

} // namespace weir::server
