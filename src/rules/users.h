// SPDX-License-Identifier: Apache-2.0
//
// Users: what is known of logins: which credentials were found right or wrong lately, so that their
// hash is not computed for each request, and who is locked out.
//
// Owner: Server, by way of proxy::Logins; one for all workers and generations, any thread. Of
// credentials a hash under a secret of this run is kept, never a password; the stored hash is part
// of it, so that a changed file holds at once. Both tables are of fixed size: sets of eight, where
// the one that would go first makes room.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"
#include "base/hash.h"
#include "config/users_decl.h"

namespace weir::rules {

class Users {
public:
  static constexpr std::size_t kCredentials = 1 << 14;
  static constexpr std::size_t kLockouts = 1 << 14;

  Users() = default;
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;

  /// What credentials are known by, beside the hash that they are compared with.
  Hash128 key(std::string_view hash, std::string_view name, std::string_view password) const;
  /// Whether they were right; nothing: not known.
  std::optional<bool> recall(const Hash128& key, MonoTime now) const;
  void remember(const Hash128& key, bool right, MonoTime until);

  /// A name of these users, asked for from a client: its address, or its IPv6 network of /64.
  std::uint64_t place(std::string_view users, std::string_view name, const Address& client) const;
  /// How long it is locked out still; zero: it is not.
  Duration locked(const config::UsersDecl& users, std::uint64_t place, MonoTime now) const;
  /// One wrong password. True: from now on it is locked out.
  bool note_wrong(const config::UsersDecl& users, std::uint64_t place, MonoTime now);
  void note_right(std::uint64_t place);

private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kWays = 8;

  struct Known {
    Hash128 key;
    MonoTime until{}; // past: free
    bool right = false;
  };
  struct Failed {
    std::uint64_t place = 0;
    MonoTime until{}; // past: free
    std::uint32_t count = 0;
  };
  template <class Slot, std::size_t Slots> struct Table {
    static constexpr std::size_t kSets = Slots / kShards / kWays;
    std::array<std::array<Slot, kWays>, kSets> sets;
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    // Guarded by mutex; made when first used.
    std::unique_ptr<Table<Known, kCredentials>> known;
    std::unique_ptr<Table<Failed, kLockouts>> failed;
  };

  Shard& shard(std::uint64_t hash) const noexcept { return shards_[hash % kShards]; }

  const HashKey secret_ = HashKey::random();
  mutable std::array<Shard, kShards> shards_;
};

} // namespace weir::rules
