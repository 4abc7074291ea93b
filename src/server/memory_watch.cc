// SPDX-License-Identifier: Apache-2.0
#include "server/memory_watch.h"

#include <unistd.h>

#include <fstream>

#include "base/errlog.h"
#include "metrics/metrics.h"
#include "server/heap.h"

namespace weir::server {

namespace {
constexpr Duration kLookEvery = std::chrono::milliseconds(100);
constexpr Duration kTrimEvery = std::chrono::seconds(1);

/// What it must fall to before anything new is begun: else it would change at each look.
constexpr std::uint64_t enough_below(std::uint64_t limit) noexcept { return limit - limit / 16; }

/// What this process alone has in memory, in bytes: no files, nothing that is shared. 0: unknown.
std::uint64_t own_memory() {
  std::ifstream in("/proc/self/statm"); // in pages: all, resident, of these shared or from files
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  if (!(in >> all >> resident >> shared) || shared > resident) {
    return 0;
  }
  return (resident - shared) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

void MemoryWatch::set_limit(std::uint64_t bytes) {
  limit_ = bytes;
  look();
}

void MemoryWatch::run() {
  if (next_.passed()) {
    look();
  }
}

void MemoryWatch::look() {
  next_.disarm();
  if (limit_ == 0) {
    note(false, 0);
    return;
  }
  std::uint64_t most = short_ ? enough_below(limit_) : limit_;
  std::uint64_t used = own_memory();
  if (used > most && Clock::mono() >= trim_again_) {
    trim_again_ = Clock::mono() + kTrimEvery;
    trim_heap();
    used = own_memory();
  }
  note(used > most, used);
  next_.arm(loop_, kLookEvery, *this);
}

void MemoryWatch::note(bool is_short, std::uint64_t used) {
  if (is_short == short_) {
    return;
  }
  short_ = is_short;
  if (short_) {
    log_warn(
        "server: {} MB of memory, memory-limit is {} MB: no new connections and no new fetches",
        used >> 20, limit_ >> 20);
  } else {
    log_info("server: memory is below memory-limit again");
  }
  metrics::set(metrics::Metric::memory_short, short_ ? 1 : 0);
  tell_(short_);
}

} // namespace weir::server
