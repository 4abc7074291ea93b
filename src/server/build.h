// SPDX-License-Identifier: Apache-2.0
//
// build(): a Config becomes a Generation: lists compiled, rules and routes, pools, caches opened.
// Runs on a work thread (at start: on main); changes nothing that is in force.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cache/tier.h"
#include "config/load.h"
#include "proxy/generation.h"
#include "server/listeners.h"

namespace weir::server {

/// What goes on over reloads. Owner: Server. While a build runs, nobody else changes it.
struct Lasting {
  std::map<std::string, std::unique_ptr<cache::Tier>> tiers;
  origin::ServerStates servers;
  Listeners listeners;
  net::TicketKeys tickets;
  std::string via;                              // the default pseudonym
  std::function<void()> on_thread_start;        // of the disk tier's threads
  std::shared_ptr<const proxy::Generation> now; // in force; null at start
};

struct Built {
  std::shared_ptr<const proxy::Generation> generation; // null: it failed
  std::vector<std::unique_ptr<cache::Tier>> new_tiers;
  std::vector<config::Diagnostic> diagnostics;
  std::vector<std::string> notes; // what a person should know; on failure: why
  std::map<std::string, std::string> list_problems;
};

/// `file` empty: the embedded default.
config::Loaded load(const std::string& file);
Built build(const std::string& file, Lasting& lasting, std::uint64_t number);

/// Where what must outlive a restart is kept.
std::string state_folder(const config::Config& config);
std::size_t worker_count(const config::Config& config);

} // namespace weir::server
