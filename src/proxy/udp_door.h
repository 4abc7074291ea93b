// SPDX-License-Identifier: Apache-2.0
//
// UdpDoor: one worker's socket of a udp listener of an l4, and the table of its sessions: what
// comes from one address to one address of ours is a UdpSession. Here it is decided whether one
// begins.
//
// Owner: the Worker. Worker's thread. It outlives its sessions, which own themselves by the
// worker's list: close() ends them all. The kernel chooses the worker by a hash of both addresses
// (server/listeners.h), so no other worker has the session of a datagram that came here.
//
// The watch is level-triggered: what a turn leaves in the socket is told again in the next one, and
// others have theirs between. A flood costs memory of sessions only up to UdpPlaces.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "base/hash.h"
#include "event/watch.h"
#include "metrics/metrics.h"
#include "net/datagrams.h"
#include "net/listener.h"
#include "proxy/generation.h"
#include "rules/rule_set.h"

namespace weir::proxy {

struct Resources;
class UdpSession;

class UdpDoor final : public event::Task {
public:
  static constexpr std::size_t kBatchesPerTurn = 4; // of net::Datagrams::kMost

  UdpDoor(Resources& resources, const ListenPlace& place, net::ListenSocket socket);
  ~UdpDoor() override;
  UdpDoor(const UdpDoor&) = delete;
  UdpDoor& operator=(const UdpDoor&) = delete;

  void run() override;
  /// No session begins any more; those that are there go on.
  void drain() noexcept { draining_ = true; }
  /// Ends the sessions; nothing is taken any more.
  void close();
  std::size_t sessions() const noexcept { return sessions_.size(); }

  // Of its sessions.
  /// Memory to receive into: nobody keeps what is there over a turn.
  net::Datagrams& datagrams() noexcept { return datagrams_; }
  /// From the address that was asked.
  net::Sent answer(const net::UdpEnds& ends, std::string_view bytes) const noexcept;
  /// It has ended: the next datagram begins another.
  void forget(const net::UdpEnds& ends) noexcept { sessions_.erase(ends); }

private:
  struct EndsHash {
    EndsHash() : secret(HashKey::random()) {} // clients choose their addresses
    std::size_t operator()(const net::UdpEnds& ends) const noexcept;
    HashKey secret;
  };

  void take(net::UdpEnds ends, std::string_view bytes);
  /// Null: none begins, and that has been counted.
  UdpSession* begin(const net::UdpEnds& ends);
  void deny(const net::UdpEnds& ends, const rules::Route& route, const rules::Verdict& verdict);
  void tell_full();

  Resources& resources_;
  const ListenPlace place_;
  net::ListenSocket socket_;
  const bool wildcard_;
  bool draining_ = false;
  MonoTime full_told_{};    // when the error log was told
  MonoTime denied_noted_{}; // when the access log was
  net::Datagrams datagrams_;
  std::unordered_map<net::UdpEnds, UdpSession*, EndsHash> sessions_;
  std::unique_ptr<event::LevelWatch> watch_; // after socket_: it goes first
};

} // namespace weir::proxy
