// SPDX-License-Identifier: Apache-2.0
//
// Bans: purges in force (DESIGN §11). What is stored and older than a purge that names it is stale
// (soft) or gone (hard), from the moment the purge is added, whatever the size of the cache: by a
// mark (URL, host, tag) in a table, or by a test (prefix, filter), until a walk over the tier has
// carried it out everywhere.
//
// Owner: Tier. Any thread. A response whose purge number is the newest costs one comparison.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "cache/entry.h"
#include "cache/meta.h"

namespace weir::cache {

/// A stored response, as a purge or a question looks at it. Views.
struct Subject {
  std::string_view key;
  std::string_view head;
  std::span<const std::string> tags;
  std::uint16_t status = 0;
  std::uint64_t body_size = 0;
  std::uint64_t purge_number = 0;
  WallTime born{};     // when its age was 0
  Duration lifetime{}; // of its freshness

  static Subject of(const Entry& entry);
  static Subject of(const Meta& meta);
};

/// A purge by prefix or filter.
class BanTest {
public:
  virtual ~BanTest() = default;
  /// As things stood at `at`, when the purge was asked for.
  virtual bool matches(const Subject& subject, WallTime at) const = 0;
};

enum class MarkKind : char { url = 'u', host = 'h', tag = 't' };
/// The name of a mark; `realm` empty: in all of them.
std::uint64_t ban_mark(const HashKey& secret, MarkKind kind, std::string_view realm,
                       std::string_view name);

struct Ban {
  std::uint64_t number = 0;
  bool hard = false;
  WallTime at{};
  std::uint64_t mark = 0;              // without a test
  std::shared_ptr<const BanTest> test; // null: by mark
};

class Bans {
public:
  enum class Effect : std::uint8_t { none, soft, hard };
  struct Verdict {
    Effect effect = Effect::none;
    WallTime at{}; // soft: when it became stale
  };

  explicit Bans(const HashKey& secret) : secret_(secret) {}

  void add(const Ban& ban);
  /// One that has been carried out everywhere, and that no fetch is older than.
  void settle(std::uint64_t number);
  /// Those in force.
  std::size_t size() const;

  /// Whether something so old may be banned at all: the hot path.
  bool concern(std::uint64_t purge_number) const noexcept {
    return purge_number < newest_.load(std::memory_order_acquire);
  }
  std::uint64_t newest() const noexcept { return newest_.load(std::memory_order_acquire); }
  Verdict judge(const Subject& subject) const;

private:
  struct Mark {
    std::uint64_t soft = 0; // the number of the newest soft purge; 0: none
    std::uint64_t hard = 0;
    WallTime soft_at{};
  };

  const HashKey& secret_;                // the tier's
  std::atomic<std::uint64_t> newest_{0}; // 0: none is in force
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::uint64_t, Mark> marks_; // guarded by mutex_
  std::vector<Ban> tests_;                        // guarded by mutex_
};

/// The freshness of what became stale at `at` by a purge.
Freshness made_stale(const Freshness& fresh, WallTime at);

} // namespace weir::cache
