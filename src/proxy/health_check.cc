// SPDX-License-Identifier: Apache-2.0
#include "proxy/health_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/errlog.h"
#include "metrics/metrics.h"
#include "proxy/resources.h"

namespace weir::proxy {

using metrics::Metric;
using Kind = config::CheckDecl::Kind;

HealthCheck::HealthCheck(Resources& resources, GenerationRef generation, std::uint32_t pool,
                         const origin::Pool::Server& server)
    : resources_(resources), generation_(std::move(generation)), pool_(pool), server_(server),
      check_(generation_->config->pools[pool].check) {
  count_down();
  resources_.loop.wake(*this);
}

HealthCheck::~HealthCheck() {
  if (counted_down_) {
    metrics::sub(Metric::servers_down);
  }
}

void HealthCheck::run() {
  if (late_.passed()) {
    end(false, "timeout");
  } else if (dial_ || fetch_) {
    look();
  } else if (!due_.armed()) {
    begin();
  }
}

std::unique_ptr<FetchPlan> HealthCheck::make_plan() const {
  const config::PoolDecl& pool = generation_->config->pools[pool_];
  auto plan = std::make_unique<FetchPlan>(generation_, nullptr);
  plan->use_pool(pool_, pool.send_proxy, {}); // a PROXY header says that weir speaks for itself
  plan->dial.only = &server_;
  plan->dial.slots = 0; // that all are in use is no fault
  plan->dial.retries = 0;
  plan->dial.reuse = false;
  plan->dial.connect_timeout = check_.timeout;
  plan->answer_timeout = check_.timeout;
  plan->body_timeout = check_.timeout;
  plan->origin_idle = pool.options.origin_idle_timeout;
  http::RequestHead get;
  plan->request = &get;
  plan->keep_request();
  return plan;
}

void HealthCheck::begin() {
  due_.disarm();
  late_.arm(resources_.loop, check_.timeout, *this);
  auto plan = make_plan();
  if (check_.kind == Kind::connect) {
    plan_ = std::move(plan);
    dial_ = std::make_unique<Dial>(resources_.loop, resources_.resolver, resources_.connections,
                                   resources_.own_addresses(), *this, *plan_);
    dial_->start(plan_->dial);
    look();
    return;
  }
  plan->head =
      plan->arena.copy(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: weir-check\r\n"
                                   "Accept: */*\r\nConnection: close\r\n\r\n",
                                   check_.path, check_.host.empty() ? server_.label : check_.host));
  fetch_ = make_fetch(resources_, std::move(plan));
  fetch_->start(*this);
}

void HealthCheck::look() {
  if (fetch_) {
    if (Error error = fetch_->error(); error.code != Code::none) {
      end(false, std::string(name(error.code)));
    } else if (auto head = fetch_->head()) {
      int status = head->meta.status;
      bool good =
          std::any_of(check_.status.begin(), check_.status.end(), [status](const auto& each) {
            return status >= each.first && status <= each.last;
          });
      end(good, fmt::format("status {}", status));
    }
    return;
  }
  switch (dial_->step()) {
  case Dial::State::ready:
    end(true, "connected");
    break;
  case Dial::State::failed:
    end(false, std::string(name(dial_->error().code)));
    break;
  case Dial::State::resolve:
  case Dial::State::queue:
  case Dial::State::connect:
  case Dial::State::secure:
    break;
  }
}

void HealthCheck::end(bool good, std::string what) {
  fetch_.reset();
  dial_.reset();
  plan_.reset();
  late_.disarm();
  metrics::count(good ? Metric::health_checks_good : Metric::health_checks_bad);
  const std::string& pool = generation_->config->pools[pool_].name;
  if (server_.state->health().note(good, what, check_.rise, check_.fall)) {
    if (good) {
      log_info("pool {}: server {} is up: {}", pool, server_.label, what);
    } else {
      log_warn("pool {}: server {} is down: {}", pool, server_.label, what);
    }
    count_down();
  }
  due_.arm(resources_.loop, check_.every, *this);
}

void HealthCheck::count_down() {
  bool down = server_.state->health().is_down();
  if (down && !counted_down_) {
    metrics::add(Metric::servers_down);
  } else if (!down && counted_down_) {
    metrics::sub(Metric::servers_down);
  }
  counted_down_ = down;
}

std::vector<std::unique_ptr<HealthCheck>> make_health_checks(Resources& resources) {
  std::vector<std::unique_ptr<HealthCheck>> checks;
  const Generation& generation = *resources.generation;
  for (std::uint32_t pool = 0; pool < generation.pools.size(); ++pool) {
    if (!generation.pools[pool]->is_checked()) {
      continue;
    }
    for (const origin::Pool::Server& server : generation.pools[pool]->servers()) {
      checks.push_back(
          std::make_unique<HealthCheck>(resources, resources.generation, pool, server));
    }
  }
  return checks;
}

} // namespace weir::proxy
