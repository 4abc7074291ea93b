// SPDX-License-Identifier: Apache-2.0
//
// H2Origins: the connections of a worker to origins that speak HTTP/2, by server; who opens one,
// and who waits for that or for room on one that is there.
//
// A server is a key: pool, server, and as whom it is spoken to. One request at a time opens a
// connection to it, the others wait until the origin has said how many it takes. Owner: Resources.
// Worker's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/list.h"
#include "event/loop.h"
#include "origin/connections.h"

namespace weir::proxy {

class H2Origin;
struct H2WaitTag {};

/// A request that waits. Owner: its Dial. Once woken it waits no longer, and asks again.
struct H2Waiter : ListNode<H2WaitTag> {
  explicit H2Waiter(event::Task& woken) : task(woken) {}
  event::Task& task;
  Error error; // of the connection that was being opened; none: ask again
};

/// What a new connection is made of.
struct H2Opened {
  std::unique_ptr<origin::OriginConn> connection;
  origin::ServerState* slot = nullptr; // of this server: the connection's from now on
  bool limited = false;                // slots are: an idle connection is given up for who waits
  std::string label;                   // of the server, for the log
  Duration settle_time{};              // for its SETTINGS
};

class H2Origins {
public:
  explicit H2Origins(event::Loop& loop);
  ~H2Origins();
  H2Origins(const H2Origins&) = delete;
  H2Origins& operator=(const H2Origins&) = delete;

  /// A connection to one of these addresses that has room for a request; null: none.
  H2Origin* with_room(const std::string& key, std::span<const Address> to);
  /// Somebody opens one, or what it takes is not known yet.
  bool is_opening(const std::string& key) const;
  /// Wakes it at the next change.
  void wait(const std::string& key, H2Waiter& waiter);
  void begin_opening(const std::string& key);
  /// It has failed, or (no error) was given up.
  void end_opening(const std::string& key, const Error& error);
  /// The connection that was opened, for the request that did.
  H2Origin& add(const std::string& key, H2Opened opened);

  // Of its connections, and of who was woken and goes without having asked.
  void note_room(const std::string& key, std::size_t room);
  /// What it takes is known.
  void note_settled(const std::string& key);
  void note_end(const std::string& key, H2Origin& connection, const Error& why);

private:
  struct Server {
    bool opening = false;
    std::vector<std::unique_ptr<H2Origin>> connections;
    List<H2Waiter, H2WaitTag> waiting;
  };
  void wake(Server& server, std::size_t most, const Error& error);
  void forget_if_unused(const std::string& key);

  event::Loop& loop_;
  std::map<std::string, Server> servers_; // those with a connection, one coming, or one awaited
};

} // namespace weir::proxy
