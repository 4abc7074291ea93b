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

/// Its network, as bytes.
std::string_view network_of(const Address& client, const config::LimitDecl& limit, Arena& arena) {
  Address plain = client.with_port(0);
  unsigned bits = plain.is_v4() ? 96U + limit.v4_bits : limit.v6_bits;
  std::array<char, 17> bytes{};
  for (unsigned i = 0; i < 16; ++i) {
    unsigned kept = std::min(8U, bits > i * 8 ? bits - i * 8 : 0U);
    bytes[i] = static_cast<char>(plain.bytes()[i] & (0xff00U >> kept));
  }
  bytes[16] = plain.is_v4() ? '4' : '6';
  return arena.copy({bytes.data(), bytes.size()});
}

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
  Slot* slot = &set[0];
  for (Slot& each : set) {
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
  }
  return rules::take(rate, time, slot->full_at);
}

Rate rate_of(const config::LimitDecl& limit) noexcept {
  Nanoseconds per = limit.per;
  return {std::max(per / limit.count, Nanoseconds(1)), limit.burst};
}

std::string_view limit_key(const config::LimitDecl& limit, const Facts& facts, Arena& arena) {
  // Names and values have no NUL, a network has always 17 bytes.
  constexpr std::string_view kEnd("\0", 1);
  std::string_view key = arena.join({limit.name, kEnd});
  if (limit.by_client) {
    key = arena.join({key, network_of(facts.client, limit, arena)});
  }
  for (const std::string& field : limit.headers) {
    const http::Field* found = facts.fields != nullptr ? facts.fields->find(field) : nullptr;
    key = arena.join({key, found != nullptr ? "=" : "-",
                      found != nullptr ? found->value : std::string_view{}, kEnd});
  }
  if (limit.by_path) {
    key = arena.join({key, facts.path, kEnd});
  }
  return key;
}

std::string_view limit_fields(const config::LimitDecl& limit, const RateAnswer& answer,
                              Arena& arena) {
  std::string text;
  if (!answer.allowed) {
    text = fmt::format("Retry-After: {}\r\n", std::max<std::int64_t>(1, seconds(answer.retry)));
  }
  text += fmt::format("RateLimit-Policy: \"{0}\";q={1};w={2}\r\nRateLimit: \"{0}\";r={3};t={4}\r\n",
                      limit.name, limit.burst, seconds(rate_of(limit).window()), answer.left,
                      seconds(answer.reset));
  return arena.copy(text);
}

} // namespace weir::rules
