// SPDX-License-Identifier: Apache-2.0
//
// Purges: what was purged stays purged (DESIGN §11). A purge is a row in the state database before
// it is acknowledged; the row goes when the disk tier has forgotten the object durably. Rows left
// from a crash are carried out again before weir serves.
//
// Owner: Server; main thread. Replies of other threads come by the main loop's mailbox.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "admin/daemon.h"
#include "cache/tier.h"
#include "event/loop.h"
#include "proxy/generation.h"
#include "state/store.h"

namespace weir::server {

using Tiers = std::map<std::string, std::unique_ptr<cache::Tier>>;

class Purges {
public:
  /// `store` null: purges are carried out and answered as not recorded.
  Purges(event::Loop& loop, state::Store* store, const Tiers& tiers)
      : loop_(loop), store_(store), tiers_(tiers) {}

  /// At start, before anything is served; waits for the disk.
  void replay();
  void purge(const proxy::Generation& generation, const admin::PurgeAsk& ask,
             std::function<void(admin::PurgeOutcome)> done);

private:
  /// One URL in one realm of one cache.
  struct Target {
    cache::Tier* tier = nullptr;
    std::string key;
    Hash128 hash;
  };
  struct Running;

  std::vector<Target> targets(const proxy::Generation& generation,
                              const admin::PurgeAsk& ask) const;
  std::uint64_t carry_out(const Target& target, std::string row, std::uint64_t number);

  event::Loop& loop_;
  state::Store* store_;
  const Tiers& tiers_;
};

} // namespace weir::server
