// SPDX-License-Identifier: Apache-2.0
#include "server/heap.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>

#include "metrics/metrics.h"

namespace weir::server {

namespace {

/// It rests after a look so many times as long as that took.
constexpr int kRest = 20;

/// Beside caches of so many bytes.
constexpr std::uint64_t may_lie_free(std::uint64_t bound) noexcept {
  return std::max<std::uint64_t>(bound / 8, 4 << 20);
}

#ifdef __GLIBC__
/// What stands under [heap] in the process's map, as addresses; empty if nothing does.
struct Range {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};
Range heap_range() {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    Range range;
    if (line.ends_with("[heap]") &&
        std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &range.begin, &range.end) == 2) {
      return range;
    }
  }
  return {};
}

/// How much of it is in memory: 1 ms for 800 MB, where smaps takes 25.
std::uint64_t resident(Range range) {
  auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::array<unsigned char, 4096> pages{};
  std::uint64_t count = 0;
  for (std::uintptr_t at = range.begin; at < range.end; at += pages.size() * page) {
    std::size_t bytes = std::min(pages.size() * page, range.end - at);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the map has them as numbers
    if (::mincore(reinterpret_cast<void*>(at), bytes, pages.data()) != 0) {
      return 0; // the heap became smaller meanwhile
    }
    count += static_cast<std::uint64_t>(
        std::count_if(pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(bytes / page),
                      [](unsigned char state) { return (state & 1) != 0; }));
  }
  return count * page;
}
#endif

/// Memory that the heap has and that is in no block; 0: it cannot be told.
std::uint64_t free_heap() {
#ifdef __GLIBC__
  std::uint64_t all = resident(heap_range());
  std::uint64_t used = ::mallinfo2().uordblks;
  return all - std::min(all, used);
#else
  return 0;
#endif
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

HeapKeeper::HeapKeeper(event::Loop& loop) : loop_(loop), ticket_(loop.issue(*this)) {}

void HeapKeeper::watch(cache::Tier& tier) {
  tiers_.push_back(&tier);
  bound_ += tier.memory;
  tier.directory.set_moved([ticket = ticket_] { ticket.wake(); });
}

void HeapKeeper::run() {
  next_.disarm();
  MonoTime begun = Clock::read_mono();
  if (begun < rest_until_) {
    next_.arm(loop_, rest_until_ - begun, *this);
    return;
  }
  look();
  MonoTime ended = Clock::read_mono();
  rest_until_ = ended + kRest * (ended - begun);
}

void HeapKeeper::look() {
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
