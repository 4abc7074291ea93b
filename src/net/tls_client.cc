// SPDX-License-Identifier: Apache-2.0
#include "net/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

#include "base/address.h"

namespace weir::net {

namespace {

std::string openssl_error() {
  unsigned long error = ERR_peek_last_error();
  const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  return reason != nullptr ? reason : "OpenSSL refuses it";
}

/// What a session is filed under, kept with the SSL.
int name_slot() {
  static const int slot = SSL_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* data, CRYPTO_EX_DATA*, int, long, void*) {
        std::unique_ptr<std::string> gone(static_cast<std::string*>(data));
      });
  return slot;
}

/// SSL_set_tlsext_host_name is a macro with a cast of the old style.
bool set_sni(SSL* ssl, const std::string& sni) {
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                  const_cast<char*>(sni.c_str())) == 1;
}

bool show(SSL_CTX* context, const TlsCertificate& certificate) {
  STACK_OF(X509)* rest = sk_X509_new_null();
  for (std::size_t i = 1; i < certificate.chain().size(); ++i) {
    sk_X509_push(rest, certificate.chain()[i]);
  }
  bool good =
      SSL_CTX_use_cert_and_key(context, certificate.certificate(), certificate.key(), rest, 1) == 1;
  sk_X509_free(rest);
  return good;
}

/// When a file or folder was changed last; 0: it is not there.
std::int64_t changed(const char* variable, const char* otherwise) {
  const char* path = std::getenv(variable);
  struct stat about {};
  if (::stat(path != nullptr ? path : otherwise, &about) != 0) {
    return 0;
  }
  return about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec;
}

/// The certificates of the system. To read them takes a good part of a second: only when they have
/// changed since the last load of a configuration. The caller's; null: they cannot be read.
X509_STORE* system_store() {
  struct Free {
    void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  };
  static std::mutex mutex;
  static std::unique_ptr<X509_STORE, Free> store;
  static std::array<std::int64_t, 2> as_of{};
  std::lock_guard lock(mutex);
  std::array now = {changed(X509_get_default_cert_file_env(), X509_get_default_cert_file()),
                    changed(X509_get_default_cert_dir_env(), X509_get_default_cert_dir())};
  if (!store || now != as_of) {
    store.reset(X509_STORE_new());
    as_of = now;
    if (store && X509_STORE_set_default_paths(store.get()) != 1) {
      store.reset();
    }
  }
  if (store) {
    X509_STORE_up_ref(store.get());
  }
  return store.get();
}

/// Whom to believe.
bool believe(SSL_CTX* context, const std::string& ca) {
  if (!ca.empty()) {
    return SSL_CTX_load_verify_file(context, ca.c_str()) == 1;
  }
  X509_STORE* store = system_store();
  if (store == nullptr) {
    return false;
  }
  SSL_CTX_set_cert_store(context, store); // it frees it
  return true;
}

} // namespace

Ref<const TlsClient> TlsClient::make(const TlsClientSettings& settings, std::string& problem) {
  static std::atomic<std::uint64_t> numbers{0};
  auto made = make_ref<TlsClient>(Private{});
  made->number_ = ++numbers;
  ERR_clear_error();
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) {
    problem = openssl_error();
    return nullptr;
  }
  made->context_ = context;
  SSL_CTX_set_app_data(context, made.get());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, new_session);
  SSL_CTX_set_verify(context, settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (settings.verify && !believe(context, settings.ca)) {
    problem = fmt::format("{}: {}", settings.ca.empty() ? "the system's certificates" : settings.ca,
                          openssl_error());
    return nullptr;
  }
  if (settings.certificate && !show(context, *settings.certificate)) {
    problem = fmt::format("{}: {}", settings.certificate->file(), openssl_error());
    return nullptr;
  }
  for (const std::string& protocol : settings.protocols) {
    made->protocols_ += static_cast<char>(protocol.size());
    made->protocols_ += protocol;
  }
  if (!made->protocols_.empty()) {
    SSL_CTX_set_alpn_protos(context,
                            reinterpret_cast<const unsigned char*>(made->protocols_.data()),
                            static_cast<unsigned>(made->protocols_.size()));
  }
  return made;
}

TlsClient::~TlsClient() {
  for (auto& [name, session] : sessions_) {
    SSL_SESSION_free(session);
  }
  SSL_CTX_free(context_);
}

SSL* TlsClient::make_ssl(const std::string& host, const std::string& sni) const {
  SSL* ssl = SSL_new(context_);
  if (ssl == nullptr) {
    return nullptr;
  }
  bool good = true;
  if (auto address = Address::parse(host)) {
    good = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address->host().c_str()) == 1;
  } else {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    good = SSL_set1_host(ssl, host.c_str()) == 1;
  }
  good = good && (sni.empty() || set_sni(ssl, sni));
  if (!good) {
    SSL_free(ssl);
    return nullptr;
  }
  auto name = std::make_unique<std::string>(host + " " + sni);
  {
    std::lock_guard lock(mutex_);
    if (auto found = sessions_.find(*name); found != sessions_.end()) {
      SSL_set_session(ssl, found->second);
    }
  }
  SSL_set_ex_data(ssl, name_slot(), name.release());
  return ssl;
}

/// OpenSSL has a session to keep (TLS 1.3: after the handshake, when the ticket comes). 1: kept.
int TlsClient::new_session(ssl_st* ssl, ssl_session_st* session) {
  auto& self = *static_cast<TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const auto* name = static_cast<const std::string*>(SSL_get_ex_data(ssl, name_slot()));
  std::lock_guard lock(self.mutex_);
  if (self.sessions_.size() >= kMostSessions && self.sessions_.count(*name) == 0) {
    SSL_SESSION_free(self.sessions_.begin()->second);
    self.sessions_.erase(self.sessions_.begin());
  }
  SSL_SESSION*& kept = self.sessions_[*name];
  SSL_SESSION_free(kept);
  kept = session;
  return 1;
}

} // namespace weir::net
