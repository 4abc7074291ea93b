// SPDX-License-Identifier: Apache-2.0
#include "net/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/errlog.h"
#include "metrics/metrics.h"

namespace weir::net {

namespace {

bool set_on(int fd, int level, int option) noexcept {
  int on = 1;
  return ::setsockopt(fd, level, option, &on, sizeof on) == 0;
}

Result<Fd> bind_socket(const Address& address, IpProtocol protocol, bool reuse_port) {
  const bool tcp = protocol == IpProtocol::tcp;
  auto made = tcp ? make_tcp_socket(address) : make_udp_socket(address);
  if (!made) {
    return fail(made.error());
  }
  Fd fd = std::move(*made);
  sockaddr_storage storage{};
  socklen_t size = address.to_sockaddr(storage);
  // Of UDP it would let another program take the port.
  bool set = (!tcp || set_on(fd.get(), SOL_SOCKET, SO_REUSEADDR)) &&
             (!reuse_port || set_on(fd.get(), SOL_SOCKET, SO_REUSEPORT)) &&
             (!address.is_v6() || set_on(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY));
  if (!set || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    int sys = errno;
    Code code = sys == EACCES || sys == EPERM ? Code::denied : code_of_errno(sys);
    return fail(code, Side::self, sys);
  }
  return fd;
}

/// Datagrams that come while a worker is busy wait here; the kernel caps it at net.core.rmem_max.
constexpr int kReceiveBuffer = 2 << 20;

bool set_datagrams(int fd, const Address& address) noexcept {
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  return !is_wildcard(address) || (address.is_v6() ? set_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO)
                                                   : set_on(fd, IPPROTO_IP, IP_PKTINFO));
}

/// The connection went before it was taken, or its network is down: the next one may be well.
bool is_of_one_connection(int sys) {
  switch (sys) {
  case EINTR:
  case ECONNABORTED:
  case EPROTO:
  case EPERM:
  case ETIMEDOUT:
  case ENETDOWN:
  case ENETUNREACH:
  case EHOSTDOWN:
  case EHOSTUNREACH:
  case ENONET:
  case ENOPROTOOPT:
  case EOPNOTSUPP:
    return true;
  default:
    return false;
  }
}

} // namespace

Result<ListenSocket> bind_listener(const Address& address, ListenOptions options) {
  auto fd = bind_socket(address, options.protocol, options.reuse_port);
  if (!fd) {
    return fail(fd.error());
  }
  const bool ready = options.protocol == IpProtocol::udp
                         ? set_datagrams(fd->get(), address)
                         : ::listen(fd->get(), options.backlog) == 0;
  if (!ready) {
    return fail(code_of_errno(errno), Side::self, errno);
  }
  ListenSocket made{std::move(*fd), {}};
  made.address = local_address(made.fd.get());
  return made;
}

Result<void> probe_in_use(const Address& address, IpProtocol protocol) {
  auto fd = bind_socket(address, protocol, false);
  if (!fd) {
    return fail(fd.error());
  }
  return {};
}

std::string listen_error(const Address& address, const Error& error) {
  return fmt::format("cannot listen on {}: {}", address.to_string(), std::strerror(error.sys));
}

Listener::Listener(event::Loop& loop, ListenSocket socket, Acceptor& acceptor)
    : loop_(loop), acceptor_(acceptor), socket_(std::move(socket)),
      wildcard_(is_wildcard(socket_.address)),
      watch_(std::make_unique<event::LevelWatch>(loop, socket_.fd.get(), event::LevelWatch::kRead,
                                                 *this)) {}

void Listener::run() {
  if (!open()) {
    return;
  }
  if (rest_.passed()) {
    rest_.disarm();
    watch_again();
  }
  bool told = watch_->take_ready() != 0;
  if (!told || paused_ || rest_.armed()) {
    return;
  }
  for (int i = 0; i < kAcceptsPerTurn && !paused_; ++i) {
    switch (take_one()) {
    case Took::one:
    case Took::none:
      break;
    case Took::empty:
      return;
    case Took::no_place:
      pause();
      return;
    case Took::exhausted:
      // The queue stays full and level: being told would be a spin.
      ++rests_;
      metrics::count(metrics::Metric::accept_rests);
      watch_->pause();
      rest_.arm(loop_, kRest, *this);
      return;
    }
  }
}

Listener::Took Listener::take_one() {
  if (!acceptor_.reserve()) {
    return Took::no_place;
  }
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* name = reinterpret_cast<sockaddr*>(&storage);
  Fd fd(::accept4(socket_.fd.get(), name, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) {
    int sys = errno;
    acceptor_.unreserve();
    if (sys == EAGAIN || sys == EWOULDBLOCK) {
      return Took::empty;
    }
    if (is_of_one_connection(sys)) {
      return Took::none;
    }
    if (!std::exchange(said_, true)) { // once a spell, not ten times a second
      log_warn("net: accept on {}: {}", socket_.address.to_string(), std::strerror(sys));
    }
    return Took::exhausted;
  }
  said_ = false;
  Address local = wildcard_ ? local_address(fd.get()) : socket_.address;
  acceptor_.accepted(std::move(fd), Address::from_sockaddr(name), local);
  return Took::one;
}

void Listener::watch_again() noexcept {
  if (open() && !paused_ && !rest_.armed()) {
    watch_->resume();
  }
}

void Listener::stop() {
  if (!open()) {
    return;
  }
  Took took = Took::one;
  for (int i = 0; i < kDrainMost && (took == Took::one || took == Took::none); ++i) {
    took = take_one();
  }
  rest_.disarm();
  watch_.reset();
  socket_.fd.close();
}

void Listener::pause() noexcept {
  paused_ = true;
  if (open()) {
    watch_->pause();
  }
}

void Listener::resume() noexcept {
  if (paused_) {
    paused_ = false;
    watch_again();
  }
}

} // namespace weir::net
