// SPDX-License-Identifier: Apache-2.0
//
// Client: asks the daemon over its control socket: HTTP/1.1, blocking, one request a connection.
// Owner: the run of one command.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "ctl/command.h"
#include "net/socket.h"

namespace weir::ctl {

/// Where the daemon listens: as told, else $WEIR_SOCKET, else what the default configuration says,
/// else ./var/admin.sock.
std::string find_socket(const std::string& told);
/// The configuration that a daemon reads when nothing else was said.
constexpr const char* kDefaultFile = "/etc/weir/weir.conf";

/// An answer in full, or what went wrong (unreachable, refused, timed_out, failed).
struct Answered {
  Exit exit = Exit::ok;
  std::string why; // empty: there is an answer
  Json body = Json::object();
};

using Time = std::chrono::steady_clock::time_point;

/// Takes the lines of an answer as they come. False: enough.
using LineTaker = std::function<bool(std::string_view line)>;

class Client {
public:
  Client(std::string path, Time deadline) : path_(std::move(path)), deadline_(deadline) {}

  Answered ask(const admin::Verb& verb, const Json& arguments);
  /// The same, for an answer that goes on: a line at a time, without a deadline once it has begun.
  /// Returns when the daemon ends it, or `take` has enough; a refusal is in the Answered.
  Answered follow(const admin::Verb& verb, const Json& arguments, const LineTaker& take);
  /// Whether anybody listens there.
  static bool is_reachable(const std::string& path);

private:
  enum class Got : std::uint8_t { bytes, end, late, failed };

  Answered connect();
  Answered send(const admin::Verb& verb, const Json& arguments);
  Answered read_head();
  Answered read_whole();
  Got read_some();
  bool wait(short events);
  Answered trouble(Exit exit, std::string_view what) const;
  Answered trouble(Got got) const;

  const std::string path_;
  const Time deadline_;
  bool endless_ = false;
  net::Fd fd_;
  std::string in_;
  std::size_t head_size_ = 0;
  int status_ = 0;
  bool chunked_ = false;
};

} // namespace weir::ctl
