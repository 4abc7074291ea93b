// SPDX-License-Identifier: Apache-2.0
#include "server/purges.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "base/errlog.h"
#include "cache/key.h"
#include "metrics/metrics.h"

namespace weir::server {

namespace {

constexpr const char* kTable = "bans";
constexpr std::size_t kTold = 1000;
constexpr std::size_t kWalks = 4; // under way at a time
constexpr Duration kLook = std::chrono::milliseconds(500);

/// A row's name: the cache, the kind, the realm, the text. Its value: how, and since when.
std::string row_of(const cache::Tier& tier, const PurgeTarget& target) {
  std::string row = tier.name;
  row += '\0';
  row += static_cast<char>(target.kind);
  row += target.realm;
  row += '\0';
  row += target.text;
  return row;
}

std::string value_of(const cache::Ban& ban) {
  return fmt::format("{}{}", ban.hard ? 'H' : 'S', ban.at.time_since_epoch().count());
}

struct ReadRow {
  std::string tier;
  PurgeTarget target;
  cache::Ban ban;
};
std::optional<ReadRow> read_row(const state::Row& row) {
  ReadRow out;
  std::size_t first = row.key.find('\0');
  std::size_t second = first == std::string::npos ? first : row.key.find('\0', first + 2);
  if (second == std::string::npos || row.value.empty()) {
    return std::nullopt;
  }
  out.tier = row.key.substr(0, first);
  out.target.kind = static_cast<PurgeTarget::Kind>(row.key[first + 1]);
  out.target.realm = row.key.substr(first + 2, second - first - 2);
  out.target.text = row.key.substr(second + 1);
  out.ban.number = row.number;
  out.ban.hard = row.value[0] == 'H';
  std::int64_t at = 0;
  std::from_chars(row.value.data() + 1, row.value.data() + row.value.size(), at);
  out.ban.at = WallTime(Duration(at));
  return out;
}

/// "u" -> "http://example.com/x"; people read it.
std::string text_of(const PurgeTarget& target) {
  switch (target.kind) {
  case PurgeTarget::Kind::url:
  case PurgeTarget::Kind::parts:
    return cache::key_url(target.text);
  case PurgeTarget::Kind::host:
    return "host = " + target.text;
  case PurgeTarget::Kind::tag:
    return "tag = " + target.text;
  case PurgeTarget::Kind::prefix: {
    std::string text = target.text;
    std::replace(text.begin(), text.end(), '\0', ' ');
    return text + "*";
  }
  case PurgeTarget::Kind::filter:
    break;
  }
  return target.text;
}

} // namespace

/// One purge whose rows are being recorded, and that is being carried out.
struct Purges::Running {
  std::atomic<std::size_t> left{0};
  std::atomic<bool> failed{false};
  std::atomic<std::uint64_t> number{0};
  std::shared_ptr<PurgeProgress> progress;
  std::uint64_t dropped = 0; // found at once
  std::uint64_t bytes = 0;
  bool waits = false;
  bool counted = false;
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
  for (const state::Row& row : *rows) {
    auto read = read_row(row);
    auto at = read ? tiers_.find(read->tier) : tiers_.end();
    if (at == tiers_.end()) {
      continue; // of a cache that this configuration does not have: it may come back
    }
    Aim aim{at->second.get(), read->target};
    put_in_force(aim, read->ban);
    auto progress = std::make_shared<PurgeProgress>();
    progress->walks = 1;
    told_.push_front({{row.number, read->ban.at, text_of(aim.target), aim.target.realm,
                       read->ban.hard, false, 0, 0, 0, 0},
                      progress});
    walk(aim, read->ban, std::move(progress), row.key, {});
  }
  if (!rows->empty()) {
    log_info("cache: {} purges of the last run are in force again", rows->size());
  }
}

std::vector<Purges::Aim> Purges::aims(const proxy::Generation& generation,
                                      const admin::PurgeAsk& ask) const {
  using What = admin::PurgeAsk::What;
  std::vector<Aim> found;
  std::set<std::tuple<cache::Tier*, char, std::string, std::string>> seen;
  auto add = [&](cache::Tier* tier, PurgeTarget target) {
    if (seen.emplace(tier, static_cast<char>(target.kind), target.realm, target.text).second) {
      found.push_back({tier, std::move(target)});
    }
  };
  for (const rules::Route& route : generation.routes->routes()) {
    if (!route.cache || (!ask.realm.empty() && ask.realm != route.place)) {
      continue;
    }
    cache::Tier* tier = generation.caches[*route.cache];
    std::string realm(tier->shared ? std::string_view{} : std::string_view(ask.realm));
    if (ask.what == What::url) {
      const cache::Policy& policy = generation.policy(route);
      Arena arena;
      cache::KeyParts parts{tier->shared ? std::string_view{} : route.place, ask.scheme, ask.host,
                            ask.port, ask.target};
      cache::Key key = policy.make_key(parts, nullptr, tier->secret, arena);
      bool has_parts = policy.has_parts() || !route.login.empty();
      auto kind = has_parts ? PurgeTarget::Kind::parts : PurgeTarget::Kind::url;
      add(tier, {kind, {}, std::string(key.bytes)});
    } else if (ask.what == What::prefix) {
      std::string text = ask.scheme;
      text += '\0' + ask.host + '\0' + std::to_string(ask.port) + '\0' + ask.target;
      add(tier, {PurgeTarget::Kind::prefix, realm, std::move(text)});
    } else {
      auto kind = ask.what == What::host  ? PurgeTarget::Kind::host
                  : ask.what == What::tag ? PurgeTarget::Kind::tag
                                          : PurgeTarget::Kind::filter;
      add(tier, {kind, realm, ask.name});
    }
  }
  return found;
}

/// A URL is found at once, as far as that needs no reading.
void Purges::find_now(const Aim& aim, std::uint64_t& count, std::uint64_t& bytes) {
  if (aim.target.kind != PurgeTarget::Kind::url) {
    return;
  }
  cache::Tier& tier = *aim.tier;
  Hash128 hash = siphash128(tier.secret, aim.target.text);
  std::uint64_t in_memory = 0;
  for (const auto& entry : tier.directory.variants(aim.target.text, hash)) {
    ++in_memory;
    bytes += entry->body_size();
  }
  std::uint64_t on_disk = 0;
  cache::KeyRecord record;
  if (tier.disk && tier.disk->probe(hash, &record) == cache::Probe::here &&
      record.key == aim.target.text) {
    on_disk = record.variants.size();
  }
  count += std::max(in_memory, on_disk);
}

void Purges::put_in_force(const Aim& aim, const cache::Ban& ban) {
  cache::Ban placed = ban;
  cache::Tier& tier = *aim.tier;
  const PurgeTarget& target = aim.target;
  placed.test = make_test(target);
  if (!placed.test) {
    auto kind = target.kind == PurgeTarget::Kind::host  ? cache::MarkKind::host
                : target.kind == PurgeTarget::Kind::tag ? cache::MarkKind::tag
                                                        : cache::MarkKind::url;
    placed.mark = cache::ban_mark(tier.secret, kind, target.realm, target.text);
  }
  tier.directory.set_purge_number(ban.number); // fetches from now on are newer
  tier.directory.set_join_from(ban.number);
  tier.bans.add(placed);
}

void Purges::walk(const Aim& aim, const cache::Ban& ban, std::shared_ptr<PurgeProgress> progress,
                  std::string row, std::function<void()> walked) {
  cache::Ban tested = ban;
  tested.test = make_test(aim.target);
  auto walk = std::make_shared<PurgeWalk>(*aim.tier, aim.target, tested, std::move(progress));
  waiting_.push_back({std::move(walk), std::move(row), std::move(walked)});
  submit_waiting();
}

/// The pool's queue is for others too: only so many at a time, the rest waits here.
void Purges::submit_waiting() {
  while (!waiting_.empty() && walking_ < kWalks) {
    bool taken = work_.submit([this, next = waiting_.front()] {
      Clock::tick();
      bool sound = carry_out(*next.walk, next.row);
      loop_.mailbox().post([this, next, sound] { walk_over(next, sound); });
    });
    if (!taken) {
      wait_to_look(); // tried again then
      return;
    }
    ++walking_;
    waiting_.pop_front();
  }
}

/// On a thread of the pool.
bool Purges::carry_out(PurgeWalk& walk, const std::string& row) {
  bool sound = walk.run(false);
  cache::Tier& tier = walk.tier();
  auto erase = [store = store_, row, number = walk.ban().number](Result<void> flushed) {
    if (flushed && store != nullptr) {
      store->erase(kTable, row, {}, number);
    }
  };
  if (sound && tier.disk) {
    tier.disk->when_flushed(erase); // a purge in force a while longer costs less than a flush each
  } else {
    erase(sound ? Result<void>() : Result<void>(fail(Code::io)));
  }
  return sound;
}

/// One that could not be carried out stays in force, and its row is for the next start.
void Purges::walk_over(const Walking& walking, bool sound) {
  --walking_;
  if (sound) {
    lingering_.push_back(
        {&walking.walk->tier(), walking.walk->ban().number, walking.walk->tier().directory.era()});
    wait_to_look();
  }
  if (walking.walked) {
    walking.walked();
  }
  submit_waiting();
}

void Purges::wait_to_look() {
  if (!look_.armed()) {
    look_.arm(loop_, kLook, *this);
  }
}

void Purges::run() {
  std::set<cache::Directory*> passed;
  std::erase_if(lingering_, [&passed](const Lingering& each) {
    cache::Directory& directory = each.tier->directory;
    if (passed.insert(&directory).second) {
      directory.pass_era();
    }
    bool over = directory.era() >= each.era + cache::Directory::kErasToSettle;
    if (over) {
      each.tier->bans.settle(each.number);
    }
    return over;
  });
  look_.disarm();
  submit_waiting();
  if (!lingering_.empty()) {
    wait_to_look();
  }
}

std::vector<admin::PurgeFacts> Purges::facts() const {
  std::vector<admin::PurgeFacts> all;
  for (const Told& each : told_) {
    admin::PurgeFacts facts = each.facts;
    facts.done = each.progress->walks <= 0;
    facts.seen = each.progress->seen;
    facts.total = std::max(each.progress->total.load(), facts.seen);
    facts.matched = each.progress->matched;
    facts.bytes = each.progress->bytes;
    all.push_back(std::move(facts));
  }
  return all;
}

/// A dry run: what a purge would name.
void Purges::count(std::vector<Aim> all, std::function<void(admin::PurgeOutcome)> done) {
  auto progress = std::make_shared<PurgeProgress>();
  bool taken = work_.submit([this, all = std::move(all), progress, done] {
    Clock::tick();
    bool sound = true;
    for (const Aim& aim : all) {
      cache::Ban ban;
      ban.number = UINT64_MAX;
      ban.at = Clock::wall();
      ban.test = make_test(aim.target);
      sound = PurgeWalk(*aim.tier, aim.target, ban, progress).run(true) && sound;
    }
    loop_.mailbox().post([progress, done, sound] {
      admin::PurgeOutcome outcome;
      outcome.counted = true;
      outcome.dropped = progress->matched;
      outcome.bytes = progress->bytes;
      outcome.error = sound ? "" : "the disk could not be read";
      done(outcome);
    });
  });
  if (!taken) {
    admin::PurgeOutcome outcome;
    outcome.error = "too much is being done at the moment: try again";
    done(outcome);
  }
}

void Purges::purge(const proxy::Generation& generation, const admin::PurgeAsk& ask,
                   std::function<void(admin::PurgeOutcome)> done) {
  std::vector<Aim> all = aims(generation, ask);
  if (ask.dry_run) {
    return count(std::move(all), std::move(done));
  }
  metrics::count(metrics::Metric::cache_purges);
  auto running = std::make_shared<Running>();
  running->done = std::move(done);
  running->progress = std::make_shared<PurgeProgress>();
  running->waits = ask.wait;
  running->counted = ask.wait || ask.what == admin::PurgeAsk::What::url;
  running->progress->walks = static_cast<int>(all.size());
  running->left = 1 + all.size() * (running->waits ? 2 : 1);
  auto one_less = [running, &loop = loop_] {
    if (running->left.fetch_sub(1) == 1) {
      loop.mailbox().post([running] {
        admin::PurgeOutcome outcome;
        outcome.number = running->number;
        outcome.counted = running->counted;
        outcome.dropped = running->waits ? running->progress->matched.load() : running->dropped;
        outcome.bytes = running->waits ? running->progress->bytes.load() : running->bytes;
        outcome.error = running->failed ? "carried out, but not recorded: after a crash it may "
                                          "come back from the disk"
                                        : "";
        running->done(outcome);
      });
    }
  };
  auto recorded = [running, one_less](Result<std::uint64_t> result) {
    running->failed = running->failed || !result;
    one_less();
  };
  cache::Ban ban;
  ban.hard = ask.hard;
  ban.at = Clock::wall();
  for (const Aim& aim : all) {
    std::string row = row_of(*aim.tier, aim.target);
    if (store_ != nullptr) {
      ban.number = store_->put(kTable, row, value_of(ban), recorded);
    }
    if (store_ == nullptr || ban.number == 0) { // in force all the same, until a restart
      ban.number = aim.tier->directory.purge_number() + 1;
      if (store_ == nullptr) {
        recorded(fail(Code::io));
      }
    }
    running->number = ban.number;
    find_now(aim, running->dropped, running->bytes);
    put_in_force(aim, ban);
    walk(aim, ban, running->progress, std::move(row),
         running->waits ? std::function<void()>(one_less) : std::function<void()>());
  }
  told_.push_front({{running->number, ban.at, ask.text, ask.realm, ask.hard, false, 0, 0, 0, 0},
                    running->progress});
  while (told_.size() > kTold) {
    told_.pop_back();
  }
  one_less();
}

} // namespace weir::server
