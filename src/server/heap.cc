// SPDX-License-Identifier: Apache-2.0
#include "server/heap.h"

#include <malloc.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>

#include "metrics/metrics.h"

namespace weir::server {

namespace {

/// Beside caches of so many bytes.
constexpr std::uint64_t may_lie_free(std::uint64_t bound) noexcept {
  return std::max<std::uint64_t>(bound / 8, 4 << 20);
}

/// Memory that the heap has and that is in no block; 0: it cannot be told.
std::uint64_t free_heap() {
#ifdef __GLIBC__
  // The heap stands near the head of the list; the rest is not asked for, which would take long.
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool in_heap = false;
  while (std::getline(maps, line)) {
    std::uint64_t kib = 0;
    if (line.ends_with("[heap]")) {
      in_heap = true;
    } else if (in_heap && std::sscanf(line.c_str(), "Rss: %" SCNu64, &kib) == 1) {
      std::uint64_t used = ::mallinfo2().uordblks;
      return kib * 1024 - std::min<std::uint64_t>(kib * 1024, used);
    }
  }
#endif
  return 0;
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

void trim_heap() noexcept {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

std::uint64_t room_of(const CacheMemory& cache, std::uint64_t free) noexcept {
  std::uint64_t allowed = cache.bound + may_lie_free(cache.bound);
  std::uint64_t taken = cache.used + free;
  if (taken > allowed) {
    std::uint64_t base = std::min(cache.room, cache.used);
    return std::max(base - std::min(base, taken - allowed), cache.bound / 8);
  }
  return std::min(cache.bound, cache.room + (allowed - taken));
}

HeapKeeper::HeapKeeper(event::Loop& loop) : ticket_(loop.issue(*this)) {}

void HeapKeeper::watch(cache::Tier& tier) {
  tiers_.push_back(&tier);
  bound_ += tier.memory;
  tier.directory.set_moved([ticket = ticket_] { ticket.wake(); });
}

void HeapKeeper::run() {
  std::uint64_t free = free_heap();
  if (free > may_lie_free(bound_)) {
    trim_heap();
    free = free_heap();
  }
  std::uint64_t kept = 0;
  for (cache::Tier* tier : tiers_) {
    // What is free is everybody's; a tier answers for it by its size.
    auto part =
        static_cast<std::uint64_t>(static_cast<double>(free) * static_cast<double>(tier->memory) /
                                   static_cast<double>(bound_));
    cache::Directory& directory = tier->directory;
    directory.set_room(room_of({tier->memory, directory.room(), directory.used()}, part));
    kept += tier->memory - directory.room();
  }
  metrics::set(metrics::Metric::cache_kept_free, static_cast<std::int64_t>(kept));
}

} // namespace weir::server
