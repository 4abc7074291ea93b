// SPDX-License-Identifier: Apache-2.0
#include "server/heap.h"

#include <malloc.h>

namespace weir::server {

void set_heap() noexcept {
#ifdef __GLIBC__
  // One heap for all threads: with one each, what a thread frees another cannot use.
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, 512 * 1024);
  ::mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
#endif
}

HeapKeeper::HeapKeeper(event::Loop& loop) : ticket_(loop.issue(*this)) {}

void HeapKeeper::watch(cache::Tier& tier) const {
  tier.directory.set_let_go([ticket = ticket_] { ticket.wake(); });
}

void HeapKeeper::run() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

} // namespace weir::server
