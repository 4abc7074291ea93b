// SPDX-License-Identifier: Apache-2.0
#include "server/purges.h"

#include <atomic>
#include <set>

#include "base/errlog.h"
#include "cache/key.h"
#include "metrics/metrics.h"

namespace weir::server {

namespace {
constexpr const char* kTable = "purges";

/// A row's name: the cache and the key.
std::string row_of(const std::string& tier, const std::string& key) { return tier + '\0' + key; }
} // namespace

/// One purge whose rows are being recorded. The last row to be told answers.
struct Purges::Running {
  std::atomic<std::size_t> left{0};
  std::atomic<bool> failed{false};
  std::atomic<std::uint64_t> number{0};
  std::uint64_t dropped = 0;
  std::function<void(admin::PurgeOutcome)> done; // main thread only
};

void Purges::replay() {
  if (store_ == nullptr) {
    return;
  }
  auto rows = store_->read(kTable);
  if (!rows) {
    log_error("state: purges cannot be read: {}", to_string(rows.error()));
    return;
  }
  std::set<cache::DiskTier*> touched;
  for (const state::Row& row : *rows) {
    std::size_t nul = row.key.find('\0');
    auto at = tiers_.find(row.key.substr(0, nul));
    if (nul == std::string::npos || at == tiers_.end() || !at->second->disk) {
      continue;
    }
    cache::Tier& tier = *at->second;
    tier.disk->remove(siphash128(tier.secret, std::string_view(row.key).substr(nul + 1)));
    touched.insert(tier.disk.get());
  }
  for (cache::DiskTier* disk : touched) {
    if (auto flushed = disk->flush(); !flushed) {
      log_error("cache: purges cannot be repeated on disk: {}", to_string(flushed.error()));
      return;
    }
  }
  for (const state::Row& row : *rows) {
    store_->erase(kTable, row.key, {});
  }
  if (!rows->empty()) {
    log_info("cache: {} purges of the last run were carried out again", rows->size());
  }
}

std::vector<Purges::Target> Purges::targets(const proxy::Generation& generation,
                                            const admin::PurgeAsk& ask) const {
  std::vector<Target> found;
  std::set<std::pair<cache::Tier*, std::string>> seen;
  for (const rules::Route& route : generation.routes->routes()) {
    if (!route.cache || (!ask.realm.empty() && ask.realm != route.place)) {
      continue;
    }
    cache::Tier* tier = generation.caches[*route.cache];
    Arena arena;
    cache::KeyParts parts;
    parts.realm = tier->shared ? std::string_view{} : route.place;
    parts.scheme = ask.scheme;
    parts.host = ask.host;
    parts.port = ask.port;
    parts.target = ask.target;
    cache::Key key = cache::Key::make(parts, tier->secret, arena);
    if (seen.emplace(tier, std::string(key.bytes)).second) {
      found.push_back({tier, std::string(key.bytes), key.hash});
    }
  }
  return found;
}

/// Memory at once, the disk soon; the row goes once the disk has forgotten the object for good. A
/// later purge of the same key has put it again under a higher number: that one stays.
std::uint64_t Purges::carry_out(const Target& target, std::string row, std::uint64_t number) {
  cache::Tier& tier = *target.tier;
  std::uint64_t on_disk = 0;
  cache::KeyRecord record;
  if (tier.disk && tier.disk->probe(target.hash, &record) == cache::Probe::here &&
      record.key == target.key) {
    on_disk = record.variants.size();
  }
  state::Store* store = store_;
  auto erase_row = [store, number, row = std::move(row)](Result<void> flushed) {
    if (flushed && store != nullptr) {
      store->erase(kTable, row, {}, number);
    }
  };
  std::uint64_t in_memory = tier.remove(target.key, target.hash);
  if (tier.disk) {
    tier.disk->flush(erase_row);
  } else {
    erase_row({});
  }
  return std::max(on_disk, in_memory);
}

void Purges::purge(const proxy::Generation& generation, const admin::PurgeAsk& ask,
                   std::function<void(admin::PurgeOutcome)> done) {
  std::vector<Target> all = targets(generation, ask);
  if (ask.dry_run) {
    admin::PurgeOutcome outcome;
    for (const Target& target : all) {
      outcome.dropped += target.tier->directory.variants(target.key, target.hash).size();
    }
    done(outcome);
    return;
  }
  metrics::count(metrics::Metric::cache_purges);
  auto running = std::make_shared<Running>();
  running->done = std::move(done);
  running->left = all.size() + 1; // one for this function itself
  auto told = [running, &loop = loop_](Result<std::uint64_t> result) {
    if (result) {
      std::uint64_t seen = running->number; // told on two threads
      while (*result > seen && !running->number.compare_exchange_weak(seen, *result)) {
      }
    } else {
      running->failed = true;
    }
    if (running->left.fetch_sub(1) == 1) {
      loop.mailbox().post([running] {
        admin::PurgeOutcome outcome;
        outcome.number = running->number;
        outcome.dropped = running->dropped;
        outcome.error = running->failed ? "carried out, but not recorded: after a crash it may "
                                          "come back from the disk"
                                        : "";
        running->done(outcome);
      });
    }
  };
  for (const Target& target : all) {
    std::string row = row_of(target.tier->name, target.key);
    std::uint64_t number = 0;
    if (store_ != nullptr) {
      number = store_->put(kTable, row, "", told);
      target.tier->directory.set_purge_number(number);
    } else {
      told(fail(Code::io));
    }
    // After the row: it is erased behind it, in the store's order.
    running->dropped += carry_out(target, std::move(row), number);
  }
  told(std::uint64_t{0});
}

} // namespace weir::server
