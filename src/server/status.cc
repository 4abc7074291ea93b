// SPDX-License-Identifier: Apache-2.0
//
// What `status` says: Server::status().
#include <unistd.h>

#include "config.h"
#include "server/admin_door.h"
#include "server/server.h"
#include "server/test_clock.h"

namespace weir::server {

namespace {

admin::CacheFacts facts_of(const cache::Tier& tier) {
  cache::DirectoryStats stats = tier.directory.stats();
  admin::CacheFacts facts;
  facts.name = tier.name;
  facts.memory_used = stats.entry_bytes;
  facts.memory_limit = tier.memory;
  facts.memory_room = tier.directory.room();
  facts.entries = stats.entries;
  facts.fill_bytes = stats.fill_bytes;
  facts.marks = stats.marks;
  facts.evictions = stats.evictions;
  if (!tier.disk_path.empty()) {
    admin::DiskFacts disk;
    disk.path = tier.disk_path;
    disk.state = "absent";
    disk.error = tier.disk_problem;
    if (tier.disk) {
      cache::DiskStatus status = tier.disk->status();
      disk.state = status.failed ? "failed" : "ok";
      disk.error = status.last_error;
      disk.bytes = status.bytes;
      disk.capacity = status.capacity;
      disk.objects = status.objects;
      disk.queue_bytes = status.queue_bytes;
    }
    facts.disk.push_back(std::move(disk));
  }
  return facts;
}

/// Slots of requests, not of idle connections.
std::uint64_t in_use(const origin::ServerState& server) {
  std::uint64_t parked = server.parked();
  return std::max<std::uint64_t>(server.in_use(), parked) - parked;
}

admin::PoolFacts facts_of(const origin::Pool& pool) {
  admin::PoolFacts facts;
  facts.name = pool.name();
  for (const origin::Pool::Server& server : pool.servers()) {
    admin::ServerFacts one{server.label,
                           in_use(*server.state),
                           server.state->waiting(),
                           server.state->requests(),
                           server.state->failures(),
                           {},
                           {}};
    if (pool.is_checked()) {
      one.health = name(server.state->health().state());
      one.check = server.state->health().last();
    }
    facts.servers.push_back(std::move(one));
  }
  return facts;
}

} // namespace

admin::StatusFacts Server::status() const {
  const proxy::Generation& generation = *lasting_.now;
  admin::StatusFacts facts;
  facts.version = PACKAGE_VERSION;
  facts.pid = ::getpid();
  facts.user = name_of_user(::geteuid());
  facts.confined = privileges_.is_confined();
  facts.started = started_;
  facts.uptime = Clock::mono() - started_mono_;
  facts.stopping = stopping_;
  facts.generation = generation.number;
  facts.loaded = loaded_;
  facts.file = arguments_.file;
  facts.reload_error = reload_error_;
  facts.workers = workers_.size();
  facts.connections =
      static_cast<std::uint64_t>(metrics_.value(metrics::Metric::client_connections));
  facts.rates = rates_.rates(metrics_, Clock::mono());
  facts.fills = static_cast<std::uint64_t>(metrics_.value(metrics::Metric::fills_active));
  for (const auto& open : lasting_.listeners.all_open()) {
    const std::string& name = generation.listens[open.id].name;
    std::size_t space = name.find(' ');
    facts.listeners.push_back(
        {name.substr(0, space), name.substr(space + 1), open.bound, open.protocol});
  }
  if (admin_->http_address().valid()) {
    facts.listeners.push_back({"admin", "", admin_->http_address()});
  }
  for (const cache::Tier* tier : generation.caches) {
    facts.caches.push_back(facts_of(*tier));
  }
  for (const auto& pool : generation.pools) {
    facts.pools.push_back(facts_of(*pool));
  }
  for (const auto& list : generation.lists) {
    auto problem = list_problems_.find(list->name());
    facts.lists.push_back({list->name(), list->entries(), list->bad_lines(),
                           problem == list_problems_.end() ? "" : problem->second});
  }
  if (log_) {
    log::WriterStatus status = log_->status();
    facts.log.on = !log_directory().empty();
    facts.log.directory = log_directory();
    facts.log.rows = status.rows;
    facts.log.dropped = status.dropped;
    facts.log.lag = status.lag;
    facts.log.files = status.partitions;
    facts.log.bytes = status.bytes;
    facts.log.failing = status.failing;
    facts.log.error = status.last_error;
  }
  return facts;
}

} // namespace weir::server
