// SPDX-License-Identifier: Apache-2.0
#include "proxy/handshake.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/errlog.h"
#include "metrics/metrics.h"
#include "proxy/h1_session.h"
#include "proxy/h2_session.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
} // namespace

Handshake::Handshake(Resources& resources, const ListenPlace& place, const Address& remote)
    : resources_(resources), place_(place), generation_(resources.generation), remote_(remote) {}

Handshake::~Handshake() = default;

bool Handshake::open(net::Fd fd, const net::TlsServer& server) {
  auto made = net::TlsTransport::accept(resources_.loop, std::move(fd), *this, server);
  if (!made) {
    return false;
  }
  tls_ = made.get();
  transport_ = std::move(made);
  deadline_.arm(resources_.loop, resources_.options(place_).header_timeout, *this);
  return true;
}

bool Handshake::open_plain(net::Fd fd) {
  auto made = std::make_unique<net::PlainTransport>();
  if (!made->open(resources_.loop, std::move(fd), *this)) {
    return false;
  }
  transport_ = std::move(made);
  deadline_.arm(resources_.loop, resources_.options(place_).client_idle_timeout, *this);
  return true;
}

void Handshake::run() {
  if (over_) {
    return;
  }
  if (deadline_.passed()) {
    tls_ != nullptr ? fail("it took too long") : close();
    return;
  }
  if (tls_ == nullptr) {
    if (look_at_preface()) {
      return;
    }
    close();
    return;
  }
  switch (tls_->handshake()) {
  case net::TlsTransport::Handshake::wait:
    return;
  case net::TlsTransport::Handshake::failed:
    fail(tls_->problem());
    return;
  case net::TlsTransport::Handshake::done:
    carry_on(tls_->facts().alpn == "h2" || !generation_->listen(place_).http1);
    return;
  }
}

/// What has come stays where it is. True: it is known what that is, or more must come.
bool Handshake::look_at_preface() {
  const ListenUse& use = generation_->listen(place_);
  std::array<char, kPreface.size()> bytes;
  ssize_t n = ::recv(transport_->fd(), bytes.data(), bytes.size(), MSG_PEEK);
  if (n <= 0) {
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  }
  std::string_view seen(bytes.data(), static_cast<std::size_t>(n));
  bool may_be = use.http2 && kPreface.starts_with(seen);
  if (may_be && seen.size() < kPreface.size() && !transport_->end_seen()) {
    return true;
  }
  carry_on(may_be || !use.http1);
  return true;
}

void Handshake::carry_on(bool http2) {
  std::unique_ptr<Session> next;
  if (http2) {
    auto session = std::make_unique<H2Session>(resources_, place_, remote_);
    session->open(std::move(transport_));
    next = std::move(session);
  } else {
    auto session = std::make_unique<H1Session>(resources_, place_, remote_);
    session->open(std::move(transport_));
    next = std::move(session);
  }
  if (draining_) {
    next->drain_after_first();
  }
  resources_.sessions.push_back(*next.release()); // it retires itself
  close();
}

void Handshake::fail(std::string_view why) {
  metrics::count(metrics::Metric::tls_handshakes_failed);
  log_debug("tls: {} at {}: {}", remote_.to_string(), place_.address.to_string(), why);
  close();
}

void Handshake::close() {
  if (over_) {
    return;
  }
  over_ = true;
  deadline_.disarm();
  if (transport_) {
    transport_->close();
  }
  static_cast<ListNode<event::RunTag>&>(*this).unlink();
  static_cast<ListNode<SessionTag>&>(*this).unlink();
  resources_.loop.retire(std::unique_ptr<event::Task>(this));
}

} // namespace weir::proxy
