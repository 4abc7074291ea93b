// SPDX-License-Identifier: Apache-2.0
//
// Session: a client's connection, as its worker sees it.  ClientSession: what an Exchange asks of
// the connection it came from, whatever its protocol.
//
// The worker owns a Session through its list; it retires itself when its connection is over. The
// Exchange calls these; they only queue bytes, set a bit and wake: they never call back into
// the Exchange and never destroy it (DESIGN §4). Thread: the session's worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/address.h"
#include "base/chunk.h"
#include "base/list.h"
#include "event/loop.h"
#include "http/message.h"

namespace weir::net {
struct TlsFacts;
}

namespace weir::proxy {

/// The ends of a client's connection, or what a PROXY header says they are.
struct Ends {
  Address client;
  Address local; // invalid: weir asks for itself
};

struct SessionTag {};

class Session : public event::Task, public ListNode<SessionTag> {
public:
  /// The worker stops: no further request; those under way are finished.
  virtual void drain() = 0;
  /// Accepted while the worker stops: one request is still served.
  virtual void drain_after_first() = 0;
  /// At once, whatever it is doing.
  virtual void end() = 0;
};

/// The head of an answer. Its views live until Exchange::delivered() or abandon().
struct Answer {
  int status = 0;
  std::string_view head;  // status line and fields, each with CRLF; no framing, no empty line
  std::string_view extra; // more field lines
  http::Framing framing;  // of the body; announced for HEAD, sent otherwise
  bool has_body = true;   // false: HEAD, 204, 304: nothing follows the head
  bool close = false;     // no further request on this connection
  bool raw = false;       // after this head the connection is a tunnel
};

/// Where the body of a request comes from.
class BodySource {
public:
  virtual ~BodySource() = default;
  /// At most `room` bytes; `blocked`: consumer is woken when there is more. The first pull sends
  /// 100 Continue where the client waits for it.
  virtual Pull pull_body(OutQueue& out, std::size_t room, event::Task& consumer) = 0;
  /// The consumer is gone or has had enough.
  virtual void stop_body() = 0;
  /// After Pull::end; views that live as long as the exchange.
  virtual const http::Fields& body_trailers() const = 0;
  virtual Error body_error() const = 0;
  /// More than this is Code::too_large. 0: no limit.
  virtual void limit_body(std::uint64_t most) = 0;
};

class ClientSession : public BodySource {
public:
  /// What its TLS has agreed on; null without. Lives until after Exchange::delivered() or
  /// abandon().
  virtual const net::TlsFacts* tls() const = 0;
  virtual void respond(const Answer& answer) = 0;
  /// There is something to pull, or the body has ended or failed.
  virtual void body_ready() = 0;
  /// A 1xx head, whole. Dropped for HTTP/1.0.
  virtual void informational(std::string_view head) = 0;
  /// The answer cannot be finished: it is cut so that the client sees it.
  virtual void cut() = 0;
};

} // namespace weir::proxy
