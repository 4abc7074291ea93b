// SPDX-License-Identifier: Apache-2.0
//
// What goes from a Directory when its memory is full: SIEVE, by turns over the shards.
#include <algorithm>

#include "cache/directory.h"
#include "metrics/metrics.h"

namespace weir::cache {

/// A step of SIEVE: the hand walks from the oldest to the newest, takes what has no bit, and clears
/// the bit of what has one.
Directory::Sieved Directory::sieve_one(Shard& shard) {
  Entry* at = shard.hand != nullptr ? shard.hand : shard.sieve.back();
  if (at == nullptr) {
    return Sieved::nothing;
  }
  if (at->shelf_.visited) {
    at->shelf_.visited = false;
    shard.hand = shard.sieve.previous(*at);
    return Sieved::spared;
  }
  shard.hand = at;
  Hash128 hash = at->hash();
  take_out(shard, shard.records.at(hash), *at);
  tidy(shard, hash);
  evictions_.fetch_add(1, std::memory_order_relaxed);
  metrics::count(metrics::Metric::cache_evictions);
  return Sieved::evicted;
}

/// Until the tier is within its room, a step in each shard in turn: what is large takes the oldest
/// of all shards, not all of a few.
void Directory::evict() {
  std::size_t empty = 0;
  while (used() > room() && empty < kShards) {
    Shard& shard = shards_[evict_turn_.fetch_add(1, std::memory_order_relaxed) % kShards];
    std::lock_guard lock(shard.mutex);
    empty = sieve_one(shard) == Sieved::nothing ? empty + 1 : 0;
  }
}

/// In small steps: a worker that inserts meanwhile takes part in one at most.
void Directory::set_room(std::uint64_t bytes) {
  constexpr std::uint64_t kStep = 64 << 10;
  bytes = std::min(bytes, limits_.memory);
  for (std::uint64_t now = std::min(room(), std::max(bytes, used())); now > bytes;) {
    now = std::max(bytes, now - std::min(now, kStep));
    room_.store(now, std::memory_order_relaxed);
    evict();
  }
  room_.store(bytes, std::memory_order_relaxed);
}

} // namespace weir::cache
