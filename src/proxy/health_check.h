// SPDX-License-Identifier: Apache-2.0
//
// HealthCheck: asks one server of a pool again and again whether it is well, as `check` says, and
// notes it in the server's origin::Health. Owner: the first Worker. Worker's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "event/deadline.h"
#include "proxy/fetch.h"
#include "proxy/fetch_plan.h"

namespace weir::proxy {

struct Resources;

class HealthCheck final : public event::Task {
public:
  /// Of a pool that has a check; the first one begins in the next turn of the loop.
  HealthCheck(Resources& resources, GenerationRef generation, std::uint32_t pool,
              const origin::Pool::Server& server);
  ~HealthCheck() override;

  void run() override;

private:
  std::unique_ptr<FetchPlan> make_plan() const;
  void begin();
  void look();
  void end(bool good, std::string what);
  void count_down();

  Resources& resources_;
  const GenerationRef generation_;
  const std::uint32_t pool_;
  const origin::Pool::Server& server_; // of the generation
  const config::CheckDecl& check_;     // of its configuration
  event::Deadline due_;                // the next one
  event::Deadline late_;
  std::unique_ptr<FetchPlan> plan_; // of the dial
  std::unique_ptr<Dial> dial_;      // connect
  std::unique_ptr<Fetch> fetch_;    // or GET
  bool counted_down_ = false;       // in the gauge
};

/// One for each server of each pool of the newest generation that has a check.
std::vector<std::unique_ptr<HealthCheck>> make_health_checks(Resources& resources);

} // namespace weir::proxy
