// SPDX-License-Identifier: Apache-2.0
//
// Relay: both directions of a tunnel, octet for octet, between a client's session and a connection
// to an origin: after CONNECT, after 101, of an l4. Each direction ends by itself (WIRE_RULES
// W8.4).
//
// Client to origin goes in run(), origin to client by pull(). Owner: a Fetch, which is the task
// that the connection, the session and the deadlines wake, and which calls run() then.
#pragma once

#include <cstdint>
#include <memory>

#include "event/deadline.h"
#include "origin/connections.h"
#include "proxy/session.h"
#include "proxy/tunnel_reader.h"

namespace weir::proxy {

/// How long a tunnel lives: while nothing moves; however busy (0: for ever).
struct TunnelTimes {
  Duration idle{};
  Duration lifetime{};
};

class Relay {
public:
  /// `early`: what the origin has sent already.
  Relay(event::Loop& loop, event::Task& owner, std::unique_ptr<origin::OriginConn> connection,
        BodySource& client, const TunnelTimes& times, Slice early = {});
  ~Relay();

  /// The client has its answer: bytes may flow.
  void open() noexcept { opened_ = true; }
  /// Goes on, and wakes the consumer where it has something to pull, or to be told.
  void run(event::Task& consumer);
  Pull pull(OutQueue& out, std::size_t room);
  bool ended() const noexcept { return to_origin_ended_ && from_origin_ended_; }
  /// The client has gone without an end: the origin is told by a reset (RFC 9113 §8.5).
  void break_off();
  const Error& error() const noexcept { return error_; }
  std::uint64_t bytes_in() const noexcept { return bytes_in_; }
  std::uint64_t bytes_out() const noexcept { return bytes_out_; }

private:
  Pull pull_some(OutQueue& out, std::size_t room);
  void send();
  void note_progress();
  void fail(const Error& error);

  event::Loop& loop_;
  event::Task& owner_;
  std::unique_ptr<origin::OriginConn> connection_;
  BodySource& client_;
  const TunnelTimes times_;
  event::Deadline idle_deadline_;
  event::Deadline life_deadline_;
  bool opened_ = false;
  bool awaited_ = true; // the consumer has nothing to pull, and waits to be woken
  bool to_origin_ended_ = false;
  bool from_origin_ended_ = false;
  Error error_;
  OutQueue out_;
  Slice early_;
  TunnelReader reader_; // of what the origin sends
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

} // namespace weir::proxy
