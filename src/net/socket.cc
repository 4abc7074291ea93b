// SPDX-License-Identifier: Apache-2.0
#include "net/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace weir::net {

void Fd::close() noexcept {
  if (fd_ >= 0) {
    ::close(release());
  }
}

namespace {
Result<Fd> make_socket(const Address& address, int type, int protocol) {
  int family = address.is_v6() ? AF_INET6 : AF_INET;
  Fd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!fd) {
    return fail(code_of_errno(errno), Side::self, errno);
  }
  return fd;
}
} // namespace

Result<Fd> make_tcp_socket(const Address& address) {
  return make_socket(address, SOCK_STREAM, IPPROTO_TCP);
}

Result<Fd> make_udp_socket(const Address& address) {
  return make_socket(address, SOCK_DGRAM, IPPROTO_UDP);
}

Result<void> connect_to(int fd, const Address& address) {
  sockaddr_storage storage{};
  socklen_t size = address.to_sockaddr(storage);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    return fail(code_of_errno(errno), Side::origin, errno);
  }
  return {};
}

void set_nodelay(int fd) noexcept {
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool set_nonblocking_cloexec(int fd) noexcept {
  int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
         ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

void set_reset_on_close(int fd) noexcept {
  linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool send_first(int fd, std::string_view bytes) noexcept {
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

int take_socket_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    return errno;
  }
  return error;
}

bool is_wildcard(const Address& address) noexcept {
  return address.with_port(0) == (address.is_v6() ? Address::v6({}) : Address::any_v4(0));
}

namespace {
using NameCall = int (*)(int, sockaddr*, socklen_t*);

Address name_of(int fd, NameCall call) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* name = reinterpret_cast<sockaddr*>(&storage);
  return call(fd, name, &size) == 0 ? Address::from_sockaddr(name) : Address();
}
} // namespace

Address local_address(int fd) noexcept { return name_of(fd, ::getsockname); }

Address remote_address(int fd) noexcept { return name_of(fd, ::getpeername); }

Code code_of_errno(int sys) noexcept {
  switch (sys) {
  case ECONNREFUSED:
    return Code::refused;
  case ETIMEDOUT:
    return Code::timeout;
  case ECONNRESET:
  case EPIPE:
    return Code::reset;
  case EMFILE:
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
    return Code::overloaded;
  case EADDRINUSE:
    return Code::exists;
  case ENETUNREACH:
  case EHOSTUNREACH:
  case ENETDOWN:
  case EHOSTDOWN:
  case EADDRNOTAVAIL: // no local port or no address of that family
  case EAFNOSUPPORT:
  case EACCES: // a firewall, or a broadcast address
  case EPERM:
    return Code::unreachable;
  default:
    return Code::io;
  }
}

} // namespace weir::net
