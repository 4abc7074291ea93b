// SPDX-License-Identifier: Apache-2.0
//
// Limits: the buckets of all `limit`s, by the name of the limit and what it counts by.
//
// Owner: Server; one for all workers and generations, any thread. Rates are a table of fixed size:
// sets of eight, a new key takes the place of the one in its set that is full first. If that was
// not full yet it is forgotten, and counted: who has more keys than the table is let through rather
// than locked out. A key is found by its hash, under a secret of this run; the beginning of its
// text is kept for people. Bytes are counted by Meters.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/hash.h"
#include "config/config.h"
#include "rules/facts.h"
#include "rules/gcra.h"
#include "rules/meters.h"

namespace weir::rules {

/// What a limit has done since the start.
struct LimitCounts {
  std::uint64_t refused = 0;       // requests above its rate
  std::uint64_t quota_refused = 0; // requests and tunnels beyond its quota
  std::uint64_t delayed = 0;       // bytes that waited for its bandwidth
};

/// One key of a rate, for people: the beginning of its text, and until when its bucket fills up.
struct RateFacts {
  std::string key;
  Duration reset{};
};

class Limits {
public:
  static constexpr std::size_t kKeys = 1 << 17;

  explicit Limits(Zone zone = {}) : meters_(std::move(zone)) {}
  Limits(const Limits&) = delete;
  Limits& operator=(const Limits&) = delete;

  /// One request at `now` under `key` (limit_key).
  RateAnswer take(const Rate& rate, std::string_view key, MonoTime now);
  Meters& meters() noexcept { return meters_; }
  const Meters& meters() const noexcept { return meters_; }

  void count(std::string_view limit, const LimitCounts& more);
  LimitCounts counts(std::string_view limit) const;
  /// The keys of a limit whose buckets are not full, those that take the longest first, at most
  /// `most`; and how many there are.
  std::vector<RateFacts> rates(std::string_view limit, std::size_t most, MonoTime now,
                               std::size_t& count) const;
  /// Their buckets are full, and nothing is used of their quota. An empty key: all of the limit.
  /// How many there were.
  std::size_t reset(std::string_view limit, std::string_view key);

private:
  static constexpr std::size_t kShards = 64;
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kSets = kKeys / kShards / kWays;

  struct Slot {
    std::uint64_t hash = 0; // with full_at 0: free
    Nanoseconds full_at{};
  };
  struct Label { // of the slot of the same number
    std::uint64_t limit = 0;
    std::array<char, 47> text{};
    std::uint8_t size = 0;
  };
  struct Set {
    std::array<Slot, kWays> slots;
    std::array<Label, kWays> labels;
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::unique_ptr<std::array<Set, kSets>> sets; // guarded by mutex; made when it is first used
  };

  void label(Label& label, std::string_view key) const;
  std::size_t reset_rates(std::string_view limit, std::string_view key);

  const HashKey secret_ = HashKey::random();
  std::array<Shard, kShards> shards_;
  mutable std::mutex counts_mutex_;
  std::map<std::string, LimitCounts, std::less<>> counts_; // guarded by counts_mutex_
  Meters meters_;
};

/// The rate that a declaration says.
Rate rate_of(const config::LimitDecl& limit) noexcept;
/// What `limit` counts this request by: the limit's name, a blank, and what people read as well:
/// "login 192.0.2.0/24 user=ann x-key=abc /path". Lives as long as the arena. A field that the
/// request does not have is one key like any other ("without:x-key"); what is long ends as a hash.
std::string_view limit_key(const config::LimitDecl& limit, const Facts& facts, Arena& arena);

/// What is told of limits in an answer: of rates the nearest one, and of quotas.
struct LimitTold {
  const config::LimitDecl* rate_of = nullptr; // null: none
  RateAnswer rate;
  const config::LimitDecl* quota_of = nullptr; // null: none
  QuotaAnswer quota;
};
/// `Retry-After` where one of them refuses, `RateLimit-Policy` and `RateLimit`, each with CRLF
/// (draft-ietf-httpapi-ratelimit-headers-10). A quota counts in bytes ("content-bytes"), and its
/// time is told as a day of 24 hours, a month of 30 days.
std::string_view limit_fields(const LimitTold& told, Arena& arena);

} // namespace weir::rules
