// SPDX-License-Identifier: Apache-2.0
//
// DiskRead: one question to the disk tier for a key: the record of the key, then the variant that
// matches, then its body if it is small; all in one go, but for a key with variants, of which the
// request's is to be chosen first. The answer is an Entry in memory, an Entry whose body stays on
// disk, or nothing. Owner: the exchange that leads a Fill; its worker's thread. Reads run on io
// threads and come back as letters to a ticket: destroying the DiskRead gives them up.
#pragma once

#include <memory>

#include "cache/directory.h"
#include "cache/key.h"
#include "cache/tier.h"
#include "event/background.h"

namespace weir::cache {

/// Which variant of a key on disk a request wants; nothing: it is another key's record.
std::optional<Hash128> wanted_variant(const DiskTier& disk, const KeyRecord& record, const Key& key,
                                      Selector& selector);
/// Whether a variant that was read is that.
bool is_wanted(const Meta& meta, const Key& key, Selector& selector);

class DiskRead {
public:
  /// Bodies up to this size are read into memory at once.
  static constexpr std::uint64_t kWhole = 256 * 1024;

  /// `owner` is woken when there is news. `key` and `selector` live as long as this.
  DiskRead(Tier& tier, event::BackgroundPool& io, const event::Ticket& owner, const Key& key,
           Selector& selector);
  ~DiskRead();
  DiskRead(const DiskRead&) = delete;
  DiskRead& operator=(const DiskRead&) = delete;

  /// False: the pool's queue is full; the disk counts as absent.
  bool start();
  /// Goes on after a wake; true: the answer is there.
  bool done();
  /// Null: nothing that matches.
  Ref<Entry> take_entry();

private:
  class Shelf;
  bool ask_variant();

  Tier& tier_;
  event::BackgroundPool& io_;
  const event::Ticket owner_;
  const Key key_;
  Selector& selector_;
  Ref<Shelf> shelf_;                 // shared with the io thread
  const Directory::DiskEpoch epoch_; // before the first read
  bool finished_ = false;
};

} // namespace weir::cache
