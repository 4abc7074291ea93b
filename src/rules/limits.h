// SPDX-License-Identifier: Apache-2.0
//
// Limits: the buckets of all `limit`s, by the name of the limit and what it counts by.
//
// Owner: Server; one for all workers and generations, any thread. A table of fixed size: sets of
// eight, a new key takes the place of the one in its set that is full first. If that was not full
// yet it is forgotten, and counted: who has more keys than the table is let through rather than
// locked out. Nothing is kept of a key but its hash, under a secret of this run.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string_view>

#include "base/arena.h"
#include "base/hash.h"
#include "config/config.h"
#include "rules/facts.h"
#include "rules/gcra.h"

namespace weir::rules {

class Limits {
public:
  static constexpr std::size_t kKeys = 1 << 17;

  Limits() = default;
  Limits(const Limits&) = delete;
  Limits& operator=(const Limits&) = delete;

  /// One request at `now` under `key` (limit_key).
  RateAnswer take(const Rate& rate, std::string_view key, MonoTime now);

private:
  static constexpr std::size_t kShards = 64;
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kSets = kKeys / kShards / kWays;

  struct Slot {
    std::uint64_t hash = 0; // with full_at 0: free
    Nanoseconds full_at{};
  };
  using Set = std::array<Slot, kWays>;
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unique_ptr<std::array<Set, kSets>> sets; // guarded by mutex; made when it is first used
  };

  const HashKey secret_ = HashKey::random();
  std::array<Shard, kShards> shards_;
};

/// The rate that a declaration says.
Rate rate_of(const config::LimitDecl& limit) noexcept;
/// What `limit` counts this request by, with the limit's name; lives as long as the arena. A field
/// that the request does not have is one key like any other.
std::string_view limit_key(const config::LimitDecl& limit, const Facts& facts, Arena& arena);
/// `Retry-After` where it is refused, `RateLimit-Policy` and `RateLimit`, each with CRLF
/// (draft-ietf-httpapi-ratelimit-headers-10).
std::string_view limit_fields(const config::LimitDecl& limit, const RateAnswer& answer,
                              Arena& arena);

} // namespace weir::rules
