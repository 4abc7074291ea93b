// SPDX-License-Identifier: Apache-2.0
//
// L4Session: one client connection to a listener of an l4, passed on to a server of a pool byte for
// byte. It knows no protocol; where hosts are to be told apart it looks at the ClientHello first.
//
// Owner: the worker's list of sessions; it retires itself when it is over. Worker's thread. It pins
// the generation it began with, and so goes on over a reload. The client's direction is pulled from
// it by the Relay of its Fetch (BodySource), the server's it pulls itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/arena.h"
#include "event/deadline.h"
#include "metrics/metrics.h"
#include "net/socket.h"
#include "net/transport.h"
#include "proxy/fetch.h"
#include "proxy/generation.h"
#include "proxy/session.h"
#include "proxy/tunnel_reader.h"
#include "rules/rule_set.h"

namespace weir::log {
struct AccessRecord;
}

namespace weir::proxy {

struct Resources;

class L4Session final : public Session, private BodySource {
public:
  /// Of a connection that has entered (Resources); it leaves with the session.
  L4Session(Resources& resources, const ListenPlace& place, GenerationRef generation,
            const Ends& ends);
  ~L4Session() override;

  /// False: the kernel refuses to watch it; the session is of no use.
  bool open(net::Fd fd);
  /// Takes a connection that is open already.
  void open(std::unique_ptr<net::Transport> transport);
  void run() override;
  void drain() override;
  void drain_after_first() override {}
  void end() override;

private:
  enum class State : std::uint8_t {
    admit,  // nothing was looked at yet
    hello,  // waits for a ClientHello
    dial,   // a server is being connected to
    relay,  // bytes flow
    closed, // retired
  };

  // BodySource: what the client sends.
  Pull pull_body(OutQueue& out, std::size_t room, event::Task& consumer) override;
  void stop_body() override { consumer_ = nullptr; }
  const http::Fields& body_trailers() const override;
  Error body_error() const override { return client_error_; }
  void limit_body(std::uint64_t) override {}

  void admit();
  void look_at_hello();
  bool may_go_on();
  void dial();
  void pump();
  log::AccessRecord row();
  /// The row is written, and the connection closed; `error`: reset.
  void finish(const Error& error);
  void refuse(std::string_view end, metrics::Metric counter);
  void close();

  Resources& resources_;
  const ListenPlace& place_;
  const GenerationRef generation_;
  const Ends ends_;
  const MonoTime started_;
  std::unique_ptr<net::Transport> transport_;
  event::Deadline deadline_; // for the ClientHello
  State state_ = State::admit;
  bool read_ended_ = false;  // the client has ended its direction, or it failed
  bool write_ended_ = false; // the server has, and the client was told
  const rules::Route* route_ = nullptr;
  rules::Verdict verdict_;
  std::string sni_;
  std::string_view end_; // the row's, where no error says it

  Ref<Chunk> input_; // the ClientHello, until it has gone on
  std::size_t begin_ = 0;
  std::size_t input_end_ = 0;
  Error client_error_;
  event::Task* consumer_ = nullptr; // waits for bytes of the client
  TunnelReader reader_;             // of what the client sends
  OutQueue out_;                    // to the client
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  Duration first_byte_{};
  std::unique_ptr<Fetch> fetch_; // last: it lets go of the rest of us
};

} // namespace weir::proxy
