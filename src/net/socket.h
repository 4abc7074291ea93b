// SPDX-License-Identifier: Apache-2.0
//
// Fd: sole owner of a file descriptor.  Small helpers around the socket calls, all of them
// non-blocking and close-on-exec from birth. Values and free functions; any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/address.h"
#include "base/result.h"

namespace weir::net {

class Fd {
public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = other.release();
    }
    return *this;
  }
  ~Fd() { close(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void close() noexcept;

private:
  int fd_ = -1;
};

/// Which family is tried first where a name has both.
enum class Prefer : std::uint8_t { ipv6, ipv4 };

/// A TCP socket of the family of `address`. Code::overloaded if descriptors are used up.
Result<Fd> make_tcp_socket(const Address& address);
/// The same of UDP. With connect_to() it takes and sends datagrams of that address only.
Result<Fd> make_udp_socket(const Address& address);
/// Code::unreachable: there is no way to that address. Of UDP: no byte is sent.
Result<void> connect_to(int fd, const Address& address);
/// No waiting for more bytes before a small segment leaves (TCP_NODELAY). No harm elsewhere.
void set_nodelay(int fd) noexcept;
/// For descriptors that come from outside (tests, socket activation).
bool set_nonblocking_cloexec(int fd) noexcept;
/// The next close() resets the connection instead of ending it (SO_LINGER 0).
void set_reset_on_close(int fd) noexcept;
/// Few bytes on a new connection, whose buffer has room for them. False: it is of no use.
bool send_first(int fd, std::string_view bytes) noexcept;
/// Takes the pending error of a socket: an errno, or 0.
int take_socket_error(int fd) noexcept;

/// 0.0.0.0 or ::, with any port.
bool is_wildcard(const Address& address) noexcept;
/// Ours and the other side's; invalid if there is none or it is not IP.
Address local_address(int fd) noexcept;
Address remote_address(int fd) noexcept;

/// What an errno of connect(), recv() or send() means.
Code code_of_errno(int sys) noexcept;

} // namespace weir::net
