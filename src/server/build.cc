// SPDX-License-Identifier: Apache-2.0
#include "server/build.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include <fmt/format.h>

#include "base/account.h"
#include "base/errlog.h"
#include "cache/key.h"
#include "metrics/metrics.h"
#include "rules/condition.h"

namespace weir::server {

namespace {

constexpr std::string_view kDefaultState = "/var/lib/weir/state";

/// Copies to disk what a tier's disk takes; a head without a length is taken on trust.
void connect_disk(cache::Tier& tier) {
  cache::DiskTier* disk = tier.disk.get();
  std::uint64_t most = tier.disk_object_max;
  tier.directory.set_store(
      [&tier, disk, most](const Hash128& hash,
                          const cache::FillHead& head) -> std::unique_ptr<cache::BodyStore> {
        if (head.length && *head.length > most) {
          return nullptr;
        }
        // What takes the place of a stored response was asked for before.
        if (!disk->is_worth_storing(hash) && tier.directory.variants(head.meta.key, hash).empty()) {
          metrics::count(metrics::Metric::disk_admit_refused);
          return nullptr;
        }
        return disk->begin_store(hash);
      });
  tier.directory.set_committed(
      [&tier](const Hash128& hash, const cache::Meta& meta) { tier.settle(hash, meta); });
  tier.directory.set_refresh([disk](const cache::Entry& entry) {
    disk->update_meta(entry.hash(), disk->hash_of(entry.selecting()), entry.to_meta());
  });
}

std::unique_ptr<cache::Tier> open_tier(const config::CacheDecl& decl, const Lasting& lasting) {
  cache::DirectoryLimits limits;
  limits.memory = decl.memory;
  limits.fills = decl.options.fills_memory;
  limits.variants = decl.options.variants_max;
  auto tier = std::make_unique<cache::Tier>(decl.name, limits);
  tier->directory.set_placed(
      [at = tier.get()](Ref<const cache::Entry> entry) { at->settle(std::move(entry)); });
  tier->directory.set_withdraw(
      [at = tier.get()](const cache::Entry& entry) { at->remove_variant(entry); });
  tier->shared = decl.shared;
  tier->memory = decl.memory;
  tier->fill_limits.object_max = decl.memory_object_max;
  tier->disk_object_max = decl.disk_object_max;
  tier->disk_path = decl.disk_path;
  if (!decl.disk_path.empty()) {
    cache::DiskSettings settings;
    settings.path = decl.disk_path;
    settings.capacity = decl.disk_size;
    settings.flush = decl.options.flush;
    settings.admit_frequent = decl.disk_admit_frequent;
    settings.host_of_key = cache::key_host;
    settings.on_thread_start = lasting.on_thread_start;
    auto disk = cache::DiskTier::open(std::move(settings));
    if (disk) {
      tier->disk = std::move(*disk);
      tier->secret = tier->disk->key_secret();
      connect_disk(*tier);
      return tier;
    }
    tier->disk_problem = to_string(disk.error());
    log_error("cache {}: {} cannot be used, going on without it: {}", decl.name, decl.disk_path,
              tier->disk_problem);
  }
  tier->secret = HashKey::random();
  return tier;
}

void take_tiers(const config::Config& config, Lasting& lasting, proxy::Generation& generation,
                Built& built) {
  for (const config::CacheDecl& decl : config.caches) {
    auto at = lasting.tiers.find(decl.name);
    if (at != lasting.tiers.end()) {
      cache::Tier& tier = *at->second;
      if (tier.memory != decl.memory || tier.disk_path != decl.disk_path) {
        built.notes.push_back(
            fmt::format("cache {}: sizes and folder do not change by a reload", decl.name));
      }
      generation.caches.push_back(&tier);
      continue;
    }
    built.new_tiers.push_back(open_tier(decl, lasting));
    generation.caches.push_back(built.new_tiers.back().get());
  }
}

/// False: a reload would close the commands over HTTP. (At the start that is told, and no more.)
bool check_token(const config::Config& config, Built& built) {
  const std::string& file = config.admin.token_file;
  if (file.empty() || ::access(file.c_str(), R_OK) == 0) {
    return true;
  }
  built.notes.push_back(fmt::format("{}: {} cannot be read: {}",
                                    config.where(config.admin.token_at), file,
                                    tell_file_error(errno)));
  return false;
}

/// False: a list that has never been read.
bool take_lists(const config::Config& config, const Lasting& lasting, proxy::Generation& generation,
                Built& built) {
  for (const config::ListDecl& decl : config.lists) {
    rules::ListSettings settings;
    settings.folder = state_folder(config) + "/lists";
    if (lasting.now) {
      for (const auto& former : lasting.now->lists) {
        if (former && former->name() == decl.name) {
          settings.former = former;
        }
      }
    }
    rules::ListReport report;
    auto list = rules::compile_list(decl, settings, report);
    if (!report.problem.empty()) {
      built.list_problems[decl.name] = report.problem;
      built.notes.push_back(fmt::format("list {}: {}", decl.name, report.problem));
      log_warn("list {}: {}", decl.name, report.problem);
    }
    for (const std::string& bad : report.bad) {
      log_warn("list {}: {}", decl.name, bad);
    }
    if (!list) {
      return false;
    }
    generation.lists.push_back(std::move(*list));
  }
  return true;
}

void take_listeners(const config::Config& config, Lasting& lasting, const proxy::TlsSetup& tls,
                    proxy::Generation& generation) {
  auto listening = generation.routes->listeners();
  for (std::size_t i = 0; i < listening.size(); ++i) {
    std::uint32_t id = lasting.listeners.number(listening[i].address, listening[i].protocol);
    if (generation.listens.size() <= id) {
      generation.listens.resize(id + 1);
    }
    proxy::ListenUse& use = generation.listens[id];
    use.used = true;
    use.listener = static_cast<std::uint32_t>(i);
    use.direction = listening[i].direction;
    use.options = config.options;
    use.protocol = listening[i].protocol;
    if (use.protocol == IpProtocol::tcp) {
      use.tls = tls.at(listening[i].address);
    }
    auto has = [&](const auto& place) {
      for (const auto& listen : place.listens) {
        if (listening[i].is_of(listen)) {
          use.http1 = listen.speaks_http1();
          use.http2 = listen.speaks_http2();
          use.proxy_senders = listen.proxy_protocol;
          return true;
        }
      }
      return false;
    };
    for (const auto& forward : config.forwards) {
      if (has(forward)) {
        use.options = forward.options;
        use.name = "forward " + forward.name;
      }
    }
    for (const auto& l4 : config.l4s) {
      if (has(l4)) {
        use.options = l4.options;
        use.name = "l4 " + l4.name;
      }
    }
    for (const auto& site : config.sites) {
      if (use.name.empty() && has(site)) {
        use.options = site.options;
        use.name = "site " + site.name;
      }
    }
  }
}

} // namespace

std::string state_folder(const config::Config& config) {
  return config.state.empty() ? std::string(kDefaultState) : config.state;
}

std::size_t worker_count(const config::Config& config) {
  if (config.options.workers > 0) {
    return config.options.workers;
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

config::Loaded load(const std::string& file) {
  return file.empty() ? config::load_text("default", config::embedded_default())
                      : config::load_file(file);
}

Built build(const std::string& file, Lasting& lasting, std::uint64_t number) {
  Built built;
  config::Loaded loaded = load(file);
  built.diagnostics = std::move(loaded.diagnostics);
  if (!loaded.config) {
    return built;
  }
  const config::Config& config = *loaded.config;
  auto tls = proxy::set_up_tls(config, &lasting.tickets, Clock::wall());
  for (config::Diagnostic& each : tls.diagnostics) {
    built.diagnostics.push_back(std::move(each));
  }
  if (!tls.good || (lasting.now && !check_token(config, built))) {
    return built;
  }
  auto generation = std::make_shared<proxy::Generation>();
  generation->number = number;
  generation->config = loaded.config;
  generation->via = config.via.empty() ? lasting.via : config.via;
  if (!take_lists(config, lasting, *generation, built)) {
    return built;
  }
  generation->users = rules::read_user_tables(config, built.diagnostics);
  if (config::count_errors(built.diagnostics) != 0) {
    return built;
  }
  rules::RuleParts parts;
  parts.lists = generation->lists;
  std::string problem;
  auto schedules = rules::compile_schedules(config, problem);
  if (!schedules) {
    built.notes.push_back(problem);
    return built;
  }
  parts.whens = std::move(*schedules);
  auto routes = rules::RouteTable::compile(loaded.config, parts);
  if (!routes) {
    built.notes.push_back("the rules cannot be compiled: " + to_string(routes.error()));
    return built;
  }
  generation->routes = std::move(*routes);
  for (const rules::Route& route : generation->routes->routes()) {
    generation->policies.push_back(proxy::make_policy(route));
  }
  for (const auto& pool : config.pools) {
    generation->pools.push_back(std::make_unique<origin::Pool>(pool, lasting.servers));
  }
  take_tiers(config, lasting, *generation, built);
  take_listeners(config, lasting, tls, *generation);
  generation->certificates = std::move(tls.certificates);
  generation->pool_tls = std::move(tls.pools);
  generation->pool_tls_http1 = std::move(tls.pools_http1);
  generation->forward_tls = std::move(tls.forwards);
  built.generation = std::move(generation);
  return built;
}

} // namespace weir::server
