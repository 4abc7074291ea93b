// SPDX-License-Identifier: Apache-2.0
#include "cache/entry_reader.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>

#include "cache/disk_body.h"
#include "cache/tier.h"

namespace weir::cache {

namespace {
constexpr std::uint64_t kWindow = 1 << 20;  // read ahead of the client
constexpr std::uint64_t kRead = 256 * 1024; // bytes an io job reads
} // namespace

/// One read at a time is under way; its slices wait here in order.
class EntryReader::DiskWindow final : public Shared {
public:
  DiskWindow(Tier& tier, event::BackgroundPool& pool, const event::Ticket& ticket,
             Ref<const Entry> entry, std::uint64_t from, std::uint64_t to)
      : tier_(tier), io_(pool), owner_(ticket), entry_(std::move(entry)), next_(from), to_(to) {}

  /// Reads on if there is room and nothing is under way.
  void read_ahead(std::uint64_t taken_to) {
    if (reading_.load(std::memory_order_acquire) || next_ >= to_ || next_ - taken_to >= kWindow ||
        failed_.load(std::memory_order_acquire)) {
      return;
    }
    std::uint64_t n = std::min(kRead, to_ - next_);
    reading_.store(true, std::memory_order_release);
    bool queued = io_.submit([self = Ref<DiskWindow>(this), at = next_, n] { self->read(at, n); });
    if (!queued) {
      reading_.store(false, std::memory_order_release);
      failed_.store(true, std::memory_order_release); // the disk counts as absent
      return;
    }
    next_ += n;
  }

  /// The slices that have come.
  void take(std::deque<Slice>& into) {
    std::lock_guard lock(mutex_);
    for (Slice& slice : ready_) {
      into.push_back(std::move(slice));
    }
    ready_.clear();
  }
  bool failed() const { return failed_.load(std::memory_order_acquire); }

  std::deque<Slice> waiting; // the owner's own

private:
  void read(std::uint64_t at, std::uint64_t n) {
    const auto& body = static_cast<const StoredBody&>(*entry_->disk_body());
    auto got = tier_.disk->read_body(body.place, at, n);
    if (got) {
      std::lock_guard lock(mutex_);
      for (Slice& slice : *got) {
        ready_.push_back(std::move(slice));
      }
    } else {
      failed_.store(true, std::memory_order_release);
      tier_.directory.drop(*entry_); // its head must not promise what is gone
    }
    reading_.store(false, std::memory_order_release);
    owner_.wake();
  }

  Tier& tier_;
  event::BackgroundPool& io_;
  const event::Ticket owner_;
  const Ref<const Entry> entry_;
  std::uint64_t next_; // the owner only
  const std::uint64_t to_;
  std::atomic<bool> reading_{false};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::vector<Slice> ready_; // guarded by mutex_
};

EntryReader::EntryReader(Ref<const Entry> entry)
    : entry_(std::move(entry)), to_(entry_->body_size()), slices_(&entry_->slices()) {}

EntryReader::EntryReader(Ref<const Entry> entry, const Sibling& sibling)
    : entry_(std::move(entry)), to_(sibling.body_size()), slices_(&sibling.body()) {}

EntryReader::EntryReader(Ref<const Entry> entry, std::uint64_t from, std::uint64_t to)
    : entry_(std::move(entry)), at_(from), to_(to), slices_(&entry_->slices()) {
  std::uint64_t skip = from;
  if (entry_->parts()) {
    const Part* part = entry_->parts()->covering(from, to);
    if (part == nullptr) {
      panic("EntryReader: octets that are not there");
    }
    slices_ = &part->slices;
    skip -= part->first;
  }
  for (const Slice& slice : *slices_) {
    if (skip < slice.size) {
      within_ = skip;
      break;
    }
    skip -= slice.size;
    ++slice_;
  }
}

EntryReader::EntryReader(EntryReader&&) noexcept = default;
EntryReader& EntryReader::operator=(EntryReader&&) noexcept = default;
EntryReader::~EntryReader() = default;

void EntryReader::read_from(Tier& tier, event::BackgroundPool& io, const event::Ticket& ticket) {
  window_ = make_ref<DiskWindow>(tier, io, ticket, entry_, at_, to_);
}

Pull EntryReader::pull(OutQueue& out, std::size_t room) {
  if (window_) {
    return pull_disk(out, room);
  }
  if (!slices_->empty()) {
    return pull_slices(out, room);
  }
  std::size_t n = std::min<std::uint64_t>(room, left());
  if (n > 0 && out.slots_free() > 0) {
    out.push(Slice(entry_->inline_body().substr(at_, n)));
    at_ += n;
  }
  return left() == 0 ? Pull::end : Pull::more;
}

Pull EntryReader::pull_slices(OutQueue& out, std::size_t room) {
  while (room > 0 && left() > 0 && out.slots_free() > 0) {
    const Slice& slice = (*slices_)[slice_];
    std::size_t n = std::min<std::uint64_t>({room, slice.size - within_, left()});
    out.push(Slice(slice.view().substr(within_, n)));
    within_ += n;
    at_ += n;
    room -= n;
    if (within_ == slice.size) {
      ++slice_;
      within_ = 0;
    }
  }
  return left() == 0 ? Pull::end : Pull::more;
}

Pull EntryReader::pull_disk(OutQueue& out, std::size_t room) {
  window_->take(window_->waiting);
  bool any = false;
  while (room > 0 && out.slots_free() > 0 && !window_->waiting.empty()) {
    Slice& first = window_->waiting.front();
    std::size_t n = std::min(room, first.size);
    out.push(first.take_front(n));
    at_ += n;
    room -= n;
    any = true;
    if (first.empty()) {
      window_->waiting.pop_front();
    }
  }
  if (left() == 0) {
    return Pull::end;
  }
  window_->read_ahead(at_);
  if (any) {
    return Pull::more;
  }
  return window_->failed() && window_->waiting.empty() ? Pull::failed : Pull::blocked;
}

} // namespace weir::cache
