// SPDX-License-Identifier: Apache-2.0
//
// TlsServer: how a listener speaks TLS: its certificates by SNI, ALPN, tickets, whether a client
// must show a certificate.  TLS 1.2 and 1.3, forward secrecy and AEAD only.
//
// Immutable; Ref, any thread. Made by a load of the configuration, kept by the Generation and by
// each connection that was accepted with it: a reload changes what new handshakes see.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref.h"
#include "net/tls_files.h"
#include "net/tls_tickets.h"

struct ssl_st;
struct ssl_ctx_st;

namespace weir::net {

enum class ClientCertificate : std::uint8_t { none, optional, required };

struct TlsServerSettings {
  std::vector<Ref<const TlsCertificate>> certificates; // the first is for unknown names
  std::vector<std::string> protocols;                  // ALPN, the best one first
  ClientCertificate client = ClientCertificate::none;
  std::string client_ca;         // file: whose certificates a client may show
  TicketKeys* tickets = nullptr; // null: none; outlives all connections
};

class TlsServer final : public Shared {
  struct Private {};

public:
  /// Null, and why.
  static Ref<const TlsServer> make(const TlsServerSettings& settings, std::string& problem);
  explicit TlsServer(Private) {}
  ~TlsServer() override;

  /// For one connection; null: no memory.
  ssl_st* make_ssl() const;

private:
  struct Callbacks; // what OpenSSL calls
  using Name = std::string;
  bool add(const TlsCertificate& certificate, const TlsServerSettings& settings,
           std::string& problem);
  ssl_ctx_st* make_context(const TlsServerSettings& settings, std::string& problem);
  ssl_ctx_st* find(const std::string& sni) const;

  // Constant after make().
  std::vector<ssl_ctx_st*> contexts_;
  std::vector<std::vector<Name>> context_names_; // beside contexts_
  std::map<Name, ssl_ctx_st*> names_;            // "*.example.com" as it stands
  std::string protocols_;                        // as ALPN has them: length, name
  TicketKeys* tickets_ = nullptr;
};

} // namespace weir::net
