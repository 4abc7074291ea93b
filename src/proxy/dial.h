// SPDX-License-Identifier: Apache-2.0
//
// Dial: how a Fetch gets its connection to an origin: a server of a pool or a name, its addresses,
// the check of them, a slot, an idle connection or a new one (DESIGN §6.2: resolve, check, queue,
// connect).
//
// Owner: a Fetch, which is the task that everything wakes. step() is called from that task's run().
// Worker's thread. The address that was checked is the one that is dialled (WIRE_RULES W8.2).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "event/deadline.h"
#include "net/connector.h"
#include "net/resolver.h"
#include "net/tls_client.h"
#include "origin/connections.h"
#include "origin/pool.h"
#include "proxy/h2_origins.h"

namespace weir::proxy {

/// Says which addresses may be dialled: egress guard and rules. Owner: the Fetch's.
class AddressCheck {
public:
  virtual ~AddressCheck() = default;
  virtual bool may_dial(const Address& address) = 0;
};

struct DialSettings {
  const origin::Pool* pool = nullptr; // or host, below
  // Of the pool: this one, up or down; what is asked of it is no request.
  const origin::Pool::Server* only = nullptr;
  const origin::Pool::Server* first = nullptr; // of the pool: this one before others; up, just now
  std::string host;                            // a name or an address, normalised
  std::uint16_t port = 0;
  Duration connect_timeout{};
  Duration queue_timeout{};
  std::uint32_t queue_max = UINT32_MAX; // how many may wait for a slot
  std::uint32_t slots = 0;              // connections in use per server of the pool; 0: no limit
  std::uint32_t retries = 0;            // further servers after a failed connect
  bool reuse = true;                    // an idle connection will do
  Ref<const net::TlsClient> tls;        // of the pool, for its servers with tls; of a host: for it
  H2Origins* shared = nullptr;          // HTTP/2 of a pool: a connection that others use will do
  std::string proxy_header;             // goes first; such a connection serves nobody else
};

class Dial {
public:
  enum class State : std::uint8_t {
    resolve, // a server is chosen; its name is being looked up
    queue,   // every slot of the server is in use, or another request opens what both can share
    connect, // TCP to the checked addresses
    secure,  // TLS on it
    ready,   // connection() is there
    failed,  // error() is there
  };

  Dial(event::Loop& loop, net::Resolver& resolver, origin::OriginConnections& connections,
       const net::OwnAddresses& own, event::Task& owner, AddressCheck& check);
  ~Dial();
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

  void start(DialSettings settings);
  /// Goes on as far as it can.
  State step();
  /// Another connection to be dialled from the start, after the first one failed before any byte of
  /// an answer. Never an idle one.
  void again();
  std::unique_ptr<origin::OriginConn> take_connection() { return std::move(connection_); }
  /// The same where it is shared: one with room, its owner's; to be asked at once.
  H2Origin& take_shared() { return *std::exchange(h2_, nullptr); }
  /// Nothing of the answer was lost: the connection may carry another request, unless it began with
  /// a PROXY header.
  void keep(std::unique_ptr<origin::OriginConn> connection, Duration idle_time);

  State state() const noexcept { return state_; }
  const Error& error() const noexcept { return error_; }
  bool reused() const noexcept { return reused_; }
  const origin::Pool::Server* server() const noexcept { return server_; }
  /// Where the connection goes; invalid before `ready`.
  const Address& address() const noexcept { return address_; }

private:
  void choose();
  State resolve();
  void offer(std::span<const Address> found);
  bool take_slot();
  bool take_shared_one();
  void share(std::unique_ptr<origin::OriginConn> connection);
  void end_opening(const Error& error);
  bool take_held();
  void leave_queue();
  bool take_idle();
  State connect();
  State handshake();
  /// Whom TLS is spoken to; empty: nobody, it is plain.
  std::string tls_name() const;
  std::string identity() const;
  std::string shared_key() const;
  State connected(std::unique_ptr<origin::OriginConn> connection);
  State ready(const Address& to);
  State fail_server(const Error& error);
  State next_server(const Error& error);
  State fail(const Error& error);
  void release_slot();

  event::Loop& loop_;
  net::Resolver& resolver_;
  origin::OriginConnections& connections_;
  const net::OwnAddresses& own_;
  event::Task& owner_;
  AddressCheck& check_;

  DialSettings settings_;
  State state_ = State::resolve;
  Error error_;
  origin::Pool::Tried tried_ = 0;
  std::uint32_t retries_left_ = 0;
  const origin::Pool::Server* server_ = nullptr;
  bool has_slot_ = false;
  bool queued_ = false; // at the server, for a slot
  bool reused_ = false;
  bool any_denied_ = false;
  bool v4_taken_ = false;
  bool v6_taken_ = false;
  event::Ticket ticket_;
  event::Deadline queue_deadline_;
  MonoTime connect_begun_{};
  event::Deadline secure_deadline_;
  std::unique_ptr<net::Lookup> lookup_;
  std::vector<Address> allowed_; // checked, with port
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<origin::OriginConn> connection_;
  H2Waiter waiter_;      // in the queue of those who share
  bool opening_ = false; // those wait for us
  H2Origin* h2_ = nullptr;
  Address address_;
};

} // namespace weir::proxy
