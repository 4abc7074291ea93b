// SPDX-License-Identifier: Apache-2.0
//
// ClientCounts: how many connections of clients there are, all together and of each client, and how
// many there may be (WIRE_RULES W9.5). An IPv6 client is its /64: who has one has all of it.
//
// Owner: Server; shared by all workers, any thread. A place among all is reserved before accept, so
// that the bound is exact; what finds none waits in the kernel's queue, and on_room() tells the
// workers when one is free again. A connection then enters under its client's name, which a PROXY
// header may give later, and leaves once. Memory grows with connections, not with clients seen.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>

#include "base/address.h"
#include "base/hash.h"

namespace weir::net {

class ClientCounts {
public:
  ClientCounts() = default;
  ClientCounts(const ClientCounts&) = delete;
  ClientCounts& operator=(const ClientCounts&) = delete;

  /// 0: no limit. Those that are open stay.
  void set_most(std::uint32_t all, std::uint32_t each) noexcept;
  /// Called by whoever leaves when somebody has found no place: on any thread, never under a lock.
  /// Set before the first worker runs.
  void on_room(std::function<void()> told) { told_ = std::move(told); }

  /// A place for a connection that is about to be accepted. False: wait for on_room().
  bool reserve() noexcept;
  /// Of a connection that has not entered.
  void unreserve() noexcept;
  /// With a place reserved. False: the client has too many; the place is still the caller's.
  bool enter(const Address& client);
  /// Of a connection that has entered: its place is free. Nothing if it never did.
  void leave(const Address& client) noexcept;

  std::uint32_t all() const noexcept { return all_.load(std::memory_order_relaxed); }
  std::uint32_t of(const Address& client) const;

private:
  /// An IPv4 address, or the upper half of an IPv6 one.
  struct Key {
    std::uint64_t bits = 0;
    bool v6 = false;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    KeyHash() : secret(HashKey::random()) {}
    std::size_t operator()(const Key& key) const noexcept;
    HashKey secret;
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::unordered_map<Key, std::uint32_t, KeyHash> counts; // guarded by mutex
  };
  static Key key_of(const Address& client) noexcept;
  Shard& shard_of(const Key& key) noexcept { return shards_[key.bits % kShards]; }
  const Shard& shard_of(const Key& key) const noexcept { return shards_[key.bits % kShards]; }

  static constexpr std::size_t kShards = 16;
  std::function<void()> told_; // constant while workers run
  std::atomic<std::uint32_t> most_{0};
  std::atomic<std::uint32_t> each_{0};
  std::atomic<std::uint32_t> all_{0};
  std::atomic<bool> full_{false}; // somebody has found no place
  std::array<Shard, kShards> shards_;
};

} // namespace weir::net
