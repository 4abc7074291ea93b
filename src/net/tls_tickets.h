// SPDX-License-Identifier: Apache-2.0
//
// TicketKeys: the keys of TLS session tickets, shared by all workers and kept over restarts.
//
// The newest key seals; it and the one before it open. A key is made when the newest is older than
// `rotate`, by whoever seals next. Owner: Server; any thread (a mutex, taken once a handshake).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace weir::net {

struct TicketKey {
  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> cipher{};
  std::array<unsigned char, 32> mac{};
  WallTime made{};
};

class TicketKeys {
public:
  /// Told of new keys, to keep them; on any thread. May be empty.
  using Changed = std::function<void(std::string bytes)>;

  explicit TicketKeys(Duration rotate = std::chrono::hours(12)) : rotate_(rotate) {}

  /// What `changed` was told in an earlier run; anything else is ignored. Before any handshake.
  void restore(std::string_view bytes);
  void on_change(Changed changed) { changed_ = std::move(changed); }

  /// The key to seal with now.
  TicketKey newest();
  struct Found {
    TicketKey key;
    bool newest = false; // else the client gets a new ticket
  };
  std::optional<Found> find(const unsigned char* name16);

private:
  std::string bytes() const;

  const Duration rotate_;
  Changed changed_;
  std::mutex mutex_;
  std::array<TicketKey, 2> keys_; // guarded by mutex_; the newest first; made == {}: none
};

} // namespace weir::net
