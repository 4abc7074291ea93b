// SPDX-License-Identifier: Apache-2.0
//
// Tier: one `cache NAME` at work: its Directory, its disk, the secret its keys are hashed with.
// Owner: Server; goes on over reloads by name. Constant once made but for what its members guard.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/hash.h"
#include "cache/bans.h"
#include "cache/directory.h"
#include "cache/disk_tier.h"

namespace weir::cache {

struct Tier {
  Tier(std::string tier_name, const DirectoryLimits& limits)
      : name(std::move(tier_name)), bans(secret), directory(limits) {}

  const std::string name;
  bool shared = false; // one realm for all that use it
  HashKey secret;      // the disk's, so that keys are found again after a restart
  Fill::Limits fill_limits;
  std::uint64_t memory = 0;
  std::uint64_t disk_object_max = 0;
  std::string disk_path;          // as configured; empty: none
  std::string disk_problem;       // why there is no disk though a path is configured
  std::unique_ptr<DiskTier> disk; // null: none, or it could not be opened
  Bans bans;                      // purges in force
  Directory directory;            // after disk: its Fills write to it

  /// What is left of a stored response under the purges in force: itself; a stale copy, which takes
  /// its place; nothing. Any thread.
  Ref<const Entry> settle(Ref<const Entry> entry) {
    if (!bans.concern(entry->purge_number())) [[likely]] {
      return entry;
    }
    return purged(std::move(entry));
  }
  /// What it would leave, without doing anything: the freshness; nothing: it goes.
  std::optional<Freshness> left_of(const Subject& subject, const Freshness& fresh) const;
  /// The same of what the disk is about to have.
  void settle(const Hash128& hash, const Meta& meta);

  /// Everything stored under a key goes, from all tiers: from memory now, from disk soon; what the
  /// disk has meanwhile is not believed. Any thread. `forgotten` (may be empty): when the disk has
  /// let go.
  std::size_t remove(std::string_view key, const Hash128& hash, DiskDone forgotten = nullptr) {
    std::size_t gone = directory.remove(key, hash, disk != nullptr);
    if (disk) {
      disk->remove(hash, [this, hash, forgotten = std::move(forgotten)](Result<void> result) {
        directory.release(hash);
        if (forgotten) {
          forgotten(result);
        }
      });
    }
    return gone;
  }
  /// The same for one variant of a key. Any thread.
  void remove_variant(const Entry& entry);

private:
  Ref<const Entry> purged(Ref<const Entry> entry);
};

} // namespace weir::cache
