// SPDX-License-Identifier: Apache-2.0
//
// What `cache warm` is asked, and which URLs it comes to: of the access log or of a list, those
// that a request would not find fresh (admin/lookup). Reads log and disk: for background threads,
// which tick their Clock first.
#pragma once

#include <string>
#include <vector>

#include "admin/answer.h"
#include "admin/stored_list.h"
#include "proxy/generation.h"
#include "proxy/warmer.h"

namespace weir::admin {

struct WarmAsk {
  bool from_log = false;
  std::string since = "1d";      // log: of what time
  std::string where;             // log: in the filter language
  std::vector<std::string> urls; // else
  std::size_t limit = 1000;
  double rate = 10;      // a second
  std::int64_t busy = 8; // waits while more requests of clients are in work
  std::vector<std::string> headers;
  std::string client;
  std::string forward; // only by this one
  std::string site;
  bool dry_run = false;
};
/// What is wrong with the arguments, in `wrong`; empty: nothing.
WarmAsk warm_ask(const Json& arguments, std::string& wrong);

struct WarmPlan {
  Exit exit = Exit::ok;
  std::string error;
  std::vector<proxy::WarmUrl> urls; // that are not stored fresh
  std::uint64_t found = 0;          // asked for, or in the log
  std::uint64_t fresh = 0;          // stored
  std::uint64_t skipped = 0;        // that no cache may answer
  std::vector<std::string> reasons; // why, the first ones
};
WarmPlan plan_warm(const proxy::Generation& generation, const std::string& log_directory,
                   const WarmAsk& ask, const Ending& ending);

} // namespace weir::admin
