// SPDX-License-Identifier: Apache-2.0
//
// bind_listener: a bound and listening socket, of TCP or UDP.  Listener: accepts from one of TCP.
//
// Sockets are bound by the main thread (DESIGN §7: each address first once by probe_in_use(), then
// N times with reuse_port), a Listener is owned by its worker and lives on that loop. Out of
// descriptors it rests and tries again (WIRE_RULES W9.6): it neither spins nor ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "event/deadline.h"
#include "event/watch.h"
#include "net/socket.h"

namespace weir::net {

struct ListenOptions {
  IpProtocol protocol = IpProtocol::tcp;
  bool reuse_port = false;
  int backlog = 4096; // the kernel caps it at net.core.somaxconn; of TCP
};

struct ListenSocket {
  Fd fd;
  Address address; // as bound: with the port the kernel gave for port 0
};

/// Code::exists: somebody listens there already. IPv6 addresses never take IPv4 connections. One of
/// UDP on a wildcard address says of each datagram which address it was sent to.
Result<ListenSocket> bind_listener(const Address& address, ListenOptions options = {});
/// Code::exists if anybody, this process included, listens on `address`: binds once without
/// SO_REUSEPORT and closes. Sockets with SO_REUSEPORT would share the port without a word.
Result<void> probe_in_use(const Address& address, IpProtocol protocol = IpProtocol::tcp);
/// "cannot listen on 127.0.0.1:80: Address already in use".
std::string listen_error(const Address& address, const Error& error);

/// Who takes new connections; the owner of the Listener.
class Acceptor {
public:
  virtual ~Acceptor() = default;
  /// Before each accept. False: there is no place for one more; the Listener pauses.
  virtual bool reserve() { return true; }
  /// Nothing came that would take the place.
  virtual void unreserve() {}
  /// The socket is non-blocking and close-on-exec. Must not destroy the Listener.
  virtual void accepted(Fd fd, const Address& remote, const Address& local) = 0;
};

class Listener final : public event::Task {
public:
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr int kDrainMost = 4096; // at stop: one backlog, however fast new ones come
  static constexpr Duration kRest = std::chrono::milliseconds(100);

  Listener(event::Loop& loop, ListenSocket socket, Acceptor& acceptor);

  /// Accepts what the kernel has queued, then closes. Calls the acceptor before it returns.
  void stop();
  /// A limit of the owner's: connections wait in the kernel's queue meanwhile.
  void pause() noexcept;
  void resume() noexcept;

  bool open() const noexcept { return static_cast<bool>(socket_.fd); }
  const Address& address() const noexcept { return socket_.address; }
  /// How often it rested because descriptors or memory were used up.
  std::uint64_t rests() const noexcept { return rests_; }

  void run() override;

private:
  enum class Took : std::uint8_t { one, none, empty, exhausted, no_place };
  Took take_one();
  void watch_again() noexcept;

  event::Loop& loop_;
  Acceptor& acceptor_;
  ListenSocket socket_;
  bool wildcard_; // the local address has to be asked for
  bool paused_ = false;
  bool said_ = false; // the error log knows of this spell without descriptors
  std::uint64_t rests_ = 0;
  event::Deadline rest_;
  std::unique_ptr<event::LevelWatch> watch_; // after socket_: it goes first
};

} // namespace weir::net
