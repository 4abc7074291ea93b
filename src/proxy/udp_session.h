// SPDX-License-Identifier: Apache-2.0
//
// UdpSession: the datagrams between one client and one server of a pool. Each passes whole, or is
// dropped and counted; none waits, but for the first small one while a server's name is looked up.
//
// Owner: the worker's list of sessions; its UdpDoor finds it by its ends, and gives it what the
// client sends. It retires itself: when nothing has moved for udp-idle-timeout, after
// tunnel-lifetime, when all its answers came (udp-answers), with its door. Worker's thread. It pins
// the generation it began with, and so goes on over a reload that keeps the listener.
//
// To the server it has a connected socket: its port is the session's name there, and ICMP tells it
// that nobody is there. The watch is level-triggered, and a run takes one batch: a server that
// floods does not starve others.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "event/deadline.h"
#include "event/watch.h"
#include "metrics/metrics.h"
#include "net/datagrams.h"
#include "net/resolver.h"
#include "net/socket.h"
#include "origin/pool.h"
#include "proxy/generation.h"
#include "proxy/session.h"
#include "rules/rule_set.h"

namespace weir::proxy {

struct Resources;
class UdpDoor;

/// What the rules said of it.
struct UdpAdmission {
  const rules::Route* route; // with a pool; of the newest generation
  rules::Verdict verdict;
};

class UdpSession final : public Session {
public:
  /// With a place of UdpPlaces, which it leaves.
  UdpSession(Resources& resources, UdpDoor& door, const net::UdpEnds& ends,
             const UdpAdmission& admission);
  ~UdpSession() override;

  /// A datagram of the client. Never ends the session.
  void take(std::string_view bytes);
  void run() override;
  void drain() override {} // as a tunnel: until it ends, or the grace does
  void drain_after_first() override {}
  void end() override { finish({Code::stopped, Side::self}); }

private:
  enum class State : std::uint8_t {
    choose,  // the next datagram chooses a server
    resolve, // its name is being looked up
    relay,   // the socket is connected
    closed,  // retired
  };
  static constexpr std::size_t kHeldMost = 2048; // each session may have so much while it resolves

  const origin::Pool& pool() const { return *generation_->pools[*admission_.route->pool]; }
  bool choose();
  bool take_slot();
  bool connect(const Address& address);
  bool connect_to_name();
  void resolved();
  bool send(std::string_view bytes);
  void take_answers();
  bool answer(std::string_view bytes);
  void note_refusal(const Error& error);
  void leave_server();
  void finish(const Error& error);
  void write_row(const Error& error);

  Resources& resources_;
  UdpDoor& door_;
  const net::UdpEnds ends_;
  const GenerationRef generation_;
  const UdpAdmission admission_;
  const MonoTime started_;
  State state_ = State::choose;
  bool answered_ = false;         // the server is there: it has answered since it last refused
  Error error_;                   // of the last try; none once a server has answered
  origin::Pool::Tried tried_ = 0; // until all were
  const origin::Pool::Server* server_ = nullptr; // of resolve and relay: with a slot of it
  std::string_view server_label_;                // of the last one, for the row
  Address address_;                              // the last one
  std::unique_ptr<net::Lookup> lookup_;          // of resolve
  std::optional<std::string> held_;              // of resolve: a datagram
  event::Deadline idle_;
  event::Deadline life_;
  std::uint64_t asked_ = 0;    // datagrams to servers
  std::uint64_t answers_ = 0;  // datagrams of servers
  std::uint64_t bytes_in_ = 0; // of the client
  std::uint64_t bytes_out_ = 0;
  std::uint64_t origin_in_ = 0; // of servers
  std::uint64_t origin_out_ = 0;
  Duration first_answer_{};
  net::Fd fd_;                               // of relay
  std::unique_ptr<event::LevelWatch> watch_; // after fd_: it goes first
};

} // namespace weir::proxy
