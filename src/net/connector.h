// SPDX-License-Identifier: Apache-2.0
//
// Connector: one TCP connection to one of several addresses, happy eyeballs (RFC 8305).
//
// It sees addresses that the caller has checked, never a rule. They may be added while it runs: A
// and AAAA come as two answers. Owner: a Fetch or a health check, on its loop's thread; destroying
// it gives everything up. The result is a set of facts, and the owner's task is woken once when
// they are there. It never calls the owner.
#pragma once

#include <cstddef>
#include <list>
#include <span>
#include <vector>

#include "base/result.h"
#include "event/deadline.h"
#include "event/watch.h"
#include "net/own_addresses.h"
#include "net/socket.h"

namespace weir::net {

struct ConnectOptions {
  // All three are lengths of deadline lists: from a few settings, never computed.
  Duration deadline = std::chrono::seconds(5);               // for everything
  Duration attempt_delay = std::chrono::milliseconds(250);   // RFC 8305 §5
  Duration resolution_delay = std::chrono::milliseconds(50); // RFC 8305 §3
  Prefer prefer = Prefer::ipv6;
  const OwnAddresses* own = nullptr; // never connected to; outlives the Connector
};

class Connector final : public event::Task {
public:
  /// More are not tried: a name may have hundreds.
  static constexpr std::size_t kMostPerFamily = 8;

  Connector(event::Loop& loop, event::Task& owner, const ConnectOptions& options);

  /// With ports. Attempts begin in the next run, not here.
  void add(std::span<const Address> checked);
  /// Every answer is in: when the addresses are used up, it has failed.
  void no_more();

  bool done() const noexcept { return state_ == State::connected || state_ == State::failed; }
  bool connected() const noexcept { return state_ == State::connected; }
  /// Once, if connected(): TCP_NODELAY set, nothing registered.
  Fd take_fd() noexcept { return std::move(fd_); }
  /// Where it connected to.
  const Address& address() const noexcept { return address_; }
  /// If it failed: refused, timeout, unreachable, loop (only own addresses), overloaded.
  const Error& error() const noexcept { return error_; }
  /// Attempts begun so far.
  std::size_t attempts() const noexcept { return begun_; }

  void run() override;

private:
  enum class State : std::uint8_t {
    waiting,   // no address yet, or only ones of the other family within resolution_delay
    racing,    // at least one attempt has begun
    connected, // fd_ and address_ are there
    failed     // error_ is there
  };
  struct Attempt {
    Fd fd;
    Address to;
    event::Watch watch;
  };

  bool take_next(Address& next);
  bool may_begin();
  void begin(const Address& to);
  void look_at_attempts();
  void note_failure(Code code, int sys) noexcept;
  void succeed(Fd fd, const Address& to);
  void finish(State state);

  event::Loop& loop_;
  event::Task& owner_;
  const ConnectOptions options_;
  State state_ = State::waiting;
  bool all_known_ = false;
  bool last_was_first_family_ = false;
  std::size_t first_taken_ = 0; // by add()
  std::size_t other_taken_ = 0;
  std::size_t begun_ = 0;
  std::vector<Address> first_family_; // to try, in order; the preferred family
  std::vector<Address> other_family_;
  std::list<Attempt> attempts_;
  event::Deadline overall_;
  event::Deadline next_attempt_;
  event::Deadline resolution_;
  Fd fd_;
  Address address_;
  Error error_;
};

} // namespace weir::net
