// SPDX-License-Identifier: Apache-2.0
#include "net/connector.h"

#include <sys/socket.h>

#include <cerrno>

namespace weir::net {

namespace {

/// Which failure tells most when several addresses failed in different ways.
int weight(Code code) noexcept {
  if (code == Code::refused) {
    return 4; // somebody is there
  }
  if (code == Code::timeout) {
    return 3;
  }
  if (code == Code::loop) {
    return 2;
  }
  return code == Code::none ? 0 : 1;
}

} // namespace

Connector::Connector(event::Loop& loop, event::Task& owner, const ConnectOptions& options)
    : loop_(loop), owner_(owner), options_(options) {
  overall_.arm(loop, options_.deadline, *this);
}

void Connector::add(std::span<const Address> checked) {
  for (const Address& address : checked) {
    bool first = address.is_v6() == (options_.prefer == Prefer::ipv6);
    std::size_t& taken = first ? first_taken_ : other_taken_;
    if (address.valid() && taken < kMostPerFamily) {
      ++taken;
      (first ? first_family_ : other_family_).push_back(address);
    }
  }
  loop_.wake(*this);
}

void Connector::no_more() {
  all_known_ = true;
  loop_.wake(*this);
}

void Connector::run() {
  if (done()) {
    return;
  }
  look_at_attempts();
  if (done()) {
    return;
  }
  if (overall_.passed()) {
    error_ = {Code::timeout, Side::origin, Retry::yes, ETIMEDOUT};
    finish(State::failed);
    return;
  }
  Address next;
  while (!done() && may_begin() && take_next(next)) {
    begin(next);
  }
  if (!done() && all_known_ && attempts_.empty() && first_family_.empty() &&
      other_family_.empty()) {
    if (error_.code == Code::none) {
      note_failure(Code::unreachable, 0);
    }
    finish(State::failed);
  }
}

/// Whether it is time for one more attempt: none is in the air, or the last one has had its start.
bool Connector::may_begin() {
  if (state_ == State::waiting) {
    bool wait = first_family_.empty() && !other_family_.empty() && !all_known_;
    if (wait && !resolution_.passed()) {
      // RFC 8305 §3: the answer for the preferred family may be just behind.
      if (!resolution_.armed()) {
        resolution_.arm(loop_, options_.resolution_delay, *this);
      }
      return false;
    }
    return true;
  }
  return attempts_.empty() || next_attempt_.passed() || !next_attempt_.armed();
}

/// Families take turns (RFC 8305 §4).
bool Connector::take_next(Address& next) {
  bool first = !first_family_.empty() && (!last_was_first_family_ || other_family_.empty());
  auto& from = first ? first_family_ : other_family_;
  if (from.empty()) {
    return false;
  }
  next = from.front();
  from.erase(from.begin());
  last_was_first_family_ = first;
  return true;
}

void Connector::begin(const Address& to) {
  if (options_.own != nullptr && options_.own->contains(to)) {
    note_failure(Code::loop, 0);
    return;
  }
  state_ = State::racing;
  resolution_.disarm();
  ++begun_;
  auto made = make_tcp_socket(to);
  if (!made) {
    note_failure(made.error().code, made.error().sys);
    return;
  }
  sockaddr_storage storage{};
  socklen_t size = to.to_sockaddr(storage);
  int answer = ::connect(made->get(), reinterpret_cast<sockaddr*>(&storage), size);
  if (answer == 0) {
    succeed(std::move(*made), to);
    return;
  }
  if (errno != EINPROGRESS && errno != EINTR) {
    note_failure(code_of_errno(errno), errno);
    return;
  }
  Attempt& attempt = attempts_.emplace_back();
  attempt.fd = std::move(*made);
  attempt.to = to;
  // Registered after connect(): an unconnected socket would be told as hung up at once.
  if (!attempt.watch.open(loop_, attempt.fd.get(), *this)) {
    attempts_.pop_back();
    note_failure(Code::overloaded, ENOMEM);
    return;
  }
  attempt.watch.writable = false; // the edge says when it is decided
  next_attempt_.arm(loop_, options_.attempt_delay, *this);
}

void Connector::look_at_attempts() {
  for (auto at = attempts_.begin(); at != attempts_.end();) {
    if (!at->watch.writable) {
      ++at;
      continue;
    }
    int sys = take_socket_error(at->fd.get());
    if (sys == 0 && local_address(at->fd.get()) == at->to) {
      sys = ECONNREFUSED; // nobody listens: the kernel gave us that very port, and we met ourselves
    }
    if (sys == 0) {
      at->watch.close();
      succeed(std::move(at->fd), Address(at->to));
      return;
    }
    note_failure(code_of_errno(sys), sys);
    at = attempts_.erase(at);
    next_attempt_.disarm(); // RFC 8305 §5: a failure starts the next one at once
  }
}

void Connector::note_failure(Code code, int sys) noexcept {
  Code known = code == Code::io || code == Code::reset ? Code::unreachable : code;
  if (weight(known) >= weight(error_.code)) {
    Side side = known == Code::loop || known == Code::overloaded ? Side::self : Side::origin;
    error_ = {known, side, known == Code::loop ? Retry::no : Retry::yes, sys};
  }
}

void Connector::succeed(Fd fd, const Address& to) {
  set_nodelay(fd.get());
  fd_ = std::move(fd);
  address_ = to;
  error_ = {};
  finish(State::connected);
}

void Connector::finish(State state) {
  state_ = state;
  attempts_.clear();
  overall_.disarm();
  next_attempt_.disarm();
  resolution_.disarm();
  loop_.wake(owner_);
}

} // namespace weir::net
