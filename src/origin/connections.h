// SPDX-License-Identifier: Apache-2.0
//
// OriginConn: one HTTP/1.1 connection to an origin.  OriginConnections: the idle ones of a worker.
//
// An OriginConn is owned by the Fetch that uses it, or waits here; it moves between the two as a
// unique_ptr. While it waits, anything that arrives on it ends it: those bytes are nobody's answer
// (WIRE_RULES W6.7). Worker's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "base/address.h"
#include "base/list.h"
#include "event/deadline.h"
#include "event/loop.h"
#include "net/transport.h"

namespace weir::origin {

class OriginConnections;
struct IdleTag {};

class OriginConn final : public event::Task, public ListNode<IdleTag> {
public:
  OriginConn(OriginConnections& home, const Address& address) : home_(home), address_(address) {}

  /// False: the kernel refuses to watch it.
  bool open(event::Loop& loop, net::Fd fd, event::Task& user) {
    return transport_.open(loop, std::move(fd), user);
  }
  net::PlainTransport& transport() noexcept { return transport_; }
  const Address& address() const noexcept { return address_; }
  /// How many requests it has carried before.
  std::uint32_t uses() const noexcept { return uses_; }
  /// Woken while idle: something came, it closed, or its time is over.
  void run() override;

private:
  friend class OriginConnections;
  OriginConnections& home_;
  const Address address_;
  net::PlainTransport transport_;
  event::Deadline idle_;
  std::uint32_t uses_ = 0;
};

class OriginConnections {
public:
  explicit OriginConnections(event::Loop& loop, std::size_t most_idle = 1024)
      : loop_(loop), most_idle_(most_idle) {}
  ~OriginConnections();
  OriginConnections(const OriginConnections&) = delete;
  OriginConnections& operator=(const OriginConnections&) = delete;

  /// The one used last of those to this address, or null; `user` is woken from now on.
  std::unique_ptr<OriginConn> take(const Address& address, event::Task& user);
  /// Keeps it for another request, for `idle_time`.
  void give(std::unique_ptr<OriginConn> connection, Duration idle_time);
  /// An idle one that is no use any more.
  void drop(OriginConn& connection);
  std::size_t idle() const noexcept { return idle_; }

private:
  event::Loop& loop_;
  const std::size_t most_idle_;
  std::size_t idle_ = 0;
  std::map<Address, List<OriginConn, IdleTag>> by_address_;
};

} // namespace weir::origin
