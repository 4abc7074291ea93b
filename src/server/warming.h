// SPDX-License-Identifier: Apache-2.0
//
// Warming: `cache warm` at work: a list is made on a background thread (admin/warm_plan), fetched
// by one worker (proxy::Warmer). One at a time; it goes on over reloads, and ends with the worker.
//
// Owner: Server; main thread. Replies of other threads come by the main loop's mailbox.
#pragma once

#include <functional>
#include <memory>

#include "admin/daemon.h"
#include "admin/warm_plan.h"
#include "event/background.h"
#include "event/loop.h"
#include "metrics/metrics.h"
#include "server/worker.h"

namespace weir::server {

class Warming {
public:
  Warming(event::Loop& loop, const metrics::Metrics& metrics) : loop_(loop), metrics_(metrics) {}

  /// `done`: when the list is made and the fetching has begun, or for why it has not.
  void start(std::shared_ptr<const proxy::Generation> generation, std::string log_directory,
             const admin::WarmAsk& ask, event::BackgroundPool& work, Worker& worker,
             std::function<void(admin::WarmFacts)> done);
  void stop(Worker& worker);
  admin::WarmFacts facts() const;

private:
  void planned(admin::WarmPlan plan, const admin::WarmAsk& ask, Worker& worker,
               const std::function<void(admin::WarmFacts)>& done);

  event::Loop& loop_;
  const metrics::Metrics& metrics_;
  bool listing_ = false;
  bool stopped_ = false;
  admin::WarmFacts facts_; // but for what progress_ has
  std::shared_ptr<proxy::WarmProgress> progress_;
};

} // namespace weir::server
