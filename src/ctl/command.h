// SPDX-License-Identifier: Apache-2.0
//
// Command: what the user wrote, by the table of verbs. A value.
#pragma once

#include <chrono>
#include <string>

#include "admin/answer.h"
#include "admin/verb_table.h"

namespace weir::ctl {

using admin::Exit;
using admin::Json;

struct Command {
  const admin::Verb* verb = nullptr;
  Json arguments = Json::object(); // for the daemon
  Json local = Json::object();     // Argument::local: for weirctl itself
  std::string socket;              // -s; empty: it is looked for
  bool json = false;
  std::chrono::milliseconds timeout{0}; // 0: that of the verb
};

/// What a run of weirctl prints, and ends with.
struct Outcome {
  Exit exit = Exit::ok;
  std::string out;
  std::string err; // with its newline
};

} // namespace weir::ctl
