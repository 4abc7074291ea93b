// SPDX-License-Identifier: Apache-2.0
//
// PurgeWalk: carries one purge out in one cache, everything that is stored and older, in memory and
// on disk; or only counts it. The purge is in force already (cache::Bans): a walk takes its time.
//
// Made on the main thread; run() on a background thread; progress from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "cache/tier.h"

namespace weir::server {

/// What a purge names. `text`: the URL's part of a key, a host, a tag, a prefix (scheme, host, port
/// and path, NUL between), a filter.
struct PurgeTarget {
  enum class Kind : char {
    url = 'u',   // the key that the URL alone makes
    parts = 'x', // the longer keys that begin with it: where a route adds cookies or fields
    host = 'h',
    tag = 't',
    prefix = 'p',
    filter = 'f',
  };
  Kind kind = Kind::url;
  std::string realm; // empty: all
  std::string text;
};

struct PurgeProgress {
  std::atomic<std::uint64_t> seen{0};
  std::atomic<std::uint64_t> matched{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> total{0}; // an estimate of what will be seen
  std::atomic<int> walks{0};           // that are not over
};

class PurgeWalk {
public:
  PurgeWalk(cache::Tier& tier, PurgeTarget target, cache::Ban ban,
            std::shared_ptr<PurgeProgress> progress)
      : tier_(tier), target_(std::move(target)), ban_(std::move(ban)),
        progress_(std::move(progress)) {}

  /// `dry`: only counts. False: the disk could not be read.
  bool run(bool dry);
  const PurgeTarget& target() const noexcept { return target_; }
  const cache::Ban& ban() const noexcept { return ban_; }
  cache::Tier& tier() const noexcept { return tier_; }

private:
  bool names(const cache::Subject& subject) const;
  void walk_memory(bool dry);
  void see_in_memory(Ref<const cache::Entry> entry, bool dry);
  bool walk_disk(bool dry);
  bool see_on_disk(const cache::MetaRow& row, bool dry);
  void take(const cache::MetaRow& row, const cache::Meta& meta, bool dry);

  cache::Tier& tier_;
  const PurgeTarget target_;
  const cache::Ban ban_;
  const std::shared_ptr<PurgeProgress> progress_;
};

/// The test of a prefix or a filter; null: of neither, or a filter that does not parse.
std::shared_ptr<const cache::BanTest> make_test(const PurgeTarget& target);

} // namespace weir::server
