// SPDX-License-Identifier: Apache-2.0
#include "server/warming.h"

namespace weir::server {

using State = admin::WarmFacts::State;

void Warming::start(std::shared_ptr<const proxy::Generation> generation, std::string log_directory,
                    const admin::WarmAsk& ask, event::BackgroundPool& work, Worker& worker,
                    std::function<void(admin::WarmFacts)> done) {
  admin::WarmFacts refused;
  if (listing_ || (progress_ && !progress_->over)) {
    refused.error = "one is under way: cache warm --status, or --stop";
    return done(std::move(refused));
  }
  auto plan = [this, generation = std::move(generation), directory = std::move(log_directory), ask,
               &work, &worker, done] {
    Clock::tick();
    auto made = std::make_shared<admin::WarmPlan>(
        admin::plan_warm(*generation, directory, ask, [&work] { return work.stopping(); }));
    loop_.mailbox().post(
        [this, made, ask, &worker, done] { planned(std::move(*made), ask, worker, done); });
  };
  if (!work.submit(std::move(plan))) {
    refused.error = "too much is being done at the moment: try again";
    return done(std::move(refused));
  }
  listing_ = true;
  stopped_ = false;
}

void Warming::planned(admin::WarmPlan plan, const admin::WarmAsk& ask, Worker& worker,
                      const std::function<void(admin::WarmFacts)>& done) {
  listing_ = false;
  admin::WarmFacts made;
  made.exit = plan.exit;
  made.error = std::move(plan.error);
  made.found = plan.found;
  made.fresh = plan.fresh;
  made.skipped = plan.skipped;
  made.left = plan.urls.size();
  made.failures = std::move(plan.reasons);
  made.rate = ask.rate;
  if (!made.error.empty() || ask.dry_run) {
    made.state = State::none;
    return done(std::move(made));
  }
  facts_ = made;
  facts_.state = State::running;
  facts_.started = Clock::wall();
  progress_ = std::make_shared<proxy::WarmProgress>();
  progress_->left = plan.urls.size();
  auto client = Address::parse(ask.client.empty() ? "127.0.0.1" : ask.client);
  proxy::WarmJob job;
  job.urls = std::move(plan.urls);
  job.fields = ask.headers;
  job.client = client ? *client : Address{};
  job.rate = ask.rate;
  job.busy = ask.busy;
  if (stopped_) {
    progress_->over = true;
  } else {
    // Tunnels are idle for most of their time.
    auto in_work = [&metrics = metrics_] {
      return metrics.value(metrics::Metric::exchanges_active) -
             metrics.value(metrics::Metric::tunnels_active);
    };
    worker.post([&worker, job = std::move(job), progress = progress_, in_work]() mutable {
      worker.warm(std::move(job), std::move(progress), in_work);
    });
  }
  done(facts());
}

void Warming::stop(Worker& worker) {
  stopped_ = true;
  worker.post([&worker] { worker.stop_warm(); });
}

admin::WarmFacts Warming::facts() const {
  admin::WarmFacts facts = facts_;
  if (progress_) {
    facts.left = progress_->left;
    facts.fetched = progress_->fetched;
    facts.fresh += progress_->fresh;
    facts.failed = progress_->failed;
    for (std::string& each : progress_->failures()) {
      facts.failures.push_back(std::move(each));
    }
    facts.state = !progress_->over      ? progress_->waiting ? State::waiting : State::running
                  : progress_->left > 0 ? State::stopped
                                        : State::done;
  }
  facts.state = listing_ ? State::listing : facts.state;
  return facts;
}

} // namespace weir::server
