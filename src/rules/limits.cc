// SPDX-License-Identifier: Apache-2.0
#include "rules/limits.h"

#include <algorithm>

#include <fmt/format.h>

#include "http/fields.h"
#include "metrics/metrics.h"

namespace weir::rules {

namespace {

/// Whole seconds, upwards: who waits so long has waited long enough.
std::int64_t seconds(Nanoseconds time) noexcept {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

/// "192.0.2.1", "192.0.2.0/24": its network.
std::string network_of(const Address& client, const config::LimitDecl& limit) {
  bool v4 = client.is_v4();
  unsigned bits = v4 ? 96U + limit.v4_bits : limit.v6_bits;
  std::array<std::uint8_t, 16> bytes{};
  for (unsigned i = 0; i < 16; ++i) {
    unsigned kept = std::min(8U, bits > i * 8 ? bits - i * 8 : 0U);
    bytes[i] = static_cast<std::uint8_t>(client.bytes()[i] & (0xff00U >> kept));
  }
  Address base =
      v4 ? Address::v4({bytes[12], bytes[13], bytes[14], bytes[15]}) : Address::v6(bytes);
  std::string text = base.host();
  return bits == 128 ? text : fmt::format("{}/{}", text, v4 ? limit.v4_bits : limit.v6_bits);
}

/// A client's text behind `key`: visible, without blanks, and no two alike.
void append_text(std::string& key, std::string_view text) {
  for (char c : text) {
    if (c > 0x20 && c < 0x7f && c != '\\') {
      key += c;
    } else {
      key += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
}

/// A key of bounded length, the same in every run.
void shorten(std::string& key) {
  constexpr std::size_t kMost = 256;
  constexpr std::size_t kKept = 192;
  if (key.size() > kMost) {
    Hash128 hash = siphash128({}, key);
    key.resize(kKept);
    key += fmt::format("...{:016x}{:016x}", hash.high, hash.low);
  }
}

constexpr std::array<std::int64_t, 3> kQuotaSeconds = {3600, 86400, 30 * 86400};

} // namespace

RateAnswer Limits::take(const Rate& rate, std::string_view key, MonoTime now) {
  std::uint64_t hash = siphash64(secret_, key);
  Shard& shard = shards_[hash % kShards];
  Nanoseconds time = now.time_since_epoch();
  std::lock_guard lock(shard.mutex);
  if (!shard.sets) {
    shard.sets = std::make_unique<std::array<Set, kSets>>();
  }
  Set& set = (*shard.sets)[hash / kShards % kSets];
  Slot* slot = set.slots.data();
  for (Slot& each : set.slots) {
    if (each.hash == hash && each.full_at != Nanoseconds::zero()) {
      slot = &each;
      break;
    }
    slot = each.full_at < slot->full_at ? &each : slot;
  }
  if (slot->hash != hash) {
    if (slot->full_at > time) {
      metrics::count(metrics::Metric::limits_forgotten);
    }
    *slot = {hash, Nanoseconds::zero()};
    label(set.labels[static_cast<std::size_t>(slot - set.slots.data())], key);
  }
  return rules::take(rate, time, slot->full_at);
}

void Limits::label(Label& label, std::string_view key) const {
  std::size_t blank = std::min(key.find(' '), key.size());
  label.limit = siphash64(secret_, key.substr(0, blank));
  std::string_view text = key.substr(std::min(blank + 1, key.size()), label.text.size());
  std::copy(text.begin(), text.end(), label.text.begin());
  label.size = static_cast<std::uint8_t>(text.size());
}

void Limits::count(std::string_view limit, const LimitCounts& more) {
  std::lock_guard lock(counts_mutex_);
  auto found = counts_.find(limit);
  LimitCounts& counts =
      found != counts_.end() ? found->second : counts_.emplace(limit, LimitCounts()).first->second;
  counts.refused += more.refused;
  counts.quota_refused += more.quota_refused;
  counts.delayed += more.delayed;
}

LimitCounts Limits::counts(std::string_view limit) const {
  std::lock_guard lock(counts_mutex_);
  auto found = counts_.find(limit);
  return found != counts_.end() ? found->second : LimitCounts();
}

std::vector<RateFacts> Limits::rates(std::string_view limit, std::size_t most, MonoTime now,
                                     std::size_t& count) const {
  std::vector<RateFacts> all;
  const std::uint64_t name = siphash64(secret_, limit);
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (std::size_t i = 0; shard.sets && i < kSets * kWays; ++i) {
      const Set& set = (*shard.sets)[i / kWays];
      const Slot& slot = set.slots[i % kWays];
      const Label& label = set.labels[i % kWays];
      if (slot.full_at > now.time_since_epoch() && label.limit == name) {
        all.push_back({std::string(label.text.data(), label.size),
                       std::chrono::ceil<Duration>(slot.full_at - now.time_since_epoch())});
      }
    }
  }
  count = all.size();
  std::sort(all.begin(), all.end(),
            [](const RateFacts& a, const RateFacts& b) { return a.reset > b.reset; });
  all.resize(std::min(all.size(), most));
  return all;
}

std::size_t Limits::reset_rates(std::string_view limit, std::string_view key) {
  std::size_t count = 0;
  const std::uint64_t name = siphash64(secret_, limit);
  const std::uint64_t hash = siphash64(secret_, fmt::format("{} {}", limit, key));
  for (Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (std::size_t i = 0; shard.sets && i < kSets * kWays; ++i) {
      Set& set = (*shard.sets)[i / kWays];
      Slot& slot = set.slots[i % kWays];
      if (slot.full_at != Nanoseconds::zero() && set.labels[i % kWays].limit == name &&
          (key.empty() || slot.hash == hash)) {
        slot = {};
        ++count;
      }
    }
  }
  return count;
}

std::size_t Limits::reset(std::string_view limit, std::string_view key) {
  return std::max(reset_rates(limit, key), meters_.reset(limit, key));
}

Rate rate_of(const config::LimitDecl& limit) noexcept {
  Nanoseconds per = limit.per;
  return {std::max(per / limit.count, Nanoseconds(1)), limit.burst};
}

std::string_view limit_key(const config::LimitDecl& limit, const Facts& facts, Arena& arena) {
  std::string key = limit.name;
  if (limit.by_client) {
    key += " " + network_of(facts.client, limit);
  }
  if (limit.by_user) {
    key += facts.user.empty() ? " without:user" : " user=";
    append_text(key, facts.user);
  }
  for (const std::string& field : limit.headers) {
    const http::Field* found = facts.fields != nullptr ? facts.fields->find(field) : nullptr;
    key += found != nullptr ? fmt::format(" {}=", field) : " without:" + field;
    append_text(key, found != nullptr ? found->value : std::string_view());
  }
  if (limit.by_path) {
    key += " ";
    append_text(key, facts.path);
  }
  shorten(key);
  return arena.copy(key);
}

std::string_view limit_fields(const LimitTold& told, Arena& arena) {
  std::string policy;
  std::string state;
  std::int64_t retry = 0;
  if (told.rate_of != nullptr) {
    const config::LimitDecl& limit = *told.rate_of;
    retry = told.rate.allowed ? 0 : std::max<std::int64_t>(1, seconds(told.rate.retry));
    policy =
        fmt::format("\"{}\";q={};w={}", limit.name, limit.burst, seconds(rate_of(limit).window()));
    state = fmt::format("\"{}\";r={};t={}", limit.name, told.rate.left, seconds(told.rate.reset));
  }
  if (told.quota_of != nullptr) {
    const config::LimitDecl& limit = *told.quota_of;
    const char* comma = policy.empty() ? "" : ", ";
    auto window = kQuotaSeconds[static_cast<std::size_t>(limit.quota_time)];
    auto reset = seconds(told.quota.reset);
    retry = told.quota.spent() ? std::max<std::int64_t>({1, retry, reset}) : retry;
    policy += fmt::format("{}\"{}-quota\";q={};qu=\"content-bytes\";w={}", comma, limit.name,
                          limit.quota, window);
    state += fmt::format("{}\"{}-quota\";r={};t={}", comma, limit.name, told.quota.left, reset);
  }
  if (policy.empty()) {
    return {};
  }
  std::string text = retry > 0 ? fmt::format("Retry-After: {}\r\n", retry) : "";
  text += fmt::format("RateLimit-Policy: {}\r\nRateLimit: {}\r\n", policy, state);
  return arena.copy(text);
}

} // namespace weir::rules
