// SPDX-License-Identifier: Apache-2.0
#include "log/ring.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "metrics/metrics.h"

namespace weir::log {

namespace {

// A record: u32 size of the whole, u32 size of the columns in common, those, then the others, both
// in the order of record.def; texts as u16 length and bytes; all rounded up to 8. kSkip stands
// where a record did not fit before the end.
constexpr std::uint32_t kSkip = 0xffffffff;
constexpr std::size_t kAlign = 8;
constexpr std::size_t kWarm = 16; // the part of the ring that is used while it can be emptied

std::string_view cut(std::string_view text) noexcept { return text.substr(0, kMostText); }

std::size_t size_of(std::string_view text) noexcept { return 2 + cut(text).size(); }
template <class T> constexpr std::size_t size_of(const T&) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  return sizeof(T);
}

std::size_t encoded_size(const AccessRecord& r) noexcept {
  std::size_t n = 2 * sizeof(std::uint32_t);
#define COLUMN(kind, name, doc, prose) n += size_of(r.name);
#include "log/record.def"
#undef COLUMN
  return (n + kAlign - 1) & ~(kAlign - 1);
}

template <class T> void put(std::byte*& to, const T& value) noexcept {
  std::memcpy(to, &value, sizeof value);
  to += sizeof value;
}
void put(std::byte*& to, std::string_view text) noexcept {
  text = cut(text);
  put(to, static_cast<std::uint16_t>(text.size()));
  if (!text.empty()) {
    std::memcpy(to, text.data(), text.size());
    to += text.size();
  }
}

/// Those columns that are in_common(), or those that are not.
template <bool common> void put_columns(std::byte*& to, const AccessRecord& record) noexcept {
#define COLUMN(kind, name, doc, prose)                                                             \
  if constexpr (in_common(Kind::kind) == common) {                                                 \
    put(to, record.name);                                                                          \
  }
#include "log/record.def"
#undef COLUMN
}

template <class T> void get(const std::byte*& from, T& value) noexcept {
  std::memcpy(&value, from, sizeof value);
  from += sizeof value;
}
void get(const std::byte*& from, std::string_view& text) noexcept {
  std::uint16_t size = 0;
  get(from, size);
  text = {reinterpret_cast<const char*>(from), size};
  from += size;
}
template <bool common> void get_columns(const std::byte*& from, AccessRecord& record) noexcept {
#define COLUMN(kind, name, doc, prose)                                                             \
  if constexpr (in_common(Kind::kind) == common) {                                                 \
    get(from, record.name);                                                                        \
  }
#include "log/record.def"
#undef COLUMN
}

} // namespace

LogRing::LogRing(std::size_t bytes)
    : mask_(std::bit_ceil(std::max(bytes, std::size_t{1} << 20)) - 1), bytes_(mask_ + 1) {}

bool LogRing::push(const AccessRecord& record) noexcept {
  std::size_t size = encoded_size(record);
  std::uint64_t at = written_.load(std::memory_order_relaxed);
  if ((at & mask_) > mask_ / kWarm && empty_at_.load(std::memory_order_acquire) == at) {
    at = next_lap(at); // where all is free: the reader follows without a mark
    begun_anew_.store(at, std::memory_order_relaxed);
    read_seen_ = at;
  }
  std::size_t offset = at & mask_;
  std::size_t to_end = mask_ + 1 - offset;
  std::size_t skip = to_end < size ? to_end : 0;
  std::uint64_t end = at + skip + size;
  if (end - read_seen_ > mask_ + 1) {
    read_seen_ = std::max(read_seen_, read_.load(std::memory_order_acquire));
    if (end - read_seen_ > mask_ + 1) {
      dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      metrics::count(metrics::Metric::log_dropped);
      return false;
    }
  }
  std::byte* to = bytes_.data() + offset;
  if (skip != 0) {
    put(to, kSkip);
    to = bytes_.data();
  }
  put(to, static_cast<std::uint32_t>(size));
  std::byte* common = to + sizeof(std::uint32_t);
  std::byte* others = common;
  put_columns<true>(others, record);
  put(to, static_cast<std::uint32_t>(others - common));
  put_columns<false>(others, record);
  written_.store(end, std::memory_order_release);
  return true;
}

const RingRecord* LogRing::peek() noexcept {
  if (peeked_ != 0) {
    return &record_;
  }
  if (cursor_ == written_seen_) {
    written_seen_ = written_.load(std::memory_order_acquire);
    if (cursor_ == written_seen_) {
      return nullptr;
    }
  }
  cursor_ = std::max(cursor_, begun_anew_.load(std::memory_order_relaxed));
  const std::byte* from = bytes_.data() + (cursor_ & mask_);
  std::uint32_t size = 0;
  get(from, size);
  if (size == kSkip) {
    cursor_ += mask_ + 1 - (cursor_ & mask_);
    from = bytes_.data();
    get(from, size);
  }
  std::uint32_t common = 0;
  get(from, common);
  record_.common = {reinterpret_cast<const char*>(from), common};
  get_columns<true>(from, record_);
  get_columns<false>(from, record_);
  peeked_ = size;
  return &record_;
}

void LogRing::advance() noexcept {
  cursor_ += peeked_;
  peeked_ = 0;
}

void LogRing::rewind() noexcept {
  cursor_ = read_.load(std::memory_order_relaxed);
  peeked_ = 0;
}

void LogRing::release() noexcept {
  // A record that was peeked at and not advanced over stays: the cursor stands before it.
  read_.store(cursor_, std::memory_order_release);
  if (cursor_ == written_.load(std::memory_order_relaxed)) {
    empty_at_.store(cursor_, std::memory_order_release);
  }
}

std::size_t LogRing::used() const noexcept {
  std::uint64_t read =
      std::max(read_.load(std::memory_order_acquire), begun_anew_.load(std::memory_order_acquire));
  std::uint64_t written = written_.load(std::memory_order_acquire);
  return written > read ? written - read : 0; // about to begin anew
}

} // namespace weir::log
