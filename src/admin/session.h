// SPDX-License-Identifier: Apache-2.0
//
// AdminSession: one connection to the control socket or the admin listener: HTTP/1.1, one request
// at a time. Owner: AdminServer; main thread.
//
// It waits in reading, working, sending or tailing, each with its own deadline (working has none: a
// query or a reload takes what it takes, but the client may leave). A request is bounded in head,
// body and time; what does not parse is answered with its status, and the connection ends.
#pragma once

#include <memory>
#include <string>

#include "admin/daemon.h"
#include "admin/reply.h"
#include "base/arena.h"
#include "event/deadline.h"
#include "event/loop.h"
#include "http/h1_parser.h"
#include "log/subscription.h"
#include "net/transport.h"

namespace weir::admin {

class AdminServer;

class AdminSession final : public event::Task {
public:
  static constexpr std::size_t kMostHead = 16 * 1024;
  static constexpr std::size_t kMostBody = 1 << 20;
  static constexpr Duration kRequestTime = std::chrono::seconds(10); // head and body
  static constexpr Duration kIdleTime = std::chrono::seconds(60);
  static constexpr Duration kSendTime = std::chrono::seconds(30); // without any progress
  static constexpr Duration kLeaveTime = std::chrono::seconds(2);

  /// `over_http`: from the admin listener, where a token gives access; else `access` is what the
  /// peer's credentials give.
  AdminSession(AdminServer& server, bool over_http, Access access);
  ~AdminSession() override;

  /// False: the kernel refuses to watch it.
  bool open(net::Fd fd);
  bool over_http() const noexcept { return over_http_; }
  void run() override;

private:
  enum class State : std::uint8_t {
    reading, // a head and its body
    working, // a verb has been begun, its answer has not come
    sending, // an answer
    tailing, // chunks of live records, until the client leaves
    leaving, // our direction has ended; what the client still sends is dropped
    closed,
  };

  bool step();
  bool read_more();
  void drop_input();
  bool read_request();
  bool take_body(std::size_t head_size);
  void carry_out();
  void carry_out_verb(const Verb& verb);
  void begin_tail(const Json& arguments);
  bool tail_more();
  bool send_more();
  void sent();
  void send(int status, std::string_view type, std::string body, std::string_view extra = {});
  void send_answer(Answer answer);
  void refuse(int status, Exit exit, std::string_view why);
  bool is_late() const noexcept;
  bool unwanted() const noexcept;
  void close();

  AdminServer& server_;
  const bool over_http_;
  const Access peer_access_;
  State state_ = State::reading;
  net::PlainTransport transport_;
  event::Deadline idle_;    // reading, nothing of a request seen
  event::Deadline request_; // reading a request
  event::Deadline send_;    // sending, tailing, leaving
  event::Ticket ticket_;

  std::string in_;       // bytes not used yet
  std::size_t used_ = 0; // of these: the request in work
  bool told_continue_ = false;
  Arena arena_;
  http::H1Parser parser_;
  http::RequestHead head_;
  std::string body_;
  bool keep_alive_ = false;

  Ref<Reply> reply_;
  std::optional<StopMode> stop_; // once the answer has been sent
  std::string out_;              // being sent; queue_ views into it
  OutQueue queue_;
  std::unique_ptr<log::Subscription> tail_;
  std::uint64_t dropped_told_ = 0;
};

} // namespace weir::admin
