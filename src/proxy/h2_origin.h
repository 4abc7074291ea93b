// SPDX-License-Identifier: Apache-2.0
//
// H2Origin: one connection to an origin that speaks HTTP/2, with many H2Fetches on it: reads and
// feeds, pulls frames and writes; floods, idle time and the slot of its server are its business.
//
// Owner: H2Origins; it leaves them by itself when its connection is over, and is destroyed at the
// end of that turn. A Fetch on it may vanish at any time (leave), and is told when the connection
// does (on_lost). Each is called by the other only to note something; a turn of its own acts on
// it. Idle it holds no chunk. Worker's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "event/deadline.h"
#include "http/h2_origin_codec.h"
#include "origin/connections.h"
#include "proxy/h2_floods.h"
#include "proxy/h2_origins.h"

namespace weir::proxy {

class H2Fetch;
struct AskTag {};

class H2Origin final : public event::Task, private http::H2OriginGuard {
public:
  H2Origin(H2Origins& home, event::Loop& loop, std::string key, H2Opened opened);
  ~H2Origin() override;

  void run() override;

  const Address& address() const noexcept { return address_; }
  /// The origin has said how many requests it takes.
  bool is_settled() const noexcept { return settled_; }
  bool has_room() const { return settled_ && takes_more() && codec_.has_room(); }

  // For its fetches.
  /// Begins a request; `protocol`: of an extended CONNECT, else empty; `idle_time`: how long the
  /// connection is kept after the last one. The stream's number; 0: there is no room.
  std::int32_t ask(H2Fetch& fetch, std::string_view head, bool has_body, std::string_view protocol,
                   Duration idle_time);
  /// Of who has opened it, before is_settled(): on_settled() tells, or on_lost().
  void await_settings(H2Fetch& fetch, Duration idle_time);
  http::H2OriginCodec& codec() noexcept { return codec_; }
  const Ref<Chunk>& input() const noexcept { return input_; }
  /// There may be frames to send.
  void mark();
  /// A fetch waited this long in vain: if nothing else has come for the later half of it, none is
  /// begun here any more.
  void doubt(Duration waited) noexcept;

private:
  enum class End : std::uint8_t {
    no,
    broken, // what came was no HTTP/2, or too much: GOAWAY is to be sent, then it closes
    unused, // idle for long enough, or no longer wanted: the same
    closed, // it is over
  };

  void on_settings() override;
  bool tolerates(http::H2Flood kind) override { return floods_.tolerates(kind); }
  void on_go_away(std::uint32_t error) override;

  bool takes_more() const noexcept { return end_ == End::no && !doubted_; }
  bool look();
  bool read();
  bool write();
  void rest();
  void go_idle();
  void go_busy();
  void lose_fetches(const Error& why);
  void close(const Error& why);
  net::Transport& transport() noexcept { return connection_->transport(); }

  H2Origins& home_;
  event::Loop& loop_;
  const std::string key_;
  const std::string label_;
  const Address address_;
  const std::string_view scheme_;
  std::unique_ptr<origin::OriginConn> connection_; // null once it is closed
  origin::ServerState* slot_;
  const bool limited_;
  event::Ticket parked_; // idle, where slots are limited: by it others ask for the slot
  http::H2OriginCodec codec_;
  H2Floods floods_;
  OutQueue out_;
  Ref<Chunk> input_;
  std::uint32_t input_end_ = 0;
  List<H2Fetch, AskTag> fetches_; // with a stream, or with octets of one not taken yet
  event::Deadline deadline_;      // for SETTINGS, then of idle time
  Duration idle_time_{};
  MonoTime heard_{}; // when a byte came last
  Error fault_;      // of what came, if there is one
  End end_ = End::no;
  bool settled_ = false;
  bool idle_ = false;
  bool doubted_ = false;
  bool running_ = false;
};

} // namespace weir::proxy
