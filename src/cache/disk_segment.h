// SPDX-License-Identifier: Apache-2.0
//
// Segments: the log's space: which segment is open, what each holds, which goes next. HitSet: which
// objects were hit since they were written (second chance).
//
// Segments: the storage thread only, but low(), which any thread reads: what needs a segment below
// it is dead. HitSet: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>

#include "cache/disk_record.h"

namespace weir::cache {

/// Bytes of a segment of a tier: DEPENDENCIES §1.6.
std::uint64_t segment_size(std::uint64_t capacity) noexcept;
/// Bytes after which what was written is flushed: a 64th of the capacity, 8 to 32 MiB.
std::uint64_t dirty_size(std::uint64_t capacity) noexcept;

struct Segment {
  std::uint64_t body = 0;    // rows of chunks
  std::uint64_t rows = 0;    // records and what points at them
  std::uint64_t dead = 0;    // of these bytes: replaced, purged, never committed
  std::uint64_t objects = 0; // whose oldest part is here
};

class Segments {
public:
  explicit Segments(std::uint64_t size) noexcept : size_(size) {}

  /// At open: one that the database holds; then the lowest live one and the one to write to.
  void found(std::uint32_t segment, std::uint64_t body_bytes);
  void begin(std::uint32_t low, std::uint32_t open);

  std::uint32_t low() const noexcept { return low_.load(std::memory_order_acquire); }
  std::uint32_t open() const noexcept { return open_; }
  std::uint64_t size() const noexcept { return size_; }
  std::size_t count() const noexcept { return segments_.size(); }
  std::uint64_t live_objects() const noexcept { return objects_; }
  /// Everything in live segments, and the part of it that is records.
  std::uint64_t bytes() const noexcept { return body_ + rows_; }
  std::uint64_t row_bytes() const noexcept { return rows_; }
  std::uint64_t dead_bytes() const noexcept;

  /// Whether the open segment takes that much more. An empty one takes anything.
  bool has_room(std::uint64_t bytes) const noexcept;
  /// The next segment is the open one.
  void roll();
  /// Names for `count` chunks of the open segment.
  Extent place(std::uint32_t count, std::uint64_t bytes);
  void add_rows(std::uint32_t segment, std::uint64_t bytes);
  void add_object(std::uint32_t segment);
  void lose_object(std::uint32_t segment);
  void add_dead(std::uint32_t segment, std::uint64_t bytes);

  /// The one above the oldest: what low() becomes when the oldest goes. Equal to open(): only the
  /// open one is left.
  std::uint32_t after_oldest() const noexcept;
  /// Everything below `low` is gone.
  void drop_below(std::uint32_t low);

private:
  const std::uint64_t size_;
  std::atomic<std::uint32_t> low_{0};
  // Storage thread only.
  std::uint32_t open_ = 0;
  std::uint32_t next_position_ = 0;
  std::uint64_t body_ = 0; // sums over segments_
  std::uint64_t rows_ = 0;
  std::uint64_t objects_ = 0;
  std::map<std::uint32_t, Segment> segments_; // live ones; the last is open
};

/// One bit an object, by hash: false hits are possible and cost a rewrite, no more.
class HitSet {
public:
  explicit HitSet(std::uint64_t capacity);
  void touch(const Hash128& key, const Hash128& variant) noexcept;
  /// Whether it was touched; forgets it.
  bool take(const Hash128& key, const Hash128& variant) noexcept;

private:
  std::size_t bit(const Hash128& key, const Hash128& variant) const noexcept;

  std::size_t mask_; // number of bits - 1
  std::unique_ptr<std::atomic<std::uint64_t>[]> words_;
};

/// Which of the open segment's files, from the one returned on, to merge into one: enough small
/// ones at the end, and none that is larger than all behind it together. files.size(): none.
std::size_t merge_from(std::span<const std::uint64_t> files, std::uint64_t big) noexcept;
constexpr std::size_t kMostSmallFiles = 16;

} // namespace weir::cache
