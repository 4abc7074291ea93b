// SPDX-License-Identifier: Apache-2.0
//
// TlsTransport: a Transport with TLS (OpenSSL) over a socket, either side.
//
// Owner, thread and rules: as Transport's. OpenSSL reads and writes the socket itself, through a
// BIO of ours that keeps the facts of the Watch and raises no SIGPIPE: no second copy of the bytes.
// handshake() is called until it is done; read() and write() come after that. Idle, OpenSSL has
// given its buffers back. Small slices are joined to one record on the stack of write(), large ones
// go from their chunk. It keeps alive what it was made from: certificates, tickets, sessions.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref.h"
#include "net/transport.h"

struct ssl_st;

namespace weir::net {

class TlsServer;
class TlsClient;

/// What the handshake has agreed on. Text views are static.
struct TlsFacts {
  std::string_view version; // "1.3"
  std::string_view cipher;  // "TLS_AES_128_GCM_SHA256"
  std::string alpn;         // "h2", "http/1.1"; empty: none
  std::string sni;          // as the client asked for it, in lower case; empty: none
  bool resumed = false;
  // Of a certificate that was asked for and verified:
  bool verified = false;
  std::string subject;            // "CN=alice,O=Example" (RFC 2253)
  std::vector<std::string> names; // the subject, then alternative names: "DNS:a.test", ...
};

class TlsTransport final : public Transport {
  struct Private {}; // only accept() and connect() make one

public:
  enum class Handshake : std::uint8_t { wait, done, failed };

  TlsTransport(Private, Ref<const Shared> keeper, ssl_st* ssl)
      : keeper_(std::move(keeper)), ssl_(ssl) {}
  ~TlsTransport() override;
  /// Takes a connected socket; null if the kernel or OpenSSL refuses. `task` is woken by edges.
  static std::unique_ptr<TlsTransport> accept(event::Loop& loop, Fd fd, event::Task& task,
                                              const TlsServer& server);
  /// `host`: the name (or address) that the certificate must be for; `sni`: sent, may be empty.
  static std::unique_ptr<TlsTransport> connect(event::Loop& loop, Fd fd, event::Task& task,
                                               const TlsClient& client, const std::string& host,
                                               const std::string& sni);

  Handshake handshake();
  /// Why it failed: "certificate has expired"; for the log.
  const std::string& problem() const noexcept { return problem_; }
  const TlsFacts& facts() const noexcept { return facts_; }

  IoResult read(char* to, std::size_t size) override;
  IoResult write(OutQueue& queue) override;
  void shutdown_write() override;
  void close() override;
  void reset() override;
  bool readable() const override { return watch_.readable; }
  bool writable() const override { return watch_.writable; }
  bool drained() const override { return !watch_.readable; }
  bool end_seen() const override { return watch_.closed; }
  void set_task(event::Task& task) override { watch_.set_task(task); }
  int fd() const override { return fd_.get(); }
  const TlsFacts* tls() const override { return &facts_; }

private:
  struct Bio; // the functions of the BIO
  bool open(event::Loop& loop, Fd fd, event::Task& task);
  IoResult failed(int result);
  void note_facts();
  void say_goodbye();

  Ref<const Shared> keeper_; // the TlsServer or TlsClient
  Fd fd_;
  ssl_st* ssl_;
  int sys_ = 0;         // of the last recv or send that failed
  bool ended_ = false;  // recv said 0
  bool broken_ = false; // the connection is of no use: nothing more is sent
  bool said_ = false;   // close_notify is sent
  std::string problem_;
  TlsFacts facts_;
  event::Watch watch_;
};

} // namespace weir::net
