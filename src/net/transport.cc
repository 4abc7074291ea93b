// SPDX-License-Identifier: Apache-2.0
#include "net/transport.h"

#include <sys/socket.h>

#include <cerrno>

namespace weir::net {

bool PlainTransport::open(event::Loop& loop, Fd fd, event::Task& task) {
  watch_.close();
  fd_ = std::move(fd);
  short_ = false;
  if (!watch_.open(loop, fd_.get(), task)) {
    fd_.close();
    return false;
  }
  return true;
}

Fd PlainTransport::release() noexcept {
  watch_.close();
  return std::move(fd_);
}

IoResult PlainTransport::read(char* to, std::size_t size) {
  ssize_t n;
  do {
    n = ::recv(fd_.get(), to, size, 0);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    auto bytes = static_cast<std::size_t>(n);
    // A full read leaves the fact set. A short one clears it, unless the end came with the edge.
    bool all = bytes < size && !watch_.closed;
    watch_.readable = watch_.readable && !all;
    short_ = all;
    return {bytes, IoResult::ok, 0};
  }
  int sys = n < 0 ? errno : 0;
  short_ = false;
  watch_.readable = false;
  if (n == 0) {
    watch_.closed = true;
    return {0, IoResult::end, 0};
  }
  bool none = sys == EAGAIN || sys == EWOULDBLOCK;
  return {0, none ? IoResult::would_block : IoResult::failed, none ? 0 : sys};
}

IoResult PlainTransport::write(OutQueue& queue) {
  if (queue.empty()) {
    return {};
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(queue.iov()); // sendmsg does not write there
  message.msg_iovlen = queue.iov_count();
  ssize_t n;
  do {
    n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    int sys = errno;
    watch_.writable = false;
    bool full = sys == EAGAIN || sys == EWOULDBLOCK;
    return {0, full ? IoResult::would_block : IoResult::failed, full ? 0 : sys};
  }
  auto bytes = static_cast<std::size_t>(n);
  queue.consume(bytes);
  if (!queue.empty()) {
    watch_.writable = false; // the kernel tells when there is room again
    return {bytes, IoResult::would_block, 0};
  }
  return {bytes, IoResult::ok, 0};
}

void PlainTransport::shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }

void PlainTransport::close() {
  watch_.close();
  fd_.close();
}

void PlainTransport::reset() {
  if (fd_) {
    set_reset_on_close(fd_.get());
  }
  close();
}

} // namespace weir::net
