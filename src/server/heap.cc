// SPDX-License-Identifier: Apache-2.0
#include "server/heap.h"

#include <malloc.h>
#include <unistd.h>

#include <fstream>

namespace weir::server {

namespace {

/// Of this process; 0: it cannot be told.
std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

void set_heap() noexcept {
#ifdef __GLIBC__
  // One heap for all threads: with one each, what a thread frees another cannot use.
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, 512 * 1024);
  ::mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
#endif
}

HeapKeeper::HeapKeeper(event::Loop& loop) : ticket_(loop.issue(*this)) {}

void HeapKeeper::watch(cache::Tier& tier) {
  slack_ += tier.memory / 12; // more than is evicted between two looks
  tier.directory.set_let_go([ticket = ticket_] { ticket.wake(); });
}

void HeapKeeper::run() {
#ifdef __GLIBC__
  if (resident_bytes() > kept_ + slack_) {
    ::malloc_trim(0);
    kept_ = resident_bytes();
  }
#endif
}

} // namespace weir::server
