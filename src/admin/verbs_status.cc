// SPDX-License-Identifier: Apache-2.0
//
// status, cache stat, stop, version.
#include <fmt/format.h>

#include "admin/verbs.h"

namespace weir::admin {
namespace {

using metrics::Metric;

std::int64_t unix_time(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Json disk_json(const DiskFacts& disk) {
  Json out;
  out["path"] = disk.path;
  out["state"] = disk.state;
  out["error"] = disk.error;
  out["bytes"] = disk.bytes;
  out["capacity"] = disk.capacity;
  out["objects"] = disk.objects;
  out["queue_bytes"] = disk.queue_bytes;
  return out;
}

Json caches_json(const std::vector<CacheFacts>& caches) {
  Json all = Json::array();
  for (const CacheFacts& each : caches) {
    Json out;
    out["name"] = each.name;
    out["memory_used"] = each.memory_used;
    out["memory_limit"] = each.memory_limit;
    out["memory_room"] = each.memory_room;
    out["entries"] = each.entries;
    out["fill_bytes"] = each.fill_bytes;
    out["marks"] = each.marks;
    out["evictions"] = each.evictions;
    if (!each.disk.empty()) {
      out["disk"] = disk_json(each.disk.front());
    }
    all.push_back(std::move(out));
  }
  return all;
}

Json pools_json(const std::vector<PoolFacts>& pools) {
  Json all = Json::array();
  for (const PoolFacts& pool : pools) {
    Json servers = Json::array();
    for (const ServerFacts& each : pool.servers) {
      Json out;
      out["server"] = each.label;
      out["in_use"] = each.in_use;
      out["waiting"] = each.waiting;
      out["requests"] = each.requests;
      out["failures"] = each.failures;
      out["health"] = each.health;
      out["check"] = each.check;
      servers.push_back(std::move(out));
    }
    Json out;
    out["name"] = pool.name;
    out["servers"] = std::move(servers);
    all.push_back(std::move(out));
  }
  return all;
}

Json log_json(const LogFacts& log) {
  Json out;
  out["on"] = log.on;
  out["directory"] = log.directory;
  out["rows"] = log.rows;
  out["dropped"] = log.dropped;
  out["lag_seconds"] = seconds(log.lag);
  out["files"] = log.files;
  out["bytes"] = log.bytes;
  out["failing"] = log.failing;
  out["error"] = log.error;
  return out;
}

Json lists_json(const std::vector<ListFacts>& lists) {
  Json all = Json::array();
  for (const ListFacts& each : lists) {
    Json out;
    out["name"] = each.name;
    out["entries"] = each.entries;
    out["bad_lines"] = each.bad_lines;
    out["problem"] = each.problem;
    all.push_back(std::move(out));
  }
  return all;
}

Json listeners_json(const std::vector<ListenerFacts>& listeners) {
  Json all = Json::array();
  for (const ListenerFacts& each : listeners) {
    Json out;
    out["kind"] = each.kind;
    out["name"] = each.name;
    out["address"] = each.address.to_string();
    out["protocol"] = each.protocol == IpProtocol::udp ? "udp" : "tcp";
    all.push_back(std::move(out));
  }
  return all;
}

/// Requests, and what the caches did for them, since the start.
Json traffic_json(const metrics::Metrics& metrics) {
  auto value = [&metrics](Metric metric) { return metrics.value(metric); };
  std::int64_t hits = value(Metric::cache_hits_memory) + value(Metric::cache_hits_disk);
  std::int64_t misses = value(Metric::cache_misses);
  Json out;
  out["forward"] = value(Metric::requests_forward);
  out["site"] = value(Metric::requests_site);
  out["denied"] = value(Metric::rules_denied);
  out["hits"] = hits;
  out["misses"] = misses;
  if (hits + misses > 0) {
    out["hit_ratio"] = static_cast<double>(hits) / static_cast<double>(hits + misses);
  }
  return out;
}

Json rates_json(const metrics::Rates& rates) {
  Json out;
  out["over_seconds"] = seconds(rates.over);
  out["requests_per_second"] = rates.requests;
  out["bytes_in_per_second"] = rates.bytes_in;
  out["bytes_out_per_second"] = rates.bytes_out;
  return out;
}

} // namespace

void status(const Ask& ask) {
  StatusFacts facts = ask.daemon.status();
  Json body;
  body["version"] = facts.version;
  body["pid"] = facts.pid;
  body["user"] = facts.user;
  body["seccomp"] = facts.confined;
  body["started"] = unix_time(facts.started);
  body["uptime_seconds"] = seconds(facts.uptime);
  body["stopping"] = facts.stopping;
  body["generation"] = facts.generation;
  body["loaded"] = unix_time(facts.loaded);
  body["file"] = facts.file;
  body["reload_error"] = facts.reload_error;
  body["workers"] = facts.workers;
  body["connections"] = facts.connections;
  body["fills"] = facts.fills;
  body["requests"] = traffic_json(ask.daemon.metrics());
  body["rates"] = rates_json(facts.rates);
  body["listeners"] = listeners_json(facts.listeners);
  body["caches"] = caches_json(facts.caches);
  body["pools"] = pools_json(facts.pools);
  body["lists"] = lists_json(facts.lists);
  body["log"] = log_json(facts.log);
  ask.answer(success(std::move(body)));
}

void cache_stat(const Ask& ask) {
  Json body;
  body["requests"] = traffic_json(ask.daemon.metrics());
  body["caches"] = caches_json(ask.daemon.status().caches);
  ask.answer(success(std::move(body)));
}

void stop(const Ask& ask) {
  StatusFacts facts = ask.daemon.status();
  StopMode mode = ask.flag("now") ? StopMode::now : StopMode::drain;
  Answer answer;
  answer.body["pid"] = facts.pid;
  answer.body["connections"] = facts.connections;
  answer.body["mode"] = mode == StopMode::now ? "now" : "drain";
  if (!ask.flag("dry_run")) {
    answer.stop = mode;
  } else {
    answer.body["dry_run"] = true;
  }
  ask.answer(std::move(answer));
}

void version(const Ask& ask) {
  Json body;
  body["version"] = ask.daemon.status().version;
  ask.answer(success(std::move(body)));
}

} // namespace weir::admin
