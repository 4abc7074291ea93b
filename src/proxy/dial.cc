// SPDX-License-Identifier: Apache-2.0
#include "proxy/dial.h"

#include "base/errlog.h"
#include "metrics/metrics.h"
#include "proxy/h2_origin.h"

namespace weir::proxy {

Dial::Dial(event::Loop& loop, net::Resolver& resolver, origin::OriginConnections& connections,
           const net::OwnAddresses& own, event::Task& owner, AddressCheck& check)
    : loop_(loop), resolver_(resolver), connections_(connections), own_(own), owner_(owner),
      check_(check), waiter_(owner) {}

Dial::~Dial() {
  leave_queue();
  end_opening({});
  if (settings_.shared != nullptr && state_ == State::queue) {
    waiter_.unlink();
    settings_.shared->note_room(shared_key(), 1); // a wake that was for this one goes on
  }
  connector_.reset(); // closed before the slot is another's
  connection_.reset();
  release_slot();
  if (ticket_) {
    loop_.revoke(ticket_);
  }
}

void Dial::start(DialSettings settings) {
  settings_ = std::move(settings);
  settings_.reuse = settings_.reuse && settings_.proxy_header.empty();
  retries_left_ = settings_.retries;
  choose();
}

/// The next server of the pool, or the name itself; its addresses are asked for.
void Dial::choose() {
  state_ = State::resolve;
  allowed_.clear();
  connector_.reset();
  any_denied_ = v4_taken_ = v6_taken_ = false;
  lookup_.reset();
  if (settings_.pool != nullptr) {
    server_ = settings_.only != nullptr
                  ? settings_.only
                  : settings_.pool->choose(tried_, std::exchange(settings_.first, nullptr));
    if (server_ == nullptr) {
      fail(error_.code != Code::none ? error_ : Error{Code::no_server, Side::origin});
      return;
    }
    if (server_->literal) {
      offer({&*server_->literal, 1});
      v4_taken_ = v6_taken_ = true;
      return;
    }
  }
  const std::string& host = server_ != nullptr ? server_->host : settings_.host;
  if (auto address =
          Address::parse_any(host)) { // in whatever spelling (W8.2): checked like any other
    v4_taken_ = v6_taken_ = true;
    offer({&*address, 1});
    return;
  }
  lookup_ = std::make_unique<net::Lookup>();
  resolver_.look_up(*lookup_, host, owner_);
}

void Dial::again() {
  release_slot();
  settings_.reuse = false;
  tried_ = 0;
  if (settings_.pool != nullptr && server_ != nullptr) {
    // The same server if it is the only one; round robin goes on otherwise.
    server_ = nullptr;
  }
  choose();
}

Dial::State Dial::step() {
  if (state_ == State::resolve) {
    resolve();
  }
  if (state_ == State::queue) {
    if (take_shared_one() || take_held()) {
      return state_;
    }
    if (!take_slot()) {
      if (settings_.shared != nullptr && state_ == State::queue) {
        settings_.shared->wait(shared_key(), waiter_);
      }
      return state_;
    }
    state_ = State::connect;
  }
  if (state_ == State::connect) {
    connect();
  } else if (state_ == State::secure) {
    handshake();
  }
  return state_;
}

void Dial::offer(std::span<const Address> found) {
  std::uint16_t port = server_ != nullptr ? server_->port : settings_.port;
  for (const Address& address : found) {
    Address to = address.with_port(port);
    if (check_.may_dial(to)) {
      allowed_.push_back(to);
    } else {
      any_denied_ = true;
    }
  }
}

Dial::State Dial::resolve() {
  std::size_t before = allowed_.size();
  if (lookup_) {
    if (lookup_->v4_done() && !v4_taken_) {
      v4_taken_ = true;
      offer(lookup_->v4());
    }
    if (lookup_->v6_done() && !v6_taken_) {
      v6_taken_ = true;
      offer(lookup_->v6());
    }
  }
  bool all = v4_taken_ && v6_taken_;
  if (connector_) { // it runs already; the other family's answer came later
    if (allowed_.size() > before) {
      connector_->add(std::span(allowed_).subspan(before));
    }
    if (all) {
      connector_->no_more();
    }
    return state_;
  }
  if (allowed_.empty()) {
    if (!all) {
      return state_;
    }
    if (any_denied_) {
      return fail({Code::denied, Side::origin});
    }
    Error none = lookup_ ? lookup_->error() : Error{};
    return fail_server(none.code != Code::none ? none : Error{Code::dns_failed, Side::origin});
  }
  state_ = State::queue;
  return state_;
}

/// True: there is one, or another request opens one and is waited for, or that has failed.
bool Dial::take_shared_one() {
  if (settings_.shared == nullptr) {
    return false;
  }
  waiter_.unlink();
  if (Error failed = std::exchange(waiter_.error, {}); failed.code != Code::none) {
    next_server(failed);
    return true;
  }
  const std::string key = shared_key();
  if (H2Origin* there = settings_.shared->with_room(key, allowed_)) {
    h2_ = there;
    reused_ = true;
    queue_deadline_.disarm();
    leave_queue();
    ready(there->address());
    return true;
  }
  if (settings_.shared->is_opening(key)) {
    settings_.shared->wait(key, waiter_);
    return true;
  }
  return false;
}

/// What was opened is the worker's, and takes this request first.
void Dial::share(std::unique_ptr<origin::OriginConn> connection) {
  H2Opened opened;
  opened.connection = std::move(connection);
  opened.slot = server_->state;
  opened.limited = settings_.slots > 0;
  opened.label = server_->label;
  opened.settle_time = settings_.connect_timeout;
  h2_ = &settings_.shared->add(shared_key(), std::move(opened));
  has_slot_ = false;
  opening_ = false;
}

void Dial::end_opening(const Error& error) {
  if (opening_) {
    opening_ = false;
    settings_.shared->end_opening(shared_key(), error);
  }
}

/// True: an idle connection came with the slot it holds.
bool Dial::take_held() {
  if (settings_.shared != nullptr || server_ == nullptr || settings_.slots == 0 || has_slot_ ||
      !settings_.reuse) {
    return false;
  }
  for (const Address& address : allowed_) {
    if (auto idle = connections_.take_with_slot(address, owner_, *server_->state, identity())) {
      has_slot_ = true;
      reused_ = true;
      queue_deadline_.disarm();
      leave_queue();
      connected(std::move(idle));
      return true;
    }
  }
  return false;
}

/// False: all are in use; the server's queue wakes us, or the deadline passes.
bool Dial::take_slot() {
  if (server_ == nullptr || settings_.slots == 0 || has_slot_) {
    if (server_ != nullptr && !has_slot_) {
      has_slot_ = server_->state->take_slot(0);
    }
    return true;
  }
  if (server_->state->take_slot(settings_.slots)) {
    has_slot_ = true;
    queue_deadline_.disarm();
    leave_queue();
    return true;
  }
  if (queue_deadline_.passed()) {
    fail({Code::no_slot, Side::origin});
    return false;
  }
  if (!ticket_) {
    ticket_ = loop_.issue(owner_);
  }
  if (!queue_deadline_.armed()) {
    queue_deadline_.arm(loop_, settings_.queue_timeout, owner_);
  }
  // Who has stood in the queue, and was woken in vain, has a place in it.
  if (!server_->state->wait(ticket_, queued_ ? SIZE_MAX : settings_.queue_max)) {
    queue_deadline_.disarm();
    fail({Code::no_slot, Side::origin});
    return false;
  }
  queued_ = true;
  if (!server_->state->take_slot(settings_.slots)) {
    return false;
  }
  has_slot_ = true; // one became free before we stood in the queue: nobody would have told us
  queue_deadline_.disarm();
  leave_queue();
  return true;
}

void Dial::leave_queue() {
  if (queued_) {
    queued_ = false;
    server_->state->leave(ticket_, has_slot_);
  }
}

void Dial::release_slot() {
  if (has_slot_) {
    has_slot_ = false;
    server_->state->release_slot();
  }
}

Dial::State Dial::connect() {
  if (!connector_) {
    if (settings_.shared != nullptr) {
      settings_.shared->begin_opening(shared_key());
      opening_ = true;
    } else if (settings_.reuse) {
      for (const Address& address : allowed_) {
        if (auto idle = connections_.take(address, owner_, identity())) {
          reused_ = true;
          return connected(std::move(idle));
        }
      }
    }
    reused_ = false;
    net::ConnectOptions options;
    options.deadline = settings_.connect_timeout;
    options.prefer = resolver_.prefer();
    options.own = &own_;
    connect_begun_ = Clock::mono();
    connector_ = std::make_unique<net::Connector>(loop_, owner_, options);
    connector_->add(allowed_);
    if (v4_taken_ && v6_taken_) {
      connector_->no_more();
    }
    return state_;
  }
  resolve(); // what the resolver has said since
  if (!connector_->done()) {
    return state_;
  }
  if (!connector_->connected()) {
    return fail_server(connector_->error());
  }
  net::Fd fd = connector_->take_fd();
  if (!settings_.proxy_header.empty()) {
    if (!net::send_first(fd.get(), settings_.proxy_header)) {
      return fail_server({Code::reset, Side::origin});
    }
    metrics::count(metrics::Metric::origin_proxy_headers);
  }
  auto made = std::make_unique<origin::OriginConn>(connections_, connector_->address(), identity());
  std::string name = tls_name();
  if (!(name.empty() ? made->open(loop_, std::move(fd), owner_)
                     : made->secure(loop_, std::move(fd), owner_, *settings_.tls, name))) {
    return fail({Code::overloaded, Side::self});
  }
  if (name.empty()) {
    return connected(std::move(made));
  }
  connection_ = std::move(made);
  state_ = State::secure;
  secure_deadline_.arm(loop_, settings_.connect_timeout, owner_);
  return handshake();
}

Dial::State Dial::handshake() {
  net::TlsTransport& tls = *connection_->tls();
  switch (tls.handshake()) {
  case net::TlsTransport::Handshake::wait:
    if (!secure_deadline_.passed()) {
      return state_;
    }
    connection_.reset();
    return fail_server({Code::timeout, Side::origin});
  case net::TlsTransport::Handshake::failed:
    log_warn("tls: origin {} at {}: {}", tls_name(), connection_->address().to_string(),
             tls.problem());
    metrics::count(metrics::Metric::origin_tls_failed);
    secure_deadline_.disarm();
    connection_.reset();
    return fail_server({Code::tls_failed, Side::origin});
  case net::TlsTransport::Handshake::done:
    break;
  }
  secure_deadline_.disarm();
  if (settings_.shared != nullptr && tls.facts().alpn != "h2") {
    log_warn("tls: origin {} at {}: it does not choose HTTP/2", tls_name(),
             connection_->address().to_string());
    metrics::count(metrics::Metric::origin_tls_failed);
    connection_.reset();
    return fail_server({Code::tls_failed, Side::origin});
  }
  metrics::count(tls.facts().resumed ? metrics::Metric::origin_tls_resumed
                                     : metrics::Metric::origin_tls_full);
  return connected(std::move(connection_));
}

std::string Dial::tls_name() const {
  if (!settings_.tls || (server_ != nullptr && !server_->tls)) {
    return {};
  }
  return server_ != nullptr ? server_->name : settings_.host;
}

std::string Dial::identity() const {
  std::string name = tls_name();
  return name.empty() ? name : std::to_string(settings_.tls->number()) + " " + name;
}

/// A server that is shared is one to whoever speaks to it alike.
std::string Dial::shared_key() const {
  return server_ == nullptr ? std::string()
                            : settings_.pool->name() + " " + server_->label + " " + identity();
}

Dial::State Dial::connected(std::unique_ptr<origin::OriginConn> connection) {
  if (!reused_) {
    metrics::observe(metrics::Histogram::origin_connect, Clock::mono() - connect_begun_);
  }
  const Address to = connection->address();
  if (settings_.shared != nullptr) {
    share(std::move(connection));
  } else {
    connection_ = std::move(connection);
  }
  return ready(to);
}

Dial::State Dial::ready(const Address& to) {
  address_ = to;
  connector_.reset();
  lookup_.reset();
  if (server_ != nullptr && settings_.only == nullptr) {
    server_->state->count_request();
  }
  state_ = State::ready;
  return state_;
}

/// The next server of the pool, if there is one and a retry is left.
Dial::State Dial::fail_server(const Error& error) {
  metrics::count(error.code == Code::loop ? metrics::Metric::egress_denied
                                          : metrics::Metric::origin_connections_failed);
  return next_server(error);
}

Dial::State Dial::next_server(const Error& error) {
  error_ = error;
  error_.side = Side::origin;
  connector_.reset();
  release_slot();
  end_opening(error_);
  if (server_ != nullptr && settings_.only == nullptr) {
    server_->state->count_failure();
    if (retries_left_ > 0) {
      --retries_left_;
      metrics::count(metrics::Metric::origin_retries);
      choose();
      return state_ == State::failed ? state_ : step();
    }
  }
  return fail(error_);
}

Dial::State Dial::fail(const Error& error) {
  leave_queue();
  error_ = error;
  connector_.reset();
  release_slot();
  end_opening(error_);
  waiter_.unlink();
  state_ = State::failed;
  return state_;
}

void Dial::keep(std::unique_ptr<origin::OriginConn> connection, Duration idle_time) {
  if (!settings_.proxy_header.empty()) {
    connection.reset(); // closed before the slot is another's
    release_slot();
    return;
  }
  bool limited = server_ != nullptr && settings_.slots > 0 && has_slot_;
  if (!limited) {
    release_slot();
  }
  has_slot_ = false;
  connections_.give(std::move(connection), idle_time, limited ? server_->state : nullptr);
}

} // namespace weir::proxy
