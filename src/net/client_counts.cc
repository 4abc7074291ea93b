// SPDX-License-Identifier: Apache-2.0
#include "net/client_counts.h"

#include <cstring>

namespace weir::net {

std::size_t ClientCounts::KeyHash::operator()(const Key& key) const noexcept {
  std::array<char, sizeof key.bits + 1> bytes;
  std::memcpy(bytes.data(), &key.bits, sizeof key.bits);
  bytes.back() = key.v6 ? '6' : '4';
  return siphash64(secret, {bytes.data(), bytes.size()});
}

ClientCounts::Key ClientCounts::key_of(const Address& client) noexcept {
  Key key;
  key.v6 = client.is_v6();
  const auto& bytes = client.bytes();
  for (std::size_t i = key.v6 ? 0 : 12; i < (key.v6 ? 8 : 16); ++i) {
    key.bits = key.bits << 8U | bytes[i];
  }
  return key;
}

void ClientCounts::set_most(std::uint32_t all, std::uint32_t each) noexcept {
  most_.store(all);
  each_.store(each, std::memory_order_relaxed);
  if (full_.exchange(false) && told_) {
    told_(); // there may be more than before
  }
}

/// full_ is set before the count is read again, and read after the count is lowered: one of both
/// sides sees the other, so that nobody waits beside a free place.
bool ClientCounts::reserve() noexcept {
  std::uint32_t now = all_.load();
  while (true) {
    std::uint32_t most = most_.load();
    if (most != 0 && now >= most) {
      full_.store(true);
      now = all_.load();
      if (now >= most) {
        return false;
      }
    } else if (all_.compare_exchange_weak(now, now + 1)) {
      return true;
    }
  }
}

void ClientCounts::unreserve() noexcept {
  all_.fetch_sub(1);
  if (full_.load() && full_.exchange(false) && told_) {
    told_();
  }
}

bool ClientCounts::enter(const Address& client) {
  Key key = key_of(client);
  Shard& shard = shard_of(key);
  std::uint32_t each = each_.load(std::memory_order_relaxed);
  std::lock_guard lock(shard.mutex);
  auto [at, fresh] = shard.counts.try_emplace(key, 0);
  if (each != 0 && at->second >= each) {
    return false;
  }
  ++at->second;
  return true;
}

void ClientCounts::leave(const Address& client) noexcept {
  Key key = key_of(client);
  Shard& shard = shard_of(key);
  {
    std::lock_guard lock(shard.mutex);
    auto at = shard.counts.find(key);
    if (at == shard.counts.end()) {
      return;
    }
    if (--at->second == 0) {
      shard.counts.erase(at);
    }
  }
  unreserve();
}

std::uint32_t ClientCounts::of(const Address& client) const {
  Key key = key_of(client);
  const Shard& shard = shard_of(key);
  std::lock_guard lock(shard.mutex);
  auto at = shard.counts.find(key);
  return at != shard.counts.end() ? at->second : 0;
}

} // namespace weir::net
