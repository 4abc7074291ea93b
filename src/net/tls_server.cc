// SPDX-License-Identifier: Apache-2.0
#include "net/tls_server.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace weir::net {

namespace {

// With forward secrecy and AEAD. TLS 1.3 has only such; its suites are OpenSSL's own.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr long kTicketSeconds = 12 * 3600;

std::string openssl_error() {
  unsigned long error = ERR_peek_last_error();
  const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  return reason != nullptr ? reason : "OpenSSL refuses it";
}

/// The host name of a server_name extension (RFC 6066 §3), in lower case; empty if there is none.
std::string parse_sni(const unsigned char* data, std::size_t size) {
  // list length (2), type 0 (1), name length (2), name
  if (size < 5 || data[2] != 0) {
    return {};
  }
  std::size_t length = static_cast<std::size_t>(data[3]) << 8 | data[4];
  if (length > size - 5) {
    return {};
  }
  std::string name(reinterpret_cast<const char*>(data + 5), length);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (!name.empty() && name.back() == '.') {
    name.pop_back();
  }
  return name;
}

} // namespace

struct TlsServer::Callbacks {
  static const TlsServer& of(SSL* ssl) {
    return *static_cast<const TlsServer*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }

  static int client_hello(SSL* ssl, int*, void*) {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1) {
      SSL_CTX* context = of(ssl).find(parse_sni(data, size));
      if (context != nullptr && SSL_set_SSL_CTX(ssl, context) == nullptr) {
        return SSL_CLIENT_HELLO_ERROR;
      }
    }
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  /// Any name is taken note of, for the log; an unknown one got the first certificate.
  static int server_name(SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; }

  static int alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                  const unsigned char* offered, unsigned size, void*) {
    const std::string& own = of(ssl).protocols_;
    unsigned char* chosen = nullptr;
    int found =
        SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(own.data()),
                              static_cast<unsigned>(own.size()), offered, size);
    *out = chosen;
    // RFC 7301 §3.2: a client that offers only what we do not speak is told.
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  /// 1: the ticket is good (or a new one is made), 2: good, but give another, 0: unknown, -1:
  /// error.
  static int ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                    EVP_MAC_CTX* mac, int sealing) {
    TicketKeys& keys = *of(ssl).tickets_;
    int answer = 1;
    TicketKey key;
    if (sealing == 1) {
      key = keys.newest();
      std::memcpy(name, key.name.data(), key.name.size());
      if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) {
        return -1;
      }
    } else {
      auto found = keys.find(name);
      if (!found) {
        return 0;
      }
      key = found->key;
      // TLS 1.3: a ticket serves once (RFC 8446 §C.4), and OpenSSL gives another only when told.
      answer = found->newest && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
    }
    std::array<char, 7> digest = {'s', 'h', 'a', '2', '5', '6', '\0'};
    std::array<OSSL_PARAM, 3> parameters = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    bool good = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv,
                                  sealing == 1 ? 1 : 0) == 1 &&
                EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
    return good ? answer : -1;
  }
};

Ref<const TlsServer> TlsServer::make(const TlsServerSettings& settings, std::string& problem) {
  auto made = make_ref<TlsServer>(Private{});
  made->tickets_ = settings.tickets;
  for (const std::string& protocol : settings.protocols) {
    made->protocols_ += static_cast<char>(protocol.size());
    made->protocols_ += protocol;
  }
  for (const auto& certificate : settings.certificates) {
    if (!made->add(*certificate, settings, problem)) {
      return nullptr;
    }
  }
  if (made->contexts_.empty()) {
    problem = "there is no certificate";
    return nullptr;
  }
  return made;
}

TlsServer::~TlsServer() {
  for (SSL_CTX* each : contexts_) {
    SSL_CTX_free(each);
  }
}

/// A certificate of another key type for the same names joins the context that has them: OpenSSL
/// takes the one that the client can verify.
bool TlsServer::add(const TlsCertificate& certificate, const TlsServerSettings& settings,
                    std::string& problem) {
  auto same = std::find(context_names_.begin(), context_names_.end(), certificate.names());
  SSL_CTX* context = nullptr;
  if (same != context_names_.end()) {
    context = contexts_[static_cast<std::size_t>(same - context_names_.begin())];
  } else {
    context = make_context(settings, problem);
    if (context == nullptr) {
      return false;
    }
    contexts_.push_back(context);
    context_names_.push_back(certificate.names());
  }
  ERR_clear_error();
  STACK_OF(X509)* rest = sk_X509_new_null();
  for (std::size_t i = 1; i < certificate.chain().size(); ++i) {
    sk_X509_push(rest, certificate.chain()[i]);
  }
  bool good =
      SSL_CTX_use_cert_and_key(context, certificate.certificate(), certificate.key(), rest, 1) == 1;
  sk_X509_free(rest); // the certificates were counted up
  if (!good) {
    problem = fmt::format("{}: {}", certificate.file(), openssl_error());
    return false;
  }
  for (const std::string& name : certificate.names()) {
    names_.emplace(name, context); // of two the first has it
  }
  return true;
}

SSL_CTX* TlsServer::make_context(const TlsServerSettings& settings, std::string& problem) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) {
    problem = openssl_error();
    return nullptr;
  }
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_cipher_list(context, kCiphers);
  SSL_CTX_set1_groups_list(context, const_cast<char*>(kGroups));
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, kTicketSeconds);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_client_hello_cb(context, Callbacks::client_hello, nullptr);
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(Callbacks::server_name));
  SSL_CTX_set_alpn_select_cb(context, Callbacks::alpn, nullptr);
  if (settings.tickets != nullptr) {
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, Callbacks::ticket);
  } else {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  }
  // A session of a listener that asked for no certificate, or believed another CA, is none here.
  std::string scope = fmt::format("{} ", static_cast<int>(settings.client));
  if (settings.client != ClientCertificate::none) {
    std::ifstream in(settings.client_ca, std::ios::binary);
    scope.append(std::istreambuf_iterator<char>(in), {});
  }
  std::array<unsigned char, 32> digest{};
  EVP_Digest(scope.data(), scope.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  SSL_CTX_set_session_id_context(context, digest.data(), 32);
  if (settings.client != ClientCertificate::none) {
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(settings.client_ca.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(context, settings.client_ca.c_str()) != 1) {
      problem = fmt::format("{}: {}", settings.client_ca, openssl_error());
      sk_X509_NAME_pop_free(names, X509_NAME_free);
      SSL_CTX_free(context);
      return nullptr;
    }
    SSL_CTX_set_client_CA_list(context, names);
    int must = settings.client == ClientCertificate::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | must, nullptr);
  }
  return context;
}

SSL_CTX* TlsServer::find(const std::string& sni) const {
  if (auto own = names_.find(sni); own != names_.end()) {
    return own->second;
  }
  std::size_t dot = sni.find('.');
  if (dot == std::string::npos) {
    return nullptr;
  }
  auto under = names_.find("*" + sni.substr(dot));
  return under != names_.end() ? under->second : nullptr;
}

SSL* TlsServer::make_ssl() const { return SSL_new(contexts_.front()); }

} // namespace weir::net
