// SPDX-License-Identifier: Apache-2.0
//
// Frequency: how often a key was asked for lately, about: a count-min sketch of 4-bit counters that
// are halved as time goes on (TinyLFU, Einziger and others 2017). It may say too much, hardly ever
// too little. Any thread; counts that race may be lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/hash.h"

namespace weir::cache {

class Frequency {
public:
  /// For a tier of about so many keys: it remembers the last two requests a key, with 8 counters
  /// for each, so that few keys find all of theirs taken by others. 4 bytes a key, at most 64 MiB.
  explicit Frequency(std::uint64_t keys);

  void note(const Hash128& key) noexcept;
  /// 0 to 15.
  unsigned estimate(const Hash128& key) const noexcept;

private:
  static constexpr unsigned kRows = 4;     // counters a key has
  static constexpr unsigned kPerWord = 16; // counters
  static constexpr unsigned kMost = 15;
  static constexpr std::uint64_t kAgeEvery = 4; // notes after which a word is halved

  struct Place {
    std::size_t word;
    unsigned shift;
  };
  Place place(const Hash128& key, unsigned row) const noexcept;
  void age(std::uint64_t note) noexcept;

  std::size_t mask_; // number of words - 1
  std::unique_ptr<std::atomic<std::uint64_t>[]> words_;
  alignas(64) std::atomic<std::uint64_t> notes_{0};
};

} // namespace weir::cache
