// SPDX-License-Identifier: Apache-2.0
//
// explain: why a request is answered as it is, from a Config and its RouteTable alone. The request
// is written out, parsed and judged by what live requests go through; nothing is sent, no name is
// resolved. weirctl does it without a daemon; the daemon adds what its cache and pools know.
// Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "admin/answer.h"
#include "base/clock.h"
#include "config/config.h"
#include "http/message.h"
#include "rules/route.h"
#include "rules/user_table.h"

namespace weir::admin {

struct ExplainAsk {
  std::string url;
  std::string client;
  std::string user;                     // who has logged in
  std::vector<std::string> certificate; // of the client: subject, names
  std::string at;
  std::string method;
  std::vector<std::string> headers; // "Name: value"
  std::vector<std::string> addresses;
  std::string forward; // only this one; empty: any
  std::string site;
  bool own = false; // weir asks for itself: it does not log in
};
ExplainAsk explain_ask(const Json& arguments);

/// A request that may go on, on one way.
struct Admitted {
  const rules::Route& route;
  const rules::Verdict& verdict;
  const rules::Facts& facts;
  const http::RequestHead& request;
};
/// Adds to one way what only the daemon knows; may be empty.
using Details = std::function<void(const Admitted& admitted, Json& way)>;

/// `users`: by number in Config::users.
Answer explain_answer(const ExplainAsk& ask, const config::Config& config,
                      const rules::RouteTable& routes, std::span<const rules::UserTable> users,
                      WallTime now, const Details& details);

/// The parts of an absolute URL; a bare "host/path" counts as http. Views into `arena`.
Result<http::Target> parse_url(std::string_view url, Arena& arena);

} // namespace weir::admin
