// SPDX-License-Identifier: Apache-2.0
//
// Transport: a byte stream to another host, without or with TLS.  PlainTransport: the one without.
//
// Owner: a session, a Fetch or an OriginConn; thread: its loop's. Nothing arrives by callback: an
// edge sets facts and wakes the task, the task reads and writes until the facts say stop (DESIGN
// §4, "The edge is told once"). No call allocates and none raises SIGPIPE.
//
// Who waits for more of an unfinished message reads until drained(); who has a whole message may
// stop at !readable(), which saves the second recv. The difference is a reset that comes in the
// same edge as the last bytes: libevent does not tell it apart from readable, so only the recv
// after a short one sees it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "base/chunk.h"
#include "event/watch.h"
#include "net/socket.h"

namespace weir::net {

struct TlsFacts;
class PlainTransport;

struct IoResult {
  enum State : std::uint8_t {
    ok,          // read: bytes came. write: the queue is empty
    would_block, // read: nothing there. write: the socket took `bytes` (perhaps 0) and is full
    end,         // read: the other side has ended its direction
    failed       // the connection is of no use; `sys` says why
  };
  std::size_t bytes = 0;
  State state = ok;
  int sys = 0; // errno if failed
};

class Transport {
public:
  virtual ~Transport() = default;

  /// At most `size` (> 0) bytes. Also answers when readable() is false.
  virtual IoResult read(char* to, std::size_t size) = 0;
  /// Writes as much of the queue as the socket takes, and consumes it from there.
  virtual IoResult write(OutQueue& queue) = 0;
  /// Ends our direction; the other one goes on.
  virtual void shutdown_write() = 0;
  virtual void close() = 0;
  /// Closes so that the other side sees a reset: what it got is not complete.
  virtual void reset() = 0;

  /// Facts, as far as known without a system call.
  virtual bool readable() const = 0;
  virtual bool writable() const = 0;
  /// Nothing is left of what the last edge told: only now is it safe to wait for more bytes.
  virtual bool drained() const = 0;
  /// The other side has ended its direction; bytes may still be there to read.
  virtual bool end_seen() const = 0;

  /// Another task is woken from now on. It must look at once: old facts stay set, no edge comes.
  virtual void set_task(event::Task& task) = 0;
  /// For socket options and addresses; -1 when closed.
  virtual int fd() const = 0;
  /// Itself, where bytes are on the wire as they are here; null: TLS.
  virtual PlainTransport* plain() { return nullptr; }
  /// What TLS has agreed on; null without TLS. Lives as long as the transport.
  virtual const TlsFacts* tls() const { return nullptr; }
};

class PlainTransport final : public Transport {
public:
  PlainTransport() = default;

  /// Takes a connected, non-blocking socket. False if the kernel refuses the registration: the
  /// socket is closed then.
  bool open(event::Loop& loop, Fd fd, event::Task& task);
  /// Gives the socket away with its connection alive (TLS through a parent's tunnel).
  Fd release() noexcept;

  IoResult read(char* to, std::size_t size) override;
  /// The same into a pipe that is empty, without a copy. What it says of readable() holds until
  /// the next call answers would_block.
  IoResult read(const Pipe& pipe, std::size_t size);
  /// The process ignores SIGPIPE: bytes out of a pipe may raise it.
  IoResult write(OutQueue& queue) override;
  PlainTransport* plain() override { return this; }
  void shutdown_write() override;
  void close() override;
  void reset() override;
  bool readable() const override { return watch_.readable; }
  bool writable() const override { return watch_.writable; }
  bool drained() const override { return !watch_.readable && !short_; }
  bool end_seen() const override { return watch_.closed; }
  void set_task(event::Task& task) override { watch_.set_task(task); }
  int fd() const override { return fd_.get(); }

private:
  IoResult nothing_read(ssize_t n);

  Fd fd_;              // before watch_: the registration goes first
  bool short_ = false; // the last read was short and nothing has confirmed that that was all
  event::Watch watch_;
};
static_assert(sizeof(PlainTransport) <= 56);

} // namespace weir::net
