// SPDX-License-Identifier: Apache-2.0
//
// H2Relay: what a stream to an origin is once its extended CONNECT is answered with 2xx (RFC 8441):
// a tunnel, whose octets its H2Fetch moves; here is the client's direction, who is to be woken, and
// how long it lasts. What Relay is on a connection of its own.
//
// Owner: an H2Fetch, which is the task that the client's session and the deadlines wake. Worker's
// thread.
#pragma once

#include "event/deadline.h"
#include "proxy/relay.h"
#include "proxy/session.h"

namespace weir::proxy {

class H2Relay {
public:
  H2Relay(event::Loop& loop, event::Task& owner, BodySource& client, const TunnelTimes& times);
  ~H2Relay();
  H2Relay(const H2Relay&) = delete;
  H2Relay& operator=(const H2Relay&) = delete;

  /// The client has its answer: bytes may flow.
  void open() noexcept { opened_ = true; }
  /// Of the client, at most `room`.
  Pull pull_client(OutQueue& out, std::size_t room);
  /// What the consumer was given of the origin, and whether bytes were with it.
  Pull note_pull(Pull got, bool moved);
  /// The consumer waits to be woken: it has nothing to pull. (Any other pulls by itself when its
  /// client takes something; woken now it would wake us, and so on.)
  bool is_awaited() const noexcept { return opened_ && awaited_; }
  /// The consumer has the end of what the origin sends.
  bool from_origin_ended() const noexcept { return from_origin_ended_; }
  /// Nothing has moved for too long, or it has lived for its time.
  bool is_over_time() const noexcept { return idle_deadline_.passed() || life_deadline_.passed(); }

private:
  void note_progress() { idle_deadline_.arm(loop_, times_.idle, owner_); }

  event::Loop& loop_;
  event::Task& owner_;
  BodySource& client_;
  const TunnelTimes times_;
  event::Deadline idle_deadline_;
  event::Deadline life_deadline_;
  bool opened_ = false;
  bool awaited_ = true;
  bool from_origin_ended_ = false;
};

} // namespace weir::proxy
