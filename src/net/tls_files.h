// SPDX-License-Identifier: Apache-2.0
//
// TlsCertificate: a certificate, its chain and its key, read from PEM files and checked: the key
// fits, each certificate of the chain is signed by the next, what names it has, when it ends.
//
// Immutable; Ref, any thread. Owner: Generation. The key never leaves it but into OpenSSL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ref.h"

struct x509_st;
struct evp_pkey_st;

namespace weir::net {

/// From here on a certificate's end is told in the log and counted in a metric.
constexpr int kDaysToWarn = 21;

class TlsCertificate final : public Shared {
  struct Private {};

public:
  /// Null, and why, if it cannot be used. `warnings`: what a person should know all the same.
  /// An empty `key_file`: the key stands in `file` too.
  static Ref<const TlsCertificate> load(const std::string& file, const std::string& key_file,
                                        std::string& problem, std::vector<std::string>& warnings);
  explicit TlsCertificate(Private) {}
  ~TlsCertificate() override;

  const std::string& file() const noexcept { return file_; }
  /// DNS names of the certificate, in lower case; without any: its common name.
  const std::vector<std::string>& names() const noexcept { return names_; }
  const std::string& subject() const noexcept { return subject_; }
  const std::string& issuer() const noexcept { return issuer_; }
  /// "RSA", "EC", "ED25519".
  const std::string& key_type() const noexcept { return key_type_; }
  WallTime begins() const noexcept { return begins_; }
  WallTime ends() const noexcept { return ends_; }
  /// Whole days until it ends; negative when it has ended.
  int days_left(WallTime now) const noexcept;
  /// *.example.com covers one label.
  bool covers(std::string_view host) const;

  // For tls_server.cc and tls_client.cc.
  x509_st* certificate() const noexcept { return chain_.front(); }
  const std::vector<x509_st*>& chain() const noexcept { return chain_; } // the first is its own
  evp_pkey_st* key() const noexcept { return key_; }

private:
  bool read(const std::string& file, const std::string& key_file, std::string& problem);
  bool check(std::string& problem, std::vector<std::string>& warnings);

  std::string file_;
  std::vector<x509_st*> chain_;
  evp_pkey_st* key_ = nullptr;
  std::vector<std::string> names_;
  std::string subject_;
  std::string issuer_;
  std::string key_type_;
  WallTime begins_{};
  WallTime ends_{};
};

/// Alternative names of a certificate: DNS; with `all` e-mail, URI and address too, each with its
/// kind before it ("email:a@b.test"), so that none passes for another, or for a subject.
std::vector<std::string> names_of(const x509_st* certificate, bool all);

} // namespace weir::net
