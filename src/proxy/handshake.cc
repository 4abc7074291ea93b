// SPDX-License-Identifier: Apache-2.0
#include "proxy/handshake.h"

#include "base/errlog.h"
#include "metrics/metrics.h"
#include "proxy/h1_session.h"
#include "proxy/resources.h"

namespace weir::proxy {

Handshake::Handshake(Resources& resources, const ListenPlace& place, const Address& remote)
    : resources_(resources), place_(place), generation_(resources.generation), remote_(remote) {}

Handshake::~Handshake() = default;

bool Handshake::open(net::Fd fd, const net::TlsServer& server) {
  transport_ = net::TlsTransport::accept(resources_.loop, std::move(fd), *this, server);
  if (!transport_) {
    return false;
  }
  deadline_.arm(resources_.loop, resources_.options(place_).header_timeout, *this);
  return true;
}

void Handshake::run() {
  if (over_) {
    return;
  }
  if (deadline_.passed()) {
    fail("it took too long");
    return;
  }
  switch (transport_->handshake()) {
  case net::TlsTransport::Handshake::wait:
    return;
  case net::TlsTransport::Handshake::failed:
    fail(transport_->problem());
    return;
  case net::TlsTransport::Handshake::done:
    carry_on();
    return;
  }
}

void Handshake::carry_on() {
  auto session = std::make_unique<H1Session>(resources_, place_, remote_);
  if (draining_) {
    session->drain_after_first();
  }
  session->open(std::move(transport_));
  resources_.sessions.push_back(*session.release()); // it retires itself
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
