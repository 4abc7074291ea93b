// SPDX-License-Identifier: Apache-2.0
//
// Meter: the bytes of one key of a limit: its bandwidth bucket, and what it has used of its quota.
// Meters: all of them, by the limit's name and the key.  MeterUse: an exchange's hold on one.
//
// Owner: Limits; one table for all workers and generations, any thread. A Meter lives as long as
// somebody holds it, and then until its bucket is full and its quota's time is over. There is room
// for kKeys; beyond that one that nobody holds is forgotten, and counted, and where all are held a
// new key is not metered. What the newest generation says of a limit holds for all who share the
// key.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "config/config.h"
#include "rules/bandwidth.h"
#include "rules/quota_period.h"

namespace weir::rules {

/// What is told of a quota, and whether it is used up.
struct QuotaAnswer {
  std::uint64_t left = 0;
  Duration reset{}; // until its time is over
  bool spent() const noexcept { return left == 0; }
};

/// A quota as it is kept over a restart. `value` empty: it is over, and is to go.
struct QuotaRow {
  std::string key; // the limit's name, a blank, the key
  std::string value;
};

/// One key, for people.
struct MeterFacts {
  std::string limit;
  std::string key;
  std::uint64_t bandwidth = 0; // bytes a second that it may
  Duration wait{};             // how long a byte asked for now would wait
  std::uint64_t quota = 0;
  std::uint64_t used = 0;
  std::uint32_t users = 0; // exchanges that hold it
};

class Meter {
public:
  Meter(std::string limit, std::string key) : limit_(std::move(limit)), key_(std::move(key)) {}

  /// The next turn of the bandwidth: so many bytes, to go no earlier than `due`.
  struct Turn {
    std::size_t bytes = 0; // 0: there is no bandwidth any more, all may go
    MonoTime due{};
  };
  Turn take_turn(MonoTime now);
  /// What was taken and did not go.
  void give_back(std::size_t bytes);
  /// More went than the turn had: the next one is so much later.
  void owe(std::size_t bytes);
  /// `bytes` have gone.
  QuotaAnswer add(std::uint64_t bytes, WallTime now, const Zone& zone);

private:
  friend class Meters;
  friend class MeterUse;

  void set_terms(const config::LimitDecl& limit, MonoTime now);
  QuotaAnswer look(WallTime now, const Zone& zone);
  std::string saved() const;
  bool restore(std::string_view value);
  bool is_over(MonoTime mono, WallTime wall, const Zone& zone) const;

  const std::string limit_;
  const std::string key_;
  std::atomic<std::uint32_t> users_{0}; // grows under the shard's lock only
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::uint64_t bandwidth_ = 0;
  Nanoseconds full_at_{};
  std::uint64_t quota_ = 0;
  config::QuotaTime time_ = config::QuotaTime::day;
  std::int64_t period_ = 0;
  std::uint64_t used_ = 0;
  bool changed_ = false; // since it was saved
  bool stored_ = false;  // there is a row of it
};

class MeterUse {
public:
  MeterUse() = default;
  explicit MeterUse(Meter& meter) noexcept : meter_(&meter) {}
  MeterUse(MeterUse&& other) noexcept : meter_(std::exchange(other.meter_, nullptr)) {}
  MeterUse& operator=(MeterUse&& other) noexcept {
    std::swap(meter_, other.meter_);
    return *this;
  }
  ~MeterUse() {
    if (meter_ != nullptr) {
      meter_->users_.fetch_sub(1, std::memory_order_release);
    }
  }

  explicit operator bool() const noexcept { return meter_ != nullptr; }
  Meter& operator*() const noexcept { return *meter_; }
  Meter* operator->() const noexcept { return meter_; }

private:
  Meter* meter_ = nullptr;
};

class Meters {
public:
  static constexpr std::size_t kKeys = 1 << 17;

  explicit Meters(Zone zone = {}, std::size_t most = kKeys);
  Meters(const Meters&) = delete;
  Meters& operator=(const Meters&) = delete;

  /// The meter of `key` (limit_key: the limit's name, a blank, the key). Empty: there is no room.
  MeterUse use(const config::LimitDecl& limit, std::string_view key, MonoTime now);
  QuotaAnswer quota(const MeterUse& use, WallTime now) const { return use->look(now, zone_); }
  const Zone& zone() const noexcept { return zone_; }

  /// Before any traffic: what was saved. False: it is none of ours, or its time is over.
  bool restore(const QuotaRow& row, WallTime now);
  /// What has changed since the last call and is to be saved; forgets what is over.
  std::vector<QuotaRow> take_changed(MonoTime mono, WallTime wall);
  /// Nothing of them is used any more. An empty key: all of the limit. How many there were.
  std::size_t reset(std::string_view limit, std::string_view key);
  /// Of one limit, or of all.
  std::vector<MeterFacts> facts(std::string_view limit, MonoTime mono, WallTime wall) const;

private:
  static constexpr std::size_t kShards = 64;
  using Map = std::unordered_map<std::string, std::unique_ptr<Meter>>;
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Map meters;                       // guarded by mutex
    std::vector<std::string> erasing; // guarded by mutex: rows of what was forgotten
  };

  Shard& shard_of(std::string_view key) noexcept;
  Meter* find(Shard& shard, std::string_view key, bool make);
  bool forget_one(Shard& shard);

  const Zone zone_;
  const std::size_t most_; // in a shard
  const HashKey secret_ = HashKey::random();
  std::array<Shard, kShards> shards_;
};

} // namespace weir::rules
