// SPDX-License-Identifier: Apache-2.0
//
// OriginConn: one HTTP/1.1 connection to an origin.  OriginConnections: the idle ones of a worker.
//
// Where a server's connections are limited, an idle one keeps its slot (ServerState::park), and
// ends when somebody on another worker waits for it.
//
// An OriginConn is owned by the Fetch that uses it, or waits here; it moves between the two as a
// unique_ptr. While it waits, anything that arrives on it ends it: those bytes are nobody's answer
// (WIRE_RULES W6.7). Worker's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/address.h"
#include "base/list.h"
#include "event/deadline.h"
#include "event/loop.h"
#include "metrics/metrics.h"
#include "net/tls.h"
#include "net/transport.h"
#include "origin/server_state.h"

namespace weir::origin {

class OriginConnections;
struct IdleTag {};

class OriginConn final : public event::Task, public ListNode<IdleTag> {
public:
  /// `identity`: as whom it speaks TLS to whom; empty: plain. Only its like may take its place.
  OriginConn(OriginConnections& home, const Address& address, std::string identity = {})
      : home_(home), address_(address), identity_(std::move(identity)) {
    metrics::add(metrics::Metric::origin_connections);
  }
  /// Closed first: who gets the slot may connect at once.
  ~OriginConn() override {
    metrics::sub(metrics::Metric::origin_connections);
    if (transport_) {
      transport_->close();
    }
    let_go(true);
  }

  /// False: the kernel refuses to watch it.
  bool open(event::Loop& loop, net::Fd fd, event::Task& user);
  /// The same with TLS: a handshake is due, and told by tls().
  bool secure(event::Loop& loop, net::Fd fd, event::Task& user, const net::TlsClient& client,
              const std::string& name);
  net::TlsTransport* tls() noexcept { return tls_; }
  net::Transport& transport() noexcept { return *transport_; }
  const Address& address() const noexcept { return address_; }
  /// How many requests it has carried before.
  std::uint32_t uses() const noexcept { return uses_; }
  /// Woken while idle: something came, it closed, or its time is over.
  void run() override;

private:
  friend class OriginConnections;
  /// Something came that nobody asked for, or its end. (A ticket of TLS is not that.)
  bool is_disturbed();
  /// Idle no longer; the slot is given back, or stays with the caller.
  void let_go(bool release_slot);

  OriginConnections& home_;
  const Address address_;
  const std::string identity_;
  std::unique_ptr<net::Transport> transport_;
  net::TlsTransport* tls_ = nullptr; // transport_, if it is one
  event::Deadline idle_;
  std::uint32_t uses_ = 0;
  ServerState* slot_ = nullptr; // idle, and holds one of this server
  event::Ticket ticket_;        // by which it is parked there
};

class OriginConnections {
public:
  explicit OriginConnections(event::Loop& loop, std::size_t most_idle = 1024)
      : loop_(loop), most_idle_(most_idle) {}
  ~OriginConnections();
  OriginConnections(const OriginConnections&) = delete;
  OriginConnections& operator=(const OriginConnections&) = delete;

  /// The one used last of those to this address, or null; `user` is woken from now on. The slot it
  /// may hold is given back.
  std::unique_ptr<OriginConn> take(const Address& address, event::Task& user,
                                   const std::string& identity = {});
  /// One that holds a slot of `slot`, which is the caller's from now on.
  std::unique_ptr<OriginConn> take_with_slot(const Address& address, event::Task& user,
                                             ServerState& slot, const std::string& identity = {});
  /// Keeps it for another request, for `idle_time`. `slot`: with the slot of that server, which is
  /// not the caller's any more.
  void give(std::unique_ptr<OriginConn> connection, Duration idle_time,
            ServerState* slot = nullptr);
  /// An idle one that is no use any more.
  void drop(OriginConn& connection);
  std::size_t idle() const noexcept { return idle_; }

private:
  friend class OriginConn;
  std::unique_ptr<OriginConn> take(const Address& address, const std::string& identity,
                                   event::Task& user, ServerState* slot);

  void count_idle(bool one_more) noexcept;

  event::Loop& loop_;
  const std::size_t most_idle_;
  std::size_t idle_ = 0;
  std::map<std::pair<Address, std::string>, List<OriginConn, IdleTag>> by_address_;
};

} // namespace weir::origin
