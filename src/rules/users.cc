// SPDX-License-Identifier: Apache-2.0
#include "rules/users.h"

#include <algorithm>
#include <string>

#include "rules/password.h"

namespace weir::rules {

namespace {

/// The set of a hash whose low bits have chosen the shard.
template <class Table> auto& set_of(Table& table, std::uint64_t hash, std::size_t shards) {
  return table.sets[hash / shards % table.sets.size()];
}

/// Without a branch on where they differ.
bool equal(const Hash128& a, const Hash128& b) noexcept {
  return ((a.high ^ b.high) | (a.low ^ b.low)) == 0;
}

} // namespace

Hash128 Users::key(std::string_view hash, std::string_view name, std::string_view password) const {
  std::string text; // NUL stands in none of the first two
  text.reserve(hash.size() + name.size() + password.size() + 2);
  text.append(hash).append(1, '\0').append(name).append(1, '\0').append(password);
  Hash128 key = siphash128(secret_, text);
  wipe(text);
  return key;
}

std::optional<bool> Users::recall(const Hash128& key, MonoTime now) const {
  Shard& at = shard(key.low);
  std::lock_guard lock(at.mutex);
  if (!at.known) {
    return {};
  }
  for (const Known& each : set_of(*at.known, key.low, kShards)) {
    if (equal(each.key, key) && each.until > now) {
      return each.right;
    }
  }
  return {};
}

void Users::remember(const Hash128& key, bool right, MonoTime until) {
  Shard& at = shard(key.low);
  std::lock_guard lock(at.mutex);
  if (!at.known) {
    at.known = std::make_unique<Table<Known, kCredentials>>();
  }
  auto& set = set_of(*at.known, key.low, kShards);
  auto same = std::find_if(set.begin(), set.end(),
                           [&key](const Known& each) { return equal(each.key, key); });
  if (same == set.end()) {
    // Those that are wrong go first: whoever guesses pushes out nobody who knows.
    same = std::min_element(set.begin(), set.end(), [](const Known& a, const Known& b) {
      return a.right != b.right ? b.right : a.until < b.until;
    });
  }
  *same = {key, until, right};
}

std::uint64_t Users::place(std::string_view users, std::string_view name,
                           const Address& client) const {
  constexpr std::size_t kNetwork = 8; // of IPv6: /64
  const auto& bytes = client.bytes();
  std::size_t size = client.is_v4() ? bytes.size() : kNetwork;
  std::string text(users);
  text.append(1, '\0').append(name).append(1, '\0');
  text.append(reinterpret_cast<const char*>(bytes.data()), size);
  return siphash64(secret_, text);
}

Duration Users::locked(const config::UsersDecl& users, std::uint64_t place, MonoTime now) const {
  Shard& at = shard(place);
  std::lock_guard lock(at.mutex);
  if (at.failed && users.attempts != 0) {
    for (const Failed& each : set_of(*at.failed, place, kShards)) {
      if (each.place == place && each.until > now && each.count >= users.attempts) {
        return std::chrono::ceil<Duration>(each.until - now);
      }
    }
  }
  return {};
}

bool Users::note_wrong(const config::UsersDecl& users, std::uint64_t place, MonoTime now) {
  if (users.attempts == 0) {
    return false;
  }
  Shard& at = shard(place);
  std::lock_guard lock(at.mutex);
  if (!at.failed) {
    at.failed = std::make_unique<Table<Failed, kLockouts>>();
  }
  auto& set = set_of(*at.failed, place, kShards);
  auto same = std::find_if(set.begin(), set.end(),
                           [place](const Failed& each) { return each.place == place; });
  if (same == set.end()) {
    same = std::min_element(set.begin(), set.end(), [now](const Failed& a, const Failed& b) {
      return std::max(a.until, now) == std::max(b.until, now) ? a.count < b.count
                                                              : a.until < b.until;
    });
    *same = {place, now + users.lock_time, 0};
  } else if (same->until <= now) {
    *same = {place, now + users.lock_time, 0};
  }
  bool before = same->count >= users.attempts;
  ++same->count;
  bool after = same->count >= users.attempts;
  same->until = after && !before ? now + users.lock_time : same->until;
  return after && !before;
}

void Users::note_right(std::uint64_t place) {
  Shard& at = shard(place);
  std::lock_guard lock(at.mutex);
  if (at.failed) {
    for (Failed& each : set_of(*at.failed, place, kShards)) {
      if (each.place == place) {
        each = {};
      }
    }
  }
}

} // namespace weir::rules
