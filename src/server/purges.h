// SPDX-License-Identifier: Apache-2.0
//
// Purges: what was purged stays purged (DESIGN §11). A purge is a row in the state database before
// it is acknowledged, and in force before that (cache::Bans); a walk in the background carries it
// out. The row goes when the disk tier has it durably; the ban when no fetch is left that began
// before. Rows left from a crash are in force again before weir serves.
//
// Owner: Server; main thread. Replies of other threads come by the main loop's mailbox.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "admin/daemon.h"
#include "cache/tier.h"
#include "event/background.h"
#include "event/deadline.h"
#include "event/loop.h"
#include "proxy/generation.h"
#include "server/purge_walk.h"
#include "state/store.h"

namespace weir::server {

using Tiers = std::map<std::string, std::unique_ptr<cache::Tier>>;

class Purges final : public event::Task {
public:
  /// `store` null: purges are carried out and answered as not recorded.
  Purges(event::Loop& loop, event::BackgroundPool& work, state::Store* store, const Tiers& tiers)
      : loop_(loop), work_(work), store_(store), tiers_(tiers) {}

  /// At start, before anything is served; waits for the disk.
  void replay();
  void purge(const proxy::Generation& generation, const admin::PurgeAsk& ask,
             std::function<void(admin::PurgeOutcome)> done);
  std::vector<admin::PurgeFacts> facts() const;
  /// Lets go of bans that nothing is older than.
  void run() override;

private:
  struct Running;
  struct Told {
    admin::PurgeFacts facts; // but for what progress has
    std::shared_ptr<PurgeProgress> progress;
  };
  /// Carried out, and kept in force until no fetch is left that began before.
  struct Lingering {
    cache::Tier* tier = nullptr;
    std::uint64_t number = 0;
    std::uint64_t era = 0;
  };
  /// One to be carried out.
  struct Walking {
    std::shared_ptr<PurgeWalk> walk;
    std::string row;
    std::function<void()> walked; // may be empty
  };
  struct Aim {
    cache::Tier* tier = nullptr;
    PurgeTarget target;
  };

  std::vector<Aim> aims(const proxy::Generation& generation, const admin::PurgeAsk& ask) const;
  void count(std::vector<Aim> aims, std::function<void(admin::PurgeOutcome)> done);
  static void find_now(const Aim& aim, std::uint64_t& count, std::uint64_t& bytes);
  void put_in_force(const Aim& aim, const cache::Ban& ban);
  void walk(const Aim& aim, const cache::Ban& ban, std::shared_ptr<PurgeProgress> progress,
            std::string row, std::function<void()> walked);
  void submit_waiting();
  bool carry_out(PurgeWalk& walk, const std::string& row);
  void walk_over(const Walking& walking, bool sound);
  void wait_to_look();

  event::Loop& loop_;
  event::BackgroundPool& work_;
  state::Store* store_;
  const Tiers& tiers_;
  std::deque<Told> told_;       // the newest first
  std::deque<Walking> waiting_; // for a place in the pool
  std::size_t walking_ = 0;     // in the pool
  std::vector<Lingering> lingering_;
  event::Deadline look_;
};

} // namespace weir::server
