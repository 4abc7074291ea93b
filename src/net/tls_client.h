// SPDX-License-Identifier: Apache-2.0
//
// TlsClient: how weir speaks TLS to origins: whom it believes, what it shows, which protocols it
// offers; and the sessions to resume, by host.
//
// Ref, any thread: constant but for the sessions (a mutex, taken once a handshake). Owner:
// Generation; each connection keeps it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/ref.h"
#include "net/tls_files.h"

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace weir::net {

struct TlsClientSettings {
  bool verify = true;
  std::string ca;                        // file; empty: the system's store
  Ref<const TlsCertificate> certificate; // shown where the origin asks; may be none
  std::vector<std::string> protocols;    // ALPN, the best one first; empty: none is offered
};

class TlsClient final : public Shared {
  struct Private {};

public:
  /// Null, and why.
  static Ref<const TlsClient> make(const TlsClientSettings& settings, std::string& problem);
  explicit TlsClient(Private) {}
  ~TlsClient() override;

  /// For one connection to `host` (a name or an address); null: no memory, or a name that is none.
  ssl_st* make_ssl(const std::string& host, const std::string& sni) const;
  /// Connections of one number may serve for each other, if their host and SNI are the same.
  std::uint64_t number() const noexcept { return number_; }

private:
  static constexpr std::size_t kMostSessions = 1024;
  static int new_session(ssl_st* ssl, ssl_session_st* session);

  ssl_ctx_st* context_ = nullptr;
  std::string protocols_;
  std::uint64_t number_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::string, ssl_session_st*> sessions_; // guarded by mutex_; by host and SNI
};

} // namespace weir::net
