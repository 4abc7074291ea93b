// SPDX-License-Identifier: Apache-2.0
#include "cache/disk_segment.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace weir::cache {

std::uint64_t segment_size(std::uint64_t capacity) noexcept {
  constexpr std::uint64_t kMiB = 1 << 20;
  if (capacity < 512 * kMiB) { // no real tier, a test: config's check is elsewhere
    return std::max(kMiB, capacity / 16);
  }
  return std::clamp(capacity / 256, 64 * kMiB, 4096 * kMiB);
}

std::uint64_t dirty_size(std::uint64_t capacity) noexcept {
  return std::clamp<std::uint64_t>(capacity / 64, 8 << 20, 32 << 20);
}

void Segments::found(std::uint32_t segment, std::uint64_t body_bytes) {
  segments_[segment].body += body_bytes;
  body_ += body_bytes;
}

void Segments::begin(std::uint32_t low, std::uint32_t open) {
  open_ = open;
  next_position_ = 0;
  segments_.try_emplace(open);
  drop_below(low);
}

std::uint64_t Segments::dead_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& [number, segment] : segments_) {
    bytes += std::min(segment.dead, segment.body + segment.rows);
  }
  return bytes;
}

bool Segments::has_room(std::uint64_t bytes) const noexcept {
  const Segment& open = segments_.rbegin()->second;
  std::uint64_t used = open.body + open.rows;
  return used == 0 ||
         (used + bytes <= size_ && next_position_ < std::numeric_limits<std::uint32_t>::max() / 2);
}

void Segments::roll() {
  ++open_;
  next_position_ = 0;
  segments_.try_emplace(open_);
}

Extent Segments::place(std::uint32_t count, std::uint64_t bytes) {
  Extent extent{open_, next_position_, count};
  next_position_ += count;
  segments_[open_].body += bytes;
  body_ += bytes;
  return extent;
}

void Segments::add_rows(std::uint32_t segment, std::uint64_t bytes) {
  if (auto found = segments_.find(segment); found != segments_.end()) {
    found->second.rows += bytes;
    rows_ += bytes;
  }
}

void Segments::add_object(std::uint32_t segment) {
  if (auto found = segments_.find(segment); found != segments_.end()) {
    ++found->second.objects;
    ++objects_;
  }
}

void Segments::lose_object(std::uint32_t segment) {
  auto found = segments_.find(segment);
  if (found != segments_.end() && found->second.objects > 0) {
    --found->second.objects;
    --objects_;
  }
}

void Segments::add_dead(std::uint32_t segment, std::uint64_t bytes) {
  if (auto found = segments_.find(segment); found != segments_.end()) {
    found->second.dead += bytes;
  }
}

std::uint32_t Segments::after_oldest() const noexcept {
  return segments_.size() < 2 ? open_ : std::next(segments_.begin())->first;
}

void Segments::drop_below(std::uint32_t low) {
  while (!segments_.empty() && segments_.begin()->first < low && segments_.begin()->first < open_) {
    const Segment& gone = segments_.begin()->second;
    body_ -= gone.body;
    rows_ -= gone.rows;
    objects_ -= gone.objects;
    segments_.erase(segments_.begin());
  }
  low_.store(low, std::memory_order_release);
}

HitSet::HitSet(std::uint64_t capacity)
    : mask_(std::bit_ceil(std::clamp<std::uint64_t>(capacity / (16 << 10), 1 << 16, 1 << 26)) - 1),
      words_(std::make_unique<std::atomic<std::uint64_t>[]>((mask_ + 1) / 64)) {}

std::size_t HitSet::bit(const Hash128& key, const Hash128& variant) const noexcept {
  return static_cast<std::size_t>(key.low ^ std::rotl(variant.low, 17)) & mask_;
}

void HitSet::touch(const Hash128& key, const Hash128& variant) noexcept {
  std::size_t at = bit(key, variant);
  std::uint64_t flag = std::uint64_t{1} << (at % 64);
  std::atomic<std::uint64_t>& word = words_[at / 64];
  if ((word.load(std::memory_order_relaxed) & flag) == 0) { // no write for what is hot
    word.fetch_or(flag, std::memory_order_relaxed);
  }
}

bool HitSet::take(const Hash128& key, const Hash128& variant) noexcept {
  std::size_t at = bit(key, variant);
  std::uint64_t flag = std::uint64_t{1} << (at % 64);
  return (words_[at / 64].fetch_and(~flag, std::memory_order_relaxed) & flag) != 0;
}

std::size_t merge_from(std::span<const std::uint64_t> files, std::uint64_t big) noexcept {
  std::size_t small = files.size(); // the first of the small ones at the end
  std::uint64_t sum = 0;
  while (small > 0 && files[small - 1] < big) {
    --small;
    sum += files[small];
  }
  if (files.size() - small <= kMostSmallFiles) {
    return files.size();
  }
  // Leave out what is larger than all behind it: each byte is rewritten only as its file doubles.
  while (files.size() - small > 2 && files[small] > sum - files[small]) {
    sum -= files[small];
    ++small;
  }
  return small;
}

} // namespace weir::cache
