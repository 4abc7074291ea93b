// SPDX-License-Identifier: Apache-2.0
//
// limit ls, top, reset.
#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "admin/verbs.h"
#include "config/values.h"
#include "proxy/generation.h"
#include "rules/limits.h"

namespace weir::admin {
namespace {

constexpr std::size_t kMostKeys = 1000;
constexpr std::size_t kUsualKeys = 20;
constexpr std::size_t kRateText = 47; // of a key, that Limits keeps of a rate

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

const config::LimitDecl* find_limit(const proxy::Generation& generation, std::string_view name) {
  for (const config::LimitDecl& limit : generation.config->limits) {
    if (limit.name == name) {
      return &limit;
    }
  }
  return nullptr;
}

/// The limit that `name` says; answered where there is none.
const config::LimitDecl* asked_limit(const Ask& ask, const proxy::Generation* generation) {
  const config::LimitDecl* limit =
      generation != nullptr ? find_limit(*generation, ask.text("name")) : nullptr;
  if (limit == nullptr) {
    ask.answer(
        failure(Exit::usage, fmt::format("no limit is called '{}'; limit ls tells what there is",
                                         ask.text("name"))));
  }
  return limit;
}

/// How many of the burst are there now.
std::int64_t left_of(const config::LimitDecl& limit, Duration reset) {
  auto interval = rules::rate_of(limit).interval;
  auto used = (std::chrono::nanoseconds(reset) + interval - std::chrono::nanoseconds(1)) / interval;
  return std::max<std::int64_t>(0, limit.burst - used);
}

Json rate_json(const config::LimitDecl& limit, Duration reset) {
  return {{"requests_left", left_of(limit, reset)}, {"requests_reset_seconds", seconds(reset)}};
}

/// One key of a limit of bytes. A bandwidth that nobody waits for says nothing of itself.
Json meter_json(const config::LimitDecl& limit, const rules::MeterFacts& meter) {
  Json one;
  one["key"] = meter.key;
  one["exchanges"] = meter.users;
  if (limit.bandwidth != 0) {
    one["wait_seconds"] = seconds(meter.wait);
  }
  if (limit.quota != 0) {
    one["used_bytes"] = meter.used;
    one["left_bytes"] = limit.quota - std::min(limit.quota, meter.used);
  }
  return one;
}

/// The keys of a limit, the most used first.
Json keys_json(const Ask& ask, const config::LimitDecl& limit, std::size_t most,
               std::size_t& count) {
  rules::Limits& limits = ask.daemon.limits();
  auto meters = limits.meters().facts(limit.name, Clock::mono(), Clock::wall());
  auto rates = limits.rates(limit.name, meters.empty() ? most : SIZE_MAX, Clock::mono(), count);
  Json keys = Json::array();
  if (meters.empty()) {
    for (const rules::RateFacts& rate : rates) {
      Json one = rate_json(limit, rate.reset);
      one["key"] = rate.key;
      keys.push_back(std::move(one));
    }
    return keys;
  }
  std::map<std::string, Duration> by_key;
  for (rules::RateFacts& rate : rates) {
    by_key.emplace(std::move(rate.key), rate.reset);
  }
  count = meters.size();
  std::sort(meters.begin(), meters.end(), [](const auto& a, const auto& b) {
    return std::tie(a.used, a.wait, b.key) > std::tie(b.used, b.wait, a.key);
  });
  meters.resize(std::min(meters.size(), most));
  for (const rules::MeterFacts& meter : meters) {
    Json one = meter_json(limit, meter);
    if (auto found = by_key.find(meter.key.substr(0, kRateText)); found != by_key.end()) {
      one.update(rate_json(limit, found->second));
    }
    keys.push_back(std::move(one));
  }
  return keys;
}

} // namespace

void limit_ls(const Ask& ask) {
  Json all = Json::array();
  auto generation = ask.daemon.generation();
  static const std::vector<config::LimitDecl> kNone;
  for (const config::LimitDecl& limit : generation ? generation->config->limits : kNone) {
    rules::Limits& limits = ask.daemon.limits();
    std::size_t count = 0;
    limits.rates(limit.name, 0, Clock::mono(), count);
    count = std::max(count, limits.meters().facts(limit.name, Clock::mono(), Clock::wall()).size());
    rules::LimitCounts counts = limits.counts(limit.name);
    all.push_back({{"name", limit.name},
                   {"key", config::write_limit_key(limit)},
                   {"rate", config::write_limit_rate(limit)},
                   {"burst", limit.burst},
                   {"bandwidth", config::write_limit_bandwidth(limit)},
                   {"quota", config::write_limit_quota(limit)},
                   {"keys", count},
                   {"refused", counts.refused},
                   {"quota_refused", counts.quota_refused},
                   {"delayed_bytes", counts.delayed}});
  }
  ask.answer(success({{"limits", std::move(all)}}));
}

void limit_top(const Ask& ask) {
  auto generation = ask.daemon.generation();
  const config::LimitDecl* limit = asked_limit(ask, generation.get());
  if (limit == nullptr) {
    return;
  }
  std::size_t most = kUsualKeys;
  if (std::string text = ask.text("limit"); !text.empty()) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), most);
    if (error != std::errc() || end != text.data() + text.size() || most == 0 || most > kMostKeys) {
      return ask.answer(failure(
          Exit::usage, fmt::format("'{}' is no number of keys from 1 to {}", text, kMostKeys)));
    }
  }
  std::size_t count = 0;
  Json keys = keys_json(ask, *limit, most, count);
  ask.answer(success({{"name", limit->name}, {"keys", std::move(keys)}, {"count", count}}));
}

void limit_reset(const Ask& ask) {
  auto generation = ask.daemon.generation();
  const config::LimitDecl* limit = asked_limit(ask, generation.get());
  if (limit == nullptr) {
    return;
  }
  std::string key = ask.text("key");
  std::size_t count = ask.daemon.limits().reset(limit->name, key);
  if (count == 0 && !key.empty()) {
    return ask.answer(
        failure(Exit::failed, fmt::format("limit '{}' has counted nothing by '{}'; limit top {} "
                                          "tells its keys",
                                          limit->name, key, limit->name)));
  }
  ask.answer(success({{"name", limit->name}, {"reset", count}}));
}

} // namespace weir::admin
