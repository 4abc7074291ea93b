// SPDX-License-Identifier: Apache-2.0
#include "net/tls_tickets.h"

#include <openssl/rand.h>

#include <cstring>

#include "base/result.h"

namespace weir::net {

namespace {

constexpr std::size_t kKeySize = 16 + 32 + 32 + 8;

TicketKey make_key(WallTime now) {
  TicketKey key;
  if (RAND_bytes(key.name.data(), 16) != 1 || RAND_priv_bytes(key.cipher.data(), 32) != 1 ||
      RAND_priv_bytes(key.mac.data(), 32) != 1) {
    panic("OpenSSL has no random numbers");
  }
  key.made = now;
  return key;
}

} // namespace

void TicketKeys::restore(std::string_view bytes) {
  if (bytes.size() != 2 * kKeySize) {
    return;
  }
  std::lock_guard lock(mutex_);
  const char* at = bytes.data();
  for (TicketKey& key : keys_) {
    std::int64_t made = 0;
    std::memcpy(key.name.data(), at, 16);
    std::memcpy(key.cipher.data(), at + 16, 32);
    std::memcpy(key.mac.data(), at + 48, 32);
    std::memcpy(&made, at + 80, 8);
    key.made = WallTime(Duration(made));
    at += kKeySize;
  }
}

std::string TicketKeys::bytes() const {
  std::string all;
  for (const TicketKey& key : keys_) {
    std::int64_t made = key.made.time_since_epoch().count();
    all.append(reinterpret_cast<const char*>(key.name.data()), 16);
    all.append(reinterpret_cast<const char*>(key.cipher.data()), 32);
    all.append(reinterpret_cast<const char*>(key.mac.data()), 32);
    all.append(reinterpret_cast<const char*>(&made), 8);
  }
  return all;
}

TicketKey TicketKeys::newest() {
  std::lock_guard lock(mutex_);
  WallTime now = Clock::wall();
  Duration age = now - keys_[0].made;
  // A clock that was set back makes a key that is not born yet: that one goes, too.
  if (keys_[0].made == WallTime{} || age >= rotate_ || age < -rotate_) {
    keys_[1] = age < 2 * rotate_ ? keys_[0] : TicketKey{}; // what opens nothing any more goes
    keys_[0] = make_key(now);
    if (changed_) {
      changed_(bytes());
    }
  }
  return keys_[0];
}

std::optional<TicketKeys::Found> TicketKeys::find(const unsigned char* name16) {
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const TicketKey& key = keys_[i];
    Duration age = Clock::wall() - key.made;
    if (key.made != WallTime{} && age < 2 * rotate_ &&
        std::memcmp(key.name.data(), name16, 16) == 0) {
      return Found{key, i == 0 && age < rotate_};
    }
  }
  return std::nullopt;
}

} // namespace weir::net
