// SPDX-License-Identifier: Apache-2.0
//
// H2Stream: one stream of an HTTP/2 connection: an Exchange, and between it and the codec what
// waits: the body that came, the fact that there is something to send.
//
// Owner: its H2Session; lent by the worker (Resources). Worker's thread. What the Exchange calls
// only queues and marks; what the codec calls acts.
#pragma once

#include <cstdint>

#include "base/slab.h"
#include "http/h2_codec.h"
#include "proxy/arrived.h"
#include "proxy/exchange.h"
#include "proxy/pace.h"
#include "proxy/session.h"

namespace weir::proxy {

class H2Session;
struct StreamTag {};

class H2Stream final : public ClientSession,
                       public http::H2Peer,
                       public ListNode<StreamTag>,
                       public FromSlab {
public:
  explicit H2Stream(Resources& resources) : exchange_(resources) {}

  /// For a new stream of this connection.
  void begin(H2Session& session, std::int32_t id);
  /// Back in the pool it holds nothing of its connection.
  void clear();
  /// The connection is lost, or weir stops.
  void abandon(const Error& why);
  /// The last frame is with the kernel.
  void finish();
  /// Nothing has moved since then, though one side waits for the other.
  MonoTime waits_since() const noexcept { return waits_since_; }
  /// The client takes the answer slower than it may.
  bool is_slow() const noexcept { return slow_ && state_ == State::exchange; }
  /// There is something to send, or may be.
  bool has_more() const noexcept { return out_ == Out::body && !deferred_ && !raw_; }
  /// The client owes a part of its body, or room for the answer.
  bool is_stalled() const noexcept;
  /// It has owed that for too long.
  void time_out();

  // ClientSession.
  const net::TlsFacts* tls() const override;
  void respond(const Answer& answer) override;
  void body_ready() override;
  void informational(std::string_view head) override;
  void cut() override;
  Pull pull_body(OutQueue& out, std::size_t room, event::Task& consumer) override;
  void stop_body() override;
  const http::Fields& body_trailers() const override { return trailers_; }
  Error body_error() const override { return body_error_; }
  void limit_body(std::uint64_t most) override { body_limit_ = most; }

  // H2Peer.
  http::RequestHead& head() override { return exchange_.request(); }
  Arena& arena() override { return exchange_.arena(); }
  const http::HeadLimits& limits() const override { return exchange_.limits(); }
  http::Fields& trailer_fields() override { return trailers_; }
  void on_head(const Result<void>& good, bool end) override;
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_closed(std::uint32_t error) override;
  Pull pull_body(OutQueue& out, std::size_t room) override;
  const http::Fields& own_trailers() override { return exchange_.trailers(); }
  void on_sent(std::size_t bytes) override;

private:
  enum class State : std::uint8_t {
    head,     // its fields are coming
    exchange, // an Exchange is at work on it
    over,     // the stream is closed
  };
  enum class Body : std::uint8_t { none, open, ended, failed };
  enum class Out : std::uint8_t { waiting, body, ended, cut };

  Pull fail_body(Code code);
  void drop_body();

  Exchange exchange_;
  H2Session* session_ = nullptr;
  std::int32_t id_ = 0;
  State state_ = State::over;
  Body body_ = Body::none;
  Out out_ = Out::waiting;
  bool raw_ = false;          // a tunnel
  bool empty_ = false;        // the answer has a body, of no octets
  bool continue_due_ = false; // the client waits for 100 Continue
  bool stopped_ = false;      // nobody takes the body any more
  bool slow_ = false;
  bool deferred_ = false; // the Exchange has said: blocked
  Arrived arrived_;       // of the body, not taken yet: bounded by the windows
  std::uint64_t taken_ = 0;
  std::uint64_t body_limit_ = 0;
  event::Task* consumer_ = nullptr;
  http::Fields trailers_;
  Error body_error_;
  MonoTime waits_since_{};
  Pace pace_;
};

} // namespace weir::proxy
