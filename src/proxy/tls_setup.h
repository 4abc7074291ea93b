// SPDX-License-Identifier: Apache-2.0
//
// set_up_tls(): the TLS parts of a configuration read and checked: certificates of listeners with
// their keys, what is believed of origins and shown to them. Reads files: at load and at `config
// test`, never on a loop. What is wrong with them is told as the other mistakes of a configuration
// are.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "net/tls_client.h"
#include "net/tls_server.h"

namespace weir::proxy {

/// A certificate at work, for `cert ls` and for whoever watches its end.
struct CertificateUse {
  std::string listener; // "site www.example.com"
  Address address;
  std::string where; // "weir.conf:12"
  Ref<const net::TlsCertificate> certificate;
};

struct TlsListener {
  Address address; // as configured
  Ref<const net::TlsServer> server;
};

struct TlsSetup {
  bool good = true; // no error among the diagnostics
  std::vector<TlsListener> listeners;
  std::vector<CertificateUse> certificates;
  std::vector<Ref<const net::TlsClient>> pools;       // by number in Config::pools; null: no TLS
  std::vector<Ref<const net::TlsClient>> pools_http1; // of those with http2: by HTTP/1.1
  std::vector<Ref<const net::TlsClient>> forwards;    // by number in Config::forwards
  std::vector<config::Diagnostic> diagnostics;

  Ref<const net::TlsServer> at(const Address& address) const;
};

/// `tickets`: null where nothing is served.
TlsSetup set_up_tls(const config::Config& config, net::TicketKeys* tickets, WallTime now);

/// "ends in 12 days (2026-12-03)", "has ended (2026-11-01)"; empty: there is time.
std::string tell_end(const net::TlsCertificate& certificate, WallTime now);

} // namespace weir::proxy
