// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "metrics/metrics.h"
#include "net/tls_client.h"
#include "net/tls_server.h"

namespace weir::net {

namespace {

constexpr std::size_t kRecord = 16 * 1024; // the largest plain text of one record

std::string error_text() {
  unsigned long error = ERR_peek_last_error();
  const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  return reason != nullptr ? reason : "";
}

std::string_view version_text(const SSL* ssl) {
  switch (SSL_version(ssl)) {
  case TLS1_3_VERSION:
    return "1.3";
  case TLS1_2_VERSION:
    return "1.2";
  default:
    return "?";
  }
}

std::string text_of(BIO* out) {
  char* data = nullptr;
  long size = BIO_get_mem_data(out, &data);
  std::string text(data, size > 0 ? static_cast<std::size_t>(size) : 0);
  BIO_free(out);
  return text;
}

std::string subject_of(const X509* certificate) {
  BIO* out = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  return text_of(out);
}

} // namespace

/// The BIO: recv and send of the transport's own socket.
struct TlsTransport::Bio {
  static TlsTransport& of(BIO* bio) { return *static_cast<TlsTransport*>(BIO_get_data(bio)); }

  static int refused(BIO* bio, TlsTransport& self, bool reading) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      (reading ? self.watch_.readable : self.watch_.writable) = false;
      BIO_set_flags(bio, (reading ? BIO_FLAGS_READ : BIO_FLAGS_WRITE) | BIO_FLAGS_SHOULD_RETRY);
    } else {
      self.sys_ = errno;
    }
    return -1;
  }

  static int read(BIO* bio, char* to, int size) {
    TlsTransport& self = of(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n;
    do {
      n = ::recv(self.fd_.get(), to, static_cast<std::size_t>(size), 0);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
      self.ended_ = n == 0;
      // OpenSSL may keep more than it was asked for, of which no edge will tell; and a wake for
      // another reason may have come here before the edge did.
      self.watch_.readable = true;
      return static_cast<int>(n);
    }
    return refused(bio, self, true);
  }

  static int write(BIO* bio, const char* from, int size) {
    TlsTransport& self = of(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n;
    do {
      n = ::send(self.fd_.get(), from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n >= 0 ? static_cast<int>(n) : refused(bio, self, false);
  }

  static long control(BIO* bio, int what, long, void*) {
    switch (what) {
    case BIO_CTRL_EOF:
      return of(bio).ended_ ? 1 : 0;
    case BIO_CTRL_FLUSH:
      return 1;
    default:
      return 0;
    }
  }

  static BIO* make(TlsTransport& self) {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir socket");
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    BIO* bio = BIO_new(method);
    if (bio != nullptr) {
      BIO_set_data(bio, &self);
      BIO_set_init(bio, 1);
    }
    return bio;
  }
};

std::unique_ptr<TlsTransport> TlsTransport::accept(event::Loop& loop, Fd fd, event::Task& task,
                                                   const TlsServer& server) {
  SSL* ssl = server.make_ssl();
  if (ssl == nullptr) {
    return nullptr;
  }
  SSL_set_accept_state(ssl);
  auto made = std::make_unique<TlsTransport>(Private{}, Ref<const Shared>(&server), ssl);
  return made->open(loop, std::move(fd), task) ? std::move(made) : nullptr;
}

std::unique_ptr<TlsTransport> TlsTransport::connect(event::Loop& loop, Fd fd, event::Task& task,
                                                    const TlsClient& client,
                                                    const std::string& host,
                                                    const std::string& sni) {
  SSL* ssl = client.make_ssl(host, sni);
  if (ssl == nullptr) {
    return nullptr;
  }
  SSL_set_connect_state(ssl);
  auto made = std::make_unique<TlsTransport>(Private{}, Ref<const Shared>(&client), ssl);
  made->facts_.sni = sni;
  return made->open(loop, std::move(fd), task) ? std::move(made) : nullptr;
}

bool TlsTransport::open(event::Loop& loop, Fd fd, event::Task& task) {
  fd_ = std::move(fd);
  BIO* bio = Bio::make(*this);
  if (bio == nullptr || !watch_.open(loop, fd_.get(), task)) {
    BIO_free(bio);
    fd_.close();
    return false;
  }
  SSL_set_bio(ssl_, bio, bio);
  watch_.readable = true; // the first bytes may be here before the first edge is told
  return true;
}

TlsTransport::~TlsTransport() {
  watch_.close();
  if (!broken_) { // else OpenSSL takes the session for a bad one, never to be resumed
    SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  SSL_free(ssl_);
}

TlsTransport::Handshake TlsTransport::handshake() {
  ERR_clear_error();
  int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    note_facts();
    return Handshake::done;
  }
  IoResult what = failed(result);
  if (what.state == IoResult::would_block) {
    return Handshake::wait;
  }
  if (problem_.empty()) {
    problem_ = what.state == IoResult::end || what.sys == 0 ? "the other side closed"
                                                            : std::strerror(what.sys);
  }
  return Handshake::failed;
}

void TlsTransport::note_facts() {
  facts_.version = version_text(ssl_);
  facts_.cipher = SSL_get_cipher_name(ssl_);
  facts_.resumed = SSL_session_reused(ssl_) == 1;
  const unsigned char* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &alpn, &size);
  facts_.alpn.assign(reinterpret_cast<const char*>(alpn), size);
  if (SSL_is_server(ssl_) == 1) {
    metrics::count(facts_.resumed ? metrics::Metric::tls_handshakes_resumed
                                  : metrics::Metric::tls_handshakes_full);
    // In OpenSSL the name survives a resumption by TLS 1.2 in the session.
    if (const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name)) {
      facts_.sni = name;
      std::transform(facts_.sni.begin(), facts_.sni.end(), facts_.sni.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    }
  }
  X509* peer = SSL_get0_peer_certificate(ssl_);
  if (peer != nullptr && SSL_get_verify_result(ssl_) == X509_V_OK) {
    facts_.verified = true;
    if (SSL_is_server(ssl_) == 1) {
      facts_.subject = subject_of(peer);
      facts_.names = names_of(peer, true);
      facts_.names.insert(facts_.names.begin(), facts_.subject);
    }
  }
}

/// What a call of OpenSSL that did not succeed means.
IoResult TlsTransport::failed(int result) {
  switch (SSL_get_error(ssl_, result)) {
  case SSL_ERROR_WANT_READ:
    watch_.readable = false;
    return {0, IoResult::would_block, 0};
  case SSL_ERROR_WANT_WRITE:
    watch_.writable = false;
    return {0, IoResult::would_block, 0};
  case SSL_ERROR_ZERO_RETURN:
    watch_.readable = false;
    watch_.closed = true;
    return {0, IoResult::end, 0};
  case SSL_ERROR_SYSCALL:
    broken_ = true;
    watch_.readable = false;
    return {0, IoResult::failed, sys_ != 0 ? sys_ : ECONNRESET};
  default:
    break;
  }
  broken_ = true;
  watch_.readable = false;
  bool unbelieved = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  if (long verdict = SSL_get_verify_result(ssl_); unbelieved && verdict != X509_V_OK) {
    problem_ = X509_verify_cert_error_string(verdict);
  } else {
    problem_ = error_text();
  }
  ERR_clear_error();
  return {0, IoResult::failed, ended_ ? ECONNRESET : EPROTO}; // an end without close_notify: cut
}

IoResult TlsTransport::read(char* to, std::size_t size) {
  if (broken_) {
    return {0, IoResult::failed, ECONNRESET};
  }
  ERR_clear_error();
  int n = SSL_read(ssl_, to, static_cast<int>(std::min<std::size_t>(size, 1U << 30)));
  if (n > 0) {
    return {static_cast<std::size_t>(n), IoResult::ok, 0};
  }
  return failed(n);
}

/// One record at a time: of the first slice alone if it fills one, else of all that come, joined.
/// After would_block OpenSSL wants the same bytes again, perhaps more: they still lead the queue.
IoResult TlsTransport::write(OutQueue& queue) {
  std::array<char, kRecord> joined;
  std::size_t total = 0;
  while (!queue.empty()) {
    if (broken_) {
      return {total, IoResult::failed, ECONNRESET};
    }
    const iovec* slices = queue.iov();
    const char* from = static_cast<const char*>(slices[0].iov_base);
    std::size_t size = std::min(slices[0].iov_len, kRecord);
    if (size < kRecord && queue.iov_count() > 1) {
      size = 0;
      for (std::size_t i = 0; i < queue.iov_count() && size < kRecord; ++i) {
        std::size_t part = std::min(slices[i].iov_len, kRecord - size);
        std::memcpy(joined.data() + size, slices[i].iov_base, part);
        size += part;
      }
      from = joined.data();
    }
    ERR_clear_error();
    int n = SSL_write(ssl_, from, static_cast<int>(size));
    if (n <= 0) {
      IoResult what = failed(n);
      return {total, what.state == IoResult::would_block ? what.state : IoResult::failed, what.sys};
    }
    queue.consume(static_cast<std::size_t>(n));
    total += static_cast<std::size_t>(n);
  }
  return {total, IoResult::ok, 0};
}

/// close_notify, as far as the socket takes it at once.
void TlsTransport::say_goodbye() {
  if (!broken_ && !said_ && fd_ && SSL_is_init_finished(ssl_) == 1) {
    said_ = true;
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
}

void TlsTransport::shutdown_write() {
  say_goodbye();
  ::shutdown(fd_.get(), SHUT_WR);
}

void TlsTransport::close() {
  say_goodbye();
  watch_.close();
  fd_.close();
}

void TlsTransport::reset() {
  if (fd_) {
    set_reset_on_close(fd_.get());
  }
  broken_ = true; // no close_notify: what came is not all
  close();
}

} // namespace weir::net
