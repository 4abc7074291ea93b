// SPDX-License-Identifier: Apache-2.0
//
// Handshake: a client's connection until it is known which protocol it speaks: by TLS and ALPN, or
// by its first bytes on a plain listener that speaks HTTP/2 too.
// Then it makes the session that carries on, puts that into the worker's list, and goes.
//
// Owner: the worker's list of sessions, as a session's. Worker's thread. It pins the generation it
// began with: the callbacks of the TLS handshake look into it.
#pragma once

#include <memory>

#include "event/deadline.h"
#include "net/tls.h"
#include "proxy/generation.h"
#include "proxy/session.h"

namespace weir::proxy {

struct Resources;

class Handshake final : public Session {
public:
  Handshake(Resources& resources, const ListenPlace& place, const Address& remote);
  ~Handshake() override;

  /// False: the kernel or OpenSSL refuses; it is of no use.
  bool open(net::Fd fd, const net::TlsServer& server);
  bool open_plain(net::Fd fd);
  void run() override;
  void drain() override { draining_ = true; }
  void drain_after_first() override { draining_ = true; }
  void end() override { close(); }

private:
  bool look_at_preface();
  void carry_on(bool http2);
  void fail(std::string_view why);
  void close();

  Resources& resources_;
  const ListenPlace& place_;
  const GenerationRef generation_;
  const Address remote_;
  std::unique_ptr<net::Transport> transport_;
  net::TlsTransport* tls_ = nullptr; // transport_, if it is one
  event::Deadline deadline_;
  bool draining_ = false;
  bool over_ = false;
};

} // namespace weir::proxy
