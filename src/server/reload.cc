// SPDX-License-Identifier: Apache-2.0
//
// A reload: Server::reload(): built on a work thread, put in force from the main one (DESIGN §7).
#include <fmt/format.h>

#include "server/admin_door.h"
#include "server/server.h"
#include "server/test_clock.h"

namespace weir::server {

namespace {

/// A line in the error log for each mistake; gives one line for status.
std::string tell_refusal(const admin::ReloadOutcome& outcome) {
  constexpr std::size_t kMostTold = 20;
  std::vector<std::string> lines;
  for (const config::Diagnostic& each : outcome.diagnostics) {
    if (each.severity == config::Severity::error) {
      lines.push_back(fmt::format("{}:{}:{}: {}{}{}", each.file, each.line, each.column, each.what,
                                  each.hint.empty() ? "" : "; ", each.hint));
    }
  }
  lines.insert(lines.end(), outcome.notes.begin(), outcome.notes.end());
  for (std::size_t i = 0; i < lines.size() && i < kMostTold; ++i) {
    log_error("config: {}", lines[i]);
  }
  std::string text = lines.empty() ? std::string("it failed") : lines.front();
  return lines.size() < 2
             ? text
             : text + fmt::format(" (and {} more: weirctl config test)", lines.size() - 1);
}

} // namespace

void Server::reload(std::function<void(admin::ReloadOutcome)> done) {
  if (stopping_) {
    admin::ReloadOutcome outcome;
    outcome.notes.emplace_back("weir is stopping");
    done(std::move(outcome));
    return;
  }
  if (reloading_) {
    reload_next_.push_back(std::move(done));
    return;
  }
  reload_now_.push_back(std::move(done));
  begin_reload();
}

void Server::begin_reload() {
  reloading_ = true;
  bool queued = work_->submit([this, number = number_ + 1] {
    auto built = std::make_shared<Built>(build(arguments_.file, lasting_, number));
    loop_.mailbox().post([this, built] { finish_reload(std::move(*built)); });
  });
  if (!queued) {
    Built failed;
    failed.notes.emplace_back("too much is waiting for the work threads");
    finish_reload(std::move(failed));
  }
}

void Server::finish_reload(Built built) {
  admin::ReloadOutcome outcome;
  outcome.diagnostics = built.diagnostics;
  outcome.notes = built.notes;
  std::vector<Listeners::Open> opened;
  std::string problem;
  if (built.generation && !stopping_) {
    const config::Config& before = *lasting_.now->config;
    const config::Config& after = *built.generation->config;
    if (worker_count(before) != worker_count(after)) {
      outcome.notes.emplace_back("workers does not change by a reload");
    }
    if (before.user != after.user || before.group != after.group ||
        before.options.seccomp != after.options.seccomp) {
      outcome.notes.emplace_back("user and seccomp do not change by a reload");
    }
    outcome.ok = open_listeners(*built.generation, opened, problem);
    if (!outcome.ok) {
      outcome.notes.push_back(problem);
    }
  }
  if (outcome.ok) {
    admin_->set_access(built.generation->config->admin);
    number_ = built.generation->number;
    errors_.set_level(built.generation->config->log.level);
    if (log_) {
      log_->set_retention(
          {built.generation->config->options.log_keep, built.generation->config->options.log_max});
    }
    put_in_force(std::move(built), std::move(opened));
    reload_error_.clear();
    metrics::count(metrics::Metric::reloads_ok);
    log_info("server: generation {} is in force", number_);
  } else {
    metrics::count(metrics::Metric::reloads_failed);
    reload_error_ = tell_refusal(outcome);
    log_error("server: reload refused, generation {} stays in force: {}", number_, reload_error_);
  }
  outcome.generation = number_;
  auto told = std::exchange(reload_now_, std::move(reload_next_));
  reload_next_.clear();
  reloading_ = false;
  for (auto& done : told) {
    done(outcome);
  }
  if (!reload_now_.empty()) {
    begin_reload();
  }
}

} // namespace weir::server
