// SPDX-License-Identifier: Apache-2.0
//
// EntryReader: the body of an Entry, or a range of it, from memory or from disk. Owner: one
// exchange; its worker's thread. It keeps the Entry, so slices of a body in memory need no owner of
// their own. A body on disk is read by io threads, a window ahead; a chunk that does not verify
// ends it in failure.
#pragma once

#include <cstdint>
#include <memory>

#include "base/chunk.h"
#include "cache/entry.h"
#include "event/background.h"
#include "event/loop.h"

namespace weir::cache {

struct Tier;

class EntryReader {
public:
  EntryReader() = default;
  /// All of it, or [from, to). Of a partial one: what one of its parts covers.
  explicit EntryReader(Ref<const Entry> entry);
  EntryReader(Ref<const Entry> entry, std::uint64_t from, std::uint64_t to);
  /// All of one of its siblings.
  EntryReader(Ref<const Entry> entry, const Sibling& sibling);
  EntryReader(EntryReader&&) noexcept;
  EntryReader& operator=(EntryReader&&) noexcept;
  ~EntryReader();

  /// For a body on disk, before the first pull: who reads, and who is woken.
  void read_from(Tier& tier, event::BackgroundPool& io, const event::Ticket& ticket);

  const Ref<const Entry>& entry() const noexcept { return entry_; }
  std::uint64_t left() const noexcept { return to_ - at_; }
  Pull pull(OutQueue& out, std::size_t room);

private:
  class DiskWindow; // what io threads have read; shared with them
  Pull pull_slices(OutQueue& out, std::size_t room);
  Pull pull_disk(OutQueue& out, std::size_t room);

  Ref<const Entry> entry_;
  std::uint64_t at_ = 0;
  std::uint64_t to_ = 0;
  const std::vector<Slice>* slices_ = nullptr; // of the entry, or of its sibling
  std::size_t slice_ = 0;                      // of these: where at_ is
  std::size_t within_ = 0;
  Ref<DiskWindow> window_;
};

} // namespace weir::cache
