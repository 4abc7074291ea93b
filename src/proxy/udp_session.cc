// SPDX-License-Identifier: Apache-2.0
#include "proxy/udp_session.h"

#include <utility>

#include "log/record.h"
#include "proxy/l4_row.h"
#include "proxy/reply.h"
#include "proxy/resources.h"
#include "proxy/udp_door.h"
#include "proxy/udp_places.h"
#include "proxy/verdict_note.h"

namespace weir::proxy {

using metrics::Metric;

UdpSession::UdpSession(Resources& resources, UdpDoor& door, const net::UdpEnds& ends,
                       const UdpAdmission& admission)
    : resources_(resources), door_(door), ends_(ends), generation_(resources.generation),
      admission_(admission), started_(Clock::mono()) {
  const config::Options& options = *admission_.route->options;
  idle_.arm(resources_.loop, options.udp_idle_timeout, *this);
  life_.arm(resources_.loop, options.tunnel_lifetime, *this);
  metrics::count(Metric::udp_sessions);
  metrics::add(Metric::udp_sessions_active);
}

UdpSession::~UdpSession() {
  metrics::sub(Metric::udp_sessions_active);
  resources_.udp_places->leave();
}

void UdpSession::take(std::string_view bytes) {
  bytes_in_ += bytes.size();
  if (state_ == State::relay && pool().is_checked() && server_->state->health().is_down()) {
    leave_server(); // nothing would tell the client to begin anew
  }
  for (int i = 0; i < 2; ++i) { // a refusal is of a datagram before this one
    if (state_ == State::choose && !choose()) {
      return;
    }
    if (state_ == State::resolve) {
      if (!held_ && bytes.size() <= kHeldMost) {
        held_.emplace(bytes);
      } else {
        metrics::count(Metric::udp_dropped_no_server);
      }
      return;
    }
    if (send(bytes)) {
      return;
    }
  }
  metrics::count(Metric::udp_dropped_unsent);
}

/// A server that is up, has room and was not tried; when all were, they are tried again. False:
/// there is none, and the datagram that asks for it is counted.
bool UdpSession::choose() {
  bool anew = tried_ != 0;
  while (true) {
    server_ = pool().choose(tried_);
    if (server_ == nullptr) {
      if (!std::exchange(anew, false)) {
        break;
      }
      tried_ = 0;
      continue;
    }
    const origin::Pool::Server& chosen = *server_;
    if (!take_slot()) {
      continue;
    }
    server_label_ = chosen.label;
    if (!chosen.literal) {
      state_ = State::resolve;
      lookup_ = std::make_unique<net::Lookup>();
      resources_.resolver.look_up(*lookup_, chosen.host, *this);
      if (!lookup_->done()) {
        return true; // run() goes on
      }
    }
    if (chosen.literal ? connect(*chosen.literal) : connect_to_name()) {
      return true;
    }
    leave_server();
    if (error_.code == Code::overloaded) { // of ours: another server does not help
      metrics::count(Metric::udp_dropped_full);
      return false;
    }
  }
  if (error_.code == Code::none) {
    error_ = {Code::no_server, Side::origin};
  }
  metrics::count(Metric::udp_dropped_no_server);
  return false;
}

bool UdpSession::take_slot() {
  const config::PoolDecl& decl = generation_->config->pools[*admission_.route->pool];
  if (server_->state->take_slot(decl.options.connections)) {
    return true;
  }
  server_ = nullptr; // not waited for, as by a connection
  return false;
}

bool UdpSession::connect(const Address& address) {
  if (resources_.own_addresses().contains(address, IpProtocol::udp)) {
    metrics::count(Metric::egress_denied);
    error_ = {Code::loop, Side::origin};
    return false;
  }
  auto made = net::make_udp_socket(address);
  auto connected = made ? net::connect_to(made->get(), address) : Result<void>(fail(made.error()));
  auto watch = std::make_unique<event::LevelWatch>(resources_.loop, *this);
  if (connected && !watch->open(made->get(), event::LevelWatch::kRead)) {
    connected = fail(Code::overloaded);
  }
  if (!connected) {
    error_ = connected.error();
    if (error_.code != Code::overloaded) { // that is ours
      metrics::count(Metric::origin_connections_failed);
      server_->state->count_failure();
    }
    return false;
  }
  fd_ = std::move(*made);
  watch_ = std::move(watch);
  address_ = address;
  answered_ = false;
  state_ = State::relay;
  server_->state->count_request();
  return true;
}

/// To the first address of the server's name that there is a way to.
bool UdpSession::connect_to_name() {
  const bool v6_first = resources_.resolver.prefer() == net::Prefer::ipv6;
  const auto lookup = std::move(lookup_);
  for (const auto& list :
       {v6_first ? lookup->v6() : lookup->v4(), v6_first ? lookup->v4() : lookup->v6()}) {
    for (const Address& address : list) {
      if (connect(address.with_port(server_->port))) {
        return true;
      }
    }
  }
  if (Error none = lookup->error(); none.code != Code::none) {
    error_ = none;
    error_.side = Side::origin;
    server_->state->count_failure();
  }
  return false;
}

/// The name is known now; what was held goes on.
void UdpSession::resolved() {
  auto held = std::exchange(held_, std::nullopt);
  if (!connect_to_name()) {
    leave_server(); // the next datagram asks for another
    if (held) {
      metrics::count(Metric::udp_dropped_no_server);
    }
  } else if (held && !send(*held)) {
    metrics::count(Metric::udp_dropped_unsent);
  }
}

/// False: what was sent before was refused, and the server is perhaps another one now.
bool UdpSession::send(std::string_view bytes) {
  switch (net::send_datagram(fd_.get(), bytes)) {
  case net::Sent::ok:
    ++asked_;
    origin_out_ += bytes.size();
    metrics::count(Metric::udp_datagrams_in);
    idle_.arm(resources_.loop, admission_.route->options->udp_idle_timeout, *this);
    return true;
  case net::Sent::busy:
    metrics::count(Metric::udp_dropped_busy);
    return true;
  case net::Sent::refused:
    note_refusal({Code::refused, Side::origin});
    return false;
  case net::Sent::failed:
    metrics::count(Metric::udp_dropped_unsent);
    return true;
  }
  return true;
}

void UdpSession::run() {
  if (state_ == State::resolve && lookup_->done()) {
    resolved();
  }
  if (watch_ && watch_->take_ready() != 0) {
    take_answers();
  }
  if (state_ == State::closed) {
    return;
  }
  if (life_.passed()) {
    finish({Code::timeout, Side::self});
  } else if (idle_.passed()) {
    finish(error_); // how a session ends: no error of its own
  }
}

void UdpSession::take_answers() {
  net::Datagrams& datagrams = door_.datagrams();
  auto got = datagrams.receive(fd_.get());
  if (!got) {
    note_refusal(got.error());
    return;
  }
  for (std::size_t i = 0; i < *got; ++i) {
    if (!answer(datagrams.bytes(i))) {
      finish({});
      return;
    }
  }
}

/// False: it was the last one.
bool UdpSession::answer(std::string_view bytes) {
  if (answers_++ == 0) {
    first_answer_ = Clock::mono() - started_;
  }
  origin_in_ += bytes.size();
  answered_ = true;
  error_ = {};
  switch (door_.answer(ends_, bytes)) {
  case net::Sent::ok:
    bytes_out_ += bytes.size();
    metrics::count(Metric::udp_datagrams_out);
    break;
  case net::Sent::busy:
    metrics::count(Metric::udp_dropped_busy);
    break;
  case net::Sent::refused:
  case net::Sent::failed:
    metrics::count(Metric::udp_dropped_unsent);
    break;
  }
  const config::Options& options = *admission_.route->options;
  idle_.arm(resources_.loop, options.udp_idle_timeout, *this);
  return options.udp_answers == 0 || answers_ < asked_ * options.udp_answers;
}

/// ICMP: nobody is at that port. A server that has answered may be starting anew, and knows its
/// clients by their ports: it gets one more datagram. Else the next one is the client's next try.
void UdpSession::note_refusal(const Error& error) {
  metrics::count(Metric::origin_connections_failed);
  server_->state->count_failure();
  error_ = error;
  error_.side = Side::origin;
  if (!std::exchange(answered_, false)) {
    leave_server();
  }
}

void UdpSession::leave_server() {
  watch_.reset();
  fd_.close();
  lookup_.reset();
  held_.reset();
  if (server_ != nullptr) {
    server_->state->release_slot();
    server_ = nullptr;
  }
  state_ = State::choose;
}

void UdpSession::write_row(const Error& error) {
  if (resources_.ring == nullptr) {
    return;
  }
  log::AccessRecord record =
      l4_row(resources_, *generation_, admission_.route, ends_.client, started_);
  record.scheme = "udp";
  record.bytes_in = static_cast<std::int64_t>(bytes_in_);
  record.bytes_out = static_cast<std::int64_t>(bytes_out_);
  record.ttfb = first_answer_.count();
  record.origin = address_;
  record.server = server_label_;
  record.pool = pool().name();
  record.end = end_word(error);
  Arena arena;
  note_verdict(admission_.verdict, *admission_.route->rules, arena, record);
  resources_.ring->push(record);
}

void UdpSession::finish(const Error& error) {
  if (state_ == State::closed) {
    return;
  }
  write_row(error);
  metrics::count(Metric::client_bytes_in, bytes_in_);
  metrics::count(Metric::client_bytes_out, bytes_out_);
  metrics::count(Metric::origin_bytes_in, origin_in_);
  metrics::count(Metric::origin_bytes_out, origin_out_);
  leave_server();
  state_ = State::closed;
  idle_.disarm();
  life_.disarm();
  door_.forget(ends_);
  static_cast<ListNode<event::RunTag>&>(*this).unlink();
  static_cast<ListNode<SessionTag>&>(*this).unlink();
  resources_.loop.retire(std::unique_ptr<event::Task>(this));
}

} // namespace weir::proxy
