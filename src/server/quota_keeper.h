// SPDX-License-Identifier: Apache-2.0
//
// QuotaKeeper: what keys of limits have used of their quotas, over a restart: saved every few
// seconds in the table `quotas` of the state, read when weir starts. A kill loses what was used
// since.
//
// Owner: Server. Main thread.
#pragma once

#include "event/deadline.h"
#include "rules/meters.h"
#include "state/store.h"

namespace weir::server {

class QuotaKeeper final : public event::Task {
public:
  static constexpr Duration kStep = std::chrono::seconds(3);

  /// Takes up what was saved. `store` null: nothing is kept.
  QuotaKeeper(event::Loop& loop, rules::Meters& meters, state::Store* store);

  void run() override;
  /// What has changed is given to the store. Also the last time, when the workers have ended.
  void save();

private:
  void restore();

  event::Loop& loop_;
  rules::Meters& meters_;
  state::Store* const store_;
  event::Deadline step_;
};

} // namespace weir::server
