// SPDX-License-Identifier: Apache-2.0
//
// LogRing: the way of access records from one worker to the log thread.  A byte ring, one producer,
// one consumer, no lock. A full ring drops the record and counts: no request waits for the log. One
// that was read to its end begins again at its front, so that a quiet worker's stays in its first
// 16th.
//
// Owner: SqliteWriter. push(): the worker's thread only. peek() and what follows it: the log thread
// only. A record stands in the ring in one piece, so that its texts are read in place.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/huge_pages.h"
#include "log/record.h"

namespace weir::log {

/// A record as it stands in the ring.
struct RingRecord : AccessRecord {
  std::string_view common; // its columns in_common(), as bytes: the same where all of them are
};

class LogRing {
public:
  static constexpr std::size_t kDefaultBytes = std::size_t{16} << 20;

  /// `bytes` is rounded up to a power of two, at least 1 MiB. Memory is touched as it is used.
  explicit LogRing(std::size_t bytes = kDefaultBytes);
  LogRing(const LogRing&) = delete;
  LogRing& operator=(const LogRing&) = delete;

  // The producer.
  /// Copies the record. False: no room; counted in dropped() and in log_dropped_total.
  bool push(const AccessRecord& record) noexcept;

  // The consumer.
  /// The next record, or nullptr. Its texts point into the ring and are valid until release().
  const RingRecord* peek() noexcept;
  /// Goes on to the record behind the one that peek() returned.
  void advance() noexcept;
  /// How far advance() has come: to read up to here again after rewind().
  std::uint64_t position() const noexcept { return cursor_; }
  /// Goes back to the first record that was not released.
  void rewind() noexcept;
  /// Gives the room of all records advanced over back to the producer.
  void release() noexcept;

  // Any thread.
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  std::size_t used() const noexcept;
  std::size_t capacity() const noexcept { return mask_ + 1; }

private:
  std::uint64_t next_lap(std::uint64_t at) const noexcept { return (at | mask_) + 1; }

  // Constant after construction.
  const std::size_t mask_;
  const HugePages bytes_;

  // Written by the producer. Positions count bytes since the beginning and never wrap.
  alignas(64) std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> begun_anew_{0}; // where it did so last, at the front; none: 0
  std::uint64_t read_seen_ = 0;              // producer only: as far as is known to be read
  std::atomic<std::uint64_t> dropped_{0};

  // Written by the consumer.
  alignas(64) std::atomic<std::uint64_t> read_{0};
  std::atomic<std::uint64_t> empty_at_{0}; // written_, when that was all read and released
  std::uint64_t cursor_ = 0;               // consumer only
  std::uint64_t written_seen_ = 0;         // consumer only: written_ as last loaded
  std::size_t peeked_ = 0;                 // consumer only: size of the record that peek() decoded
  RingRecord record_;                      // consumer only
};

} // namespace weir::log
