// SPDX-License-Identifier: Apache-2.0
#include "cache/frequency.h"

#include <algorithm>
#include <bit>

namespace weir::cache {

namespace {
constexpr std::uint64_t kCounters = 8; // a key
constexpr std::uint64_t kLeast = 1 << 12;
constexpr std::uint64_t kMostKeys = 1 << 24;
constexpr std::uint64_t kHalves = 0x7777777777777777; // what is left of counters shifted by one
} // namespace

Frequency::Frequency(std::uint64_t keys)
    : mask_(std::bit_ceil(std::clamp(keys, kLeast, kMostKeys)) * kCounters / kPerWord - 1),
      words_(std::make_unique<std::atomic<std::uint64_t>[]>(mask_ + 1)) {}

/// The key is a hash already: each row takes its own linear mix of the two halves.
Frequency::Place Frequency::place(const Hash128& key, unsigned row) const noexcept {
  std::uint64_t mixed = (key.low + row * key.high) * 0x9e3779b97f4a7c15U;
  return {static_cast<std::size_t>(mixed >> 32) & mask_,
          static_cast<unsigned>(mixed >> 28) % kPerWord * 4};
}

unsigned Frequency::estimate(const Hash128& key) const noexcept {
  unsigned least = kMost;
  for (unsigned row = 0; row < kRows; ++row) {
    Place at = place(key, row);
    std::uint64_t word = words_[at.word].load(std::memory_order_relaxed);
    least = std::min(least, static_cast<unsigned>(word >> at.shift) & kMost);
  }
  return least;
}

void Frequency::note(const Hash128& key) noexcept {
  unsigned now = estimate(key);
  for (unsigned row = 0; row < kRows && now < kMost; ++row) {
    Place at = place(key, row);
    std::uint64_t word = words_[at.word].load(std::memory_order_relaxed);
    if ((static_cast<unsigned>(word >> at.shift) & kMost) == now) { // only those that say least
      words_[at.word].compare_exchange_strong(word, word + (std::uint64_t{1} << at.shift),
                                              std::memory_order_relaxed);
    }
  }
  age(notes_.fetch_add(1, std::memory_order_relaxed));
}

/// A word at a time, so that no call takes long.
void Frequency::age(std::uint64_t note) noexcept {
  if (note % kAgeEvery == 0) {
    std::atomic<std::uint64_t>& word = words_[note / kAgeEvery & mask_];
    std::uint64_t old = word.load(std::memory_order_relaxed);
    word.compare_exchange_strong(old, old >> 1 & kHalves, std::memory_order_relaxed);
  }
}

} // namespace weir::cache
