// SPDX-License-Identifier: Apache-2.0
#include "net/transport.h"

#include <fcntl.h>
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
    watch_.readable = !all;
    short_ = all;
    return {bytes, IoResult::ok, 0};
  }
  return nothing_read(n);
}

IoResult PlainTransport::read(const Pipe& pipe, std::size_t size) {
  ssize_t n;
  do {
    n = ::splice(fd_.get(), nullptr, pipe.to_write(), nullptr, size,
                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    return {static_cast<std::size_t>(n), IoResult::ok, 0}; // less may also be all the pipe takes
  }
  return nothing_read(n);
}

/// After a call that answered `n`, 0 or less.
IoResult PlainTransport::nothing_read(ssize_t n) {
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

namespace {

/// As much of the queue's front as one call takes: -1 and errno as send().
ssize_t send_front(int fd, const OutQueue& queue) {
  if (const Pipe* pipe = queue.first_pipe()) {
    return ::splice(pipe->to_read(), nullptr, fd, nullptr, queue.first_size(),
                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(queue.iov()); // sendmsg does not write there
  message.msg_iovlen = queue.iov_count();
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

} // namespace

IoResult PlainTransport::write(OutQueue& queue) {
  std::size_t all = 0;
  while (!queue.empty()) {
    bool piped = queue.first_pipe() != nullptr;
    ssize_t n;
    do {
      n = send_front(fd_.get(), queue);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
      int sys = n < 0 ? errno : EPIPE; // bytes in a pipe that are not there any more
      watch_.writable = false;
      bool full = sys == EAGAIN || sys == EWOULDBLOCK;
      return {all, full ? IoResult::would_block : IoResult::failed, full ? 0 : sys};
    }
    auto bytes = static_cast<std::size_t>(n);
    queue.consume(bytes);
    all += bytes;
    // A short send() says that there is no room; a splice() may be short for other reasons.
    if (!piped && !queue.empty() && queue.first_pipe() == nullptr) {
      watch_.writable = false; // the kernel tells when there is room again
      return {all, IoResult::would_block, 0};
    }
  }
  return {all, IoResult::ok, 0};
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
