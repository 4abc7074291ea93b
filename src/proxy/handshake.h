// SPDX-License-Identifier: Apache-2.0
//
// Handshake: a client's connection until it is known whose it is and which protocol it speaks: by
// the PROXY header of a listed sender, by TLS and ALPN, by its first bytes on a plain listener that
// speaks HTTP/2 too.
// Then it makes the session that carries on, puts that into the worker's list, and goes.
//
// Owner: the worker's list of sessions, as a session's. Worker's thread. It pins the generation it
// began with: the callbacks of the TLS handshake look into it. It begins with a place reserved in
// ClientCounts, enters it as soon as the client is known, and gives it to the session after it.
#pragma once

#include <memory>

#include "event/deadline.h"
#include "net/proxy_header.h"
#include "net/tls.h"
#include "net/transport.h"
#include "proxy/generation.h"
#include "proxy/session.h"

namespace weir::proxy {

struct Resources;

class Handshake final : public Session {
public:
  Handshake(Resources& resources, const ListenPlace& place, const Ends& ends);
  ~Handshake() override;

  /// Whether connections of such a listener begin with one; others have a session at once.
  static bool is_needed(const ListenUse& use) noexcept {
    return use.tls || use.http2 || !use.proxy_senders.empty();
  }
  /// False: the sender is not listed, the client has too many connections, or the kernel or OpenSSL
  /// refuses; it is of no use.
  bool open(net::Fd fd);
  void run() override;
  void drain() override { draining_ = true; }
  void drain_after_first() override { draining_ = true; }
  void end() override { close(); }

private:
  enum class State : std::uint8_t {
    header,  // waits for the PROXY header
    tls,     // in the handshake of TLS
    preface, // waits for the first bytes of HTTP
    over,    // retired
  };

  enum class Place : std::uint8_t { reserved, entered, given_on };

  bool enter();
  bool open_plain(net::Fd fd, State state, Duration most);
  bool open_tls(net::Fd fd);
  void late();
  void look_at_header();
  void take_header(const net::ProxyHeader& header);
  void look_at_tls();
  void look_at_preface();
  void carry_on(bool http2);
  void give_to(std::unique_ptr<Session> next);
  void refuse_header(std::string_view why);
  void fail(std::string_view why);
  void close();

  Resources& resources_;
  const ListenPlace& place_;
  const GenerationRef generation_;
  Ends ends_; // of the connection, until a PROXY header names others
  std::unique_ptr<net::Transport> transport_;
  net::PlainTransport* plain_ = nullptr; // transport_, if it is one
  net::TlsTransport* tls_ = nullptr;     // transport_, if it is one
  event::Deadline deadline_;
  State state_ = State::preface;
  Place taken_ = Place::reserved; // in ClientCounts
  bool draining_ = false;
};

} // namespace weir::proxy
