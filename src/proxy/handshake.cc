// SPDX-License-Identifier: Apache-2.0
#include "proxy/handshake.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/errlog.h"
#include "metrics/metrics.h"
#include "proxy/h1_session.h"
#include "proxy/h2_session.h"
#include "proxy/l4_session.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
} // namespace

Handshake::Handshake(Resources& resources, const ListenPlace& place, const Ends& ends)
    : resources_(resources), place_(place), generation_(resources.generation), ends_(ends) {}

Handshake::~Handshake() {
  if (taken_ == Place::reserved) {
    resources_.clients.unreserve();
  } else if (taken_ == Place::entered) {
    resources_.leave(ends_.client);
  }
}

bool Handshake::enter() {
  if (!resources_.enter(ends_.client)) {
    return false;
  }
  taken_ = Place::entered;
  return true;
}

bool Handshake::open(net::Fd fd) {
  const ListenUse& use = generation_->listen(place_);
  const config::Options& options = resources_.options(place_);
  const auto& senders = use.proxy_senders;
  if (!senders.empty()) {
    if (std::none_of(senders.begin(), senders.end(),
                     [this](const Prefix& each) { return each.contains(ends_.client); })) {
      metrics::count(metrics::Metric::proxy_senders_refused);
      log_warn("proxy-protocol: {} at {}: not a listed sender", ends_.client.to_string(),
               place_.address.to_string());
      return false;
    }
    return open_plain(std::move(fd), State::header, options.header_timeout);
  }
  if (!enter()) {
    return false;
  }
  return use.tls ? open_tls(std::move(fd))
                 : open_plain(std::move(fd), State::preface, options.client_idle_timeout);
}

bool Handshake::open_plain(net::Fd fd, State state, Duration most) {
  auto made = std::make_unique<net::PlainTransport>();
  if (!made->open(resources_.loop, std::move(fd), *this)) {
    return false;
  }
  plain_ = made.get();
  transport_ = std::move(made);
  state_ = state;
  deadline_.arm(resources_.loop, most, *this);
  return true;
}

bool Handshake::open_tls(net::Fd fd) {
  auto made = net::TlsTransport::accept(resources_.loop, std::move(fd), *this,
                                        *generation_->listen(place_).tls);
  if (!made) {
    return false;
  }
  tls_ = made.get();
  plain_ = nullptr;
  transport_ = std::move(made);
  state_ = State::tls;
  deadline_.arm(resources_.loop, resources_.options(place_).header_timeout, *this);
  return true;
}

void Handshake::run() {
  if (state_ != State::over && deadline_.passed()) {
    late();
    return;
  }
  switch (state_) {
  case State::header:
    look_at_header();
    return;
  case State::tls:
    look_at_tls();
    return;
  case State::preface:
    look_at_preface();
    return;
  case State::over:
    return;
  }
}

void Handshake::late() {
  if (state_ == State::header) {
    refuse_header("no PROXY header in time");
  } else if (state_ == State::tls) {
    fail("it took too long");
  } else {
    close();
  }
}

/// What has come stays where it is until the header is whole: what follows is the client's.
void Handshake::look_at_header() {
  std::array<char, net::kWholeProxyHeader> bytes;
  ssize_t n = ::recv(plain_->fd(), bytes.data(), bytes.size(), MSG_PEEK);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    return;
  }
  if (n <= 0) {
    close(); // a look whether somebody listens
    return;
  }
  auto header = net::parse_proxy_header({bytes.data(), static_cast<std::size_t>(n)});
  if (!header) {
    refuse_header("this is no PROXY header");
  } else if (*header) {
    take_header(**header);
  } else if (plain_->end_seen()) {
    refuse_header("the PROXY header is cut short");
  }
}

void Handshake::take_header(const net::ProxyHeader& header) {
  std::array<char, net::kWholeProxyHeader> bytes;
  if (::recv(plain_->fd(), bytes.data(), header.size, 0) != static_cast<ssize_t>(header.size)) {
    refuse_header("the PROXY header cannot be read");
    return;
  }
  metrics::count(metrics::Metric::proxy_headers_read);
  if (header.source.valid()) {
    ends_ = {header.source, header.destination};
  }
  if (!enter()) {
    close();
    return;
  }
  const ListenUse& use = generation_->listen(place_);
  if (use.direction == rules::Direction::l4) {
    auto session = std::make_unique<L4Session>(resources_, place_, generation_, ends_);
    session->open(std::move(transport_));
    give_to(std::move(session));
  } else if (use.tls) {
    if (!open_tls(plain_->release())) {
      close();
    }
  } else if (use.http2) {
    state_ = State::preface;
    deadline_.arm(resources_.loop, resources_.options(place_).client_idle_timeout, *this);
    look_at_preface();
  } else {
    carry_on(false);
  }
}

void Handshake::look_at_tls() {
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

/// What has come stays where it is.
void Handshake::look_at_preface() {
  const ListenUse& use = generation_->listen(place_);
  std::array<char, kPreface.size()> bytes;
  ssize_t n = ::recv(transport_->fd(), bytes.data(), bytes.size(), MSG_PEEK);
  if (n <= 0) {
    if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      close();
    }
    return;
  }
  std::string_view seen(bytes.data(), static_cast<std::size_t>(n));
  bool may_be = use.http2 && kPreface.starts_with(seen);
  if (!may_be || seen.size() == kPreface.size() || transport_->end_seen()) {
    carry_on(may_be || !use.http1);
  }
}

void Handshake::carry_on(bool http2) {
  std::unique_ptr<Session> next;
  if (http2) {
    auto session = std::make_unique<H2Session>(resources_, place_, ends_);
    session->open(std::move(transport_));
    next = std::move(session);
  } else {
    auto session = std::make_unique<H1Session>(resources_, place_, ends_);
    session->open(std::move(transport_));
    next = std::move(session);
  }
  give_to(std::move(next));
}

/// The connection is this session's from now on.
void Handshake::give_to(std::unique_ptr<Session> next) {
  taken_ = Place::given_on;
  if (draining_) {
    next->drain_after_first();
  }
  resources_.sessions.push_back(*next.release()); // it retires itself
  close();
}

void Handshake::refuse_header(std::string_view why) {
  metrics::count(metrics::Metric::proxy_headers_refused);
  log_warn("proxy-protocol: {} at {}: {}", ends_.client.to_string(), place_.address.to_string(),
           why);
  close();
}

void Handshake::fail(std::string_view why) {
  metrics::count(metrics::Metric::tls_handshakes_failed);
  log_debug("tls: {} at {}: {}", ends_.client.to_string(), place_.address.to_string(), why);
  close();
}

void Handshake::close() {
  if (state_ == State::over) {
    return;
  }
  state_ = State::over;
  deadline_.disarm();
  if (transport_) {
    transport_->close();
  }
  static_cast<ListNode<event::RunTag>&>(*this).unlink();
  static_cast<ListNode<SessionTag>&>(*this).unlink();
  resources_.loop.retire(std::unique_ptr<event::Task>(this));
}

} // namespace weir::proxy
