// SPDX-License-Identifier: Apache-2.0
//
// H1Session: one client connection that speaks HTTP/1.x: framing, keep-alive, pipelining,
// deadlines. It knows nothing of caching; its Exchange knows nothing of framing.
//
// Owner: the worker's list of sessions; it retires itself when its connection is over. An idle one
// holds nothing but itself: chunk, queue and Exchange are lent by the worker while a request is in
// work (H1Work). Worker's thread.
#pragma once

#include <cstdint>
#include <memory>

#include "base/list.h"
#include "base/slab.h"
#include "event/deadline.h"
#include "http/h1_chunked.h"
#include "net/transport.h"
#include "proxy/exchange.h"
#include "proxy/pace.h"
#include "proxy/session.h"
#include "proxy/tunnel_reader.h"

namespace weir::proxy {

struct Resources;
struct ListenPlace;

/// What a session needs only while a request is in work. Pooled by the worker.
struct H1Work : FromSlab {
  explicit H1Work(Resources& resources);

  Ref<Chunk> input;        // where bytes are read to
  Ref<Chunk> head_chunk;   // what the head of the request in work has views into
  std::uint32_t begin = 0; // unread bytes of input
  std::uint32_t end = 0;
  OutQueue out;
  http::H1Parser parser;
  http::ChunkedReader chunks;
  std::uint64_t body_left = 0;  // of a body with a length
  std::uint64_t body_taken = 0; // bytes given to the consumer
  std::uint64_t body_limit = 0;
  http::Fields trailers;
  TunnelReader reader; // of a tunnel
  event::Task* body_consumer = nullptr;
  Pace pace; // of the bodies
  Error body_error;
  Answer answer;
  Exchange exchange;

  void clear();
  std::string_view unread() const noexcept { return {input->data() + begin, end - begin}; }
};

class H1Session final : public Session, public ClientSession {
public:
  /// Of a connection that has entered (Resources); it leaves with the session.
  H1Session(Resources& resources, const ListenPlace& place, const Ends& ends);
  ~H1Session() override;

  /// False: the kernel refuses to watch it; the session is of no use.
  bool open(net::Fd fd);
  /// Takes a connection that is open already; it is looked at in the next run.
  void open(std::unique_ptr<net::Transport> transport);
  void run() override;
  void drain() override;
  void drain_after_first() override { draining_ = true; }
  void end() override;
  bool busy() const noexcept { return work_ != nullptr; }

  // ClientSession.
  const net::TlsFacts* tls() const override { return transport_->tls(); }
  void respond(const Answer& answer) override;
  void body_ready() override;
  void informational(std::string_view head) override;
  void cut() override;
  Pull pull_body(OutQueue& out, std::size_t room, event::Task& consumer) override;
  void stop_body() override;
  const http::Fields& body_trailers() const override { return work_->trailers; }
  Error body_error() const override { return work_->body_error; }
  void limit_body(std::uint64_t most) override { work_->body_limit = most; }

private:
  enum class State : std::uint8_t {
    idle,      // between requests; no H1Work
    head,      // reading a request head
    exchange,  // an Exchange is at work on it
    lingering, // answered; reads and drops what the client still sends, then closes
    closed,    // retired, or about to be
  };
  enum class Body : std::uint8_t { none, length, chunked, raw, ended, failed };
  enum class Out : std::uint8_t {
    waiting, // no head yet
    body,    // head queued; pulling the body
    ended,   // all queued
    cut,     // cannot be finished
  };

  void drive();
  bool deadline_passed();
  bool begin_request();
  bool read_head();
  bool read_more();
  bool note_read(const net::IoResult& got);
  bool make_room(std::size_t least);
  void request_complete(std::size_t head_size);
  bool pump();
  bool look_at_client();
  Pull fill_queue();
  Pull fill_chunked();
  void end_body(const http::Fields& trailers);
  bool finish_exchange();
  bool skip_rest_of_body();
  void to_idle();
  void linger();
  bool drain_input();
  void client_gone(Code code, int sys);
  void close();
  Pull take_length(OutQueue& out, std::size_t room);
  Pull take_chunked(OutQueue& out, std::size_t room);
  Pull take_raw(OutQueue& out, std::size_t room);
  Pull body_wait();
  Pull body_fail(Code code);
  void send_continue();
  void wake_self();

  Resources& resources_;
  const ListenPlace& place_;
  std::unique_ptr<net::Transport> transport_;
  event::Deadline deadline_;
  std::unique_ptr<H1Work> work_;
  const Ends ends_;
  State state_ = State::idle;
  Body body_ = Body::none;
  Out out_ = Out::waiting;
  bool running_ : 1 = false;      // in run(): marking needs no wake
  bool keep_alive_ : 1 = false;   // after the answer under way
  bool draining_ : 1 = false;     // the worker stops
  bool chunked_out_ : 1 = false;  // the answer is sent in chunks
  bool continue_due_ : 1 = false; // the client waits for 100 Continue
  bool input_ended_ : 1 = false;  // the client has ended its direction
  bool lost_ : 1 = false;         // its connection failed; drive() ends the session
};
static_assert(sizeof(H1Session) + sizeof(net::PlainTransport) <= 264); // DESIGN 8.9

} // namespace weir::proxy
