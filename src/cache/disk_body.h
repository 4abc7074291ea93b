// SPDX-License-Identifier: Apache-2.0
//
// StoredBody: a body on disk, for an Entry. GrowingBody: one on its way there; a reader that lags
// behind its Fill reads what has been written so far.
//
// Both are shared by any thread. A GrowingBody is written by the storage thread alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>

#include "base/sized.h"
#include "cache/disk_record.h"
#include "cache/entry.h"

namespace weir::cache {

class StoredBody final : public DiskBody {
public:
  explicit StoredBody(BodyPlace where) : place(std::move(where)) {}
  std::size_t footprint() const noexcept override {
    return heap_bytes(sizeof(StoredBody)) + heap_bytes(place.extents.capacity() * sizeof(Extent)) +
           place.bytes.capacity();
  }
  const BodyPlace place;
};

class GrowingBody final : public Shared {
public:
  GrowingBody(const Hash128& key, std::uint64_t body_id) : key_(key), id_(body_id) {}

  // Any thread.
  /// Bytes that DiskTier::read_growing can read now.
  std::uint64_t written() const noexcept { return written_.load(std::memory_order_acquire); }
  /// Given up: too large, the disk failed, or abandoned.
  bool dead() const noexcept { return dead_.load(std::memory_order_acquire); }
  /// What is written so far; all of it, once committed.
  BodyPlace place() const {
    std::lock_guard lock(mutex_);
    BodyPlace place;
    place.key = key_;
    place.id = id_;
    place.size = written();
    place.extents = extents_;
    return place;
  }

private:
  friend class DiskStorage;

  const Hash128 key_;
  const std::uint64_t id_;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<bool> dead_{false};
  mutable std::mutex mutex_;
  std::vector<Extent> extents_; // guarded by mutex_
  // Storage thread only.
  std::deque<Slice> pending_; // not written yet
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t chunks_ = 0; // written
};

} // namespace weir::cache
