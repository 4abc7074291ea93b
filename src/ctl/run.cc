// SPDX-License-Identifier: Apache-2.0
#include "ctl/run.h"

#include <unistd.h>

#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "config.h"
#include "ctl/client.h"
#include "ctl/offline.h"
#include "ctl/print.h"
#include "ctl/warm.h"

namespace weir::ctl {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience = std::chrono::seconds(70);
constexpr milliseconds kReloadPatience = std::chrono::minutes(5); // lists of millions of lines
constexpr milliseconds kVerifyPatience = std::chrono::hours(24);  // all of a disk is read
constexpr milliseconds kLook = milliseconds(50);

Time deadline_of(const Command& command) {
  std::string_view verb = command.verb->verb;
  milliseconds patience = command.verb->noun == "reload"       ? kReloadPatience
                          : verb == "verify" || verb == "warm" ? kVerifyPatience
                                                               : kPatience;
  return std::chrono::steady_clock::now() +
         (command.timeout.count() > 0 ? command.timeout : patience);
}

Outcome outcome_of(const Command& command, const Style& style, Exit exit, const Json& body) {
  Outcome outcome;
  outcome.exit = exit;
  if (command.json) {
    outcome.out = admin::dump(body) + "\n";
    return outcome;
  }
  outcome.out = print_body(*command.verb, body, style);
  // `config test` has told all of it.
  bool told = command.verb->words() == "config test" && !outcome.out.empty();
  if (std::string error = text_at(body, "error"); !error.empty() && !told) {
    outcome.err = fmt::format("weirctl: {}\n", clean(error, true));
  }
  if (flag_at(body, "cut")) {
    outcome.err += "weirctl: cut: the answer is larger than the daemon gives; use LIMIT, or "
                   "--directory to read the log without it\n";
  }
  return outcome;
}

Outcome unanswered(const Answered& answered) {
  return {answered.exit, {}, fmt::format("weirctl: {}\n", clean(answered.why))};
}

/// Of a process that is not there any more, or only waits to be collected.
bool has_ended(long pid) {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string text;
  if (!std::getline(stat, text)) {
    return true;
  }
  std::size_t name_end = text.rfind(')');
  return name_end != std::string::npos && text.compare(name_end, 3, ") Z") == 0;
}

Outcome follow(const Command& command, Client& client, const Style& style, std::FILE* live) {
  auto take = [&](std::string_view line) {
    std::string text(line);
    if (!command.json) {
      auto record = admin::parse_json(line);
      text = record ? print_record(*record, style) : clean(line);
    }
    text += '\n';
    std::fputs(text.c_str(), live);
    return std::fflush(live) == 0;
  };
  Answered answered = client.follow(*command.verb, command.arguments, take);
  if (!answered.why.empty()) {
    return unanswered(answered);
  }
  return outcome_of(command, style, answered.exit,
                    answered.exit == Exit::ok ? Json::object() : answered.body);
}

/// stop --wait: until the process has gone.
void wait_for_end(const Command& command, Time deadline, Outcome& outcome, const Json& body) {
  auto pid = static_cast<long>(number_at(body, "pid"));
  while (!has_ended(pid)) {
    if (std::chrono::steady_clock::now() > deadline) {
      outcome.exit = Exit::timed_out;
      outcome.err += fmt::format("weirctl: process {} has not ended yet\n", pid);
      return;
    }
    std::this_thread::sleep_for(kLook);
  }
  outcome.out += command.json ? "" : "it has ended\n";
}

/// A `config` verb without FILE and without a daemon is about the default file.
void choose_file(Command& command, const std::string& socket) {
  bool no_file = command.verb->noun == "config" && admin::text_of(command.local, "file").empty();
  if (no_file && command.socket.empty() && !Client::is_reachable(socket) &&
      ::access(kDefaultFile, F_OK) == 0) {
    command.local["file"] = kDefaultFile;
  }
}

} // namespace

Outcome run(Command command, const Style& style, std::FILE* live) {
  Time deadline = deadline_of(command);
  std::string socket;
  if (!command.local.contains("file") && !command.local.contains("config") &&
      !command.local.contains("directory")) {
    socket = find_socket(command.socket);
    choose_file(command, socket);
  }
  if (auto answer = answer_offline(command)) {
    return outcome_of(command, style, answer->exit, answer->body);
  }
  bool warms = command.verb->verb == "warm";
  if (warms) {
    if (auto wrong = read_urls(command)) {
      return *wrong;
    }
  }
  Client client(socket, deadline);
  if (command.verb->noun == "tail") {
    Outcome outcome = follow(command, client, style, live);
    outcome.out = outcome.exit != Exit::ok && command.json ? outcome.out : std::string();
    return outcome;
  }
  Answered answered = client.ask(*command.verb, command.arguments);
  if (warms && answered.exit == Exit::ok && admin::flag_of(command.local, "wait") &&
      !flag_at(answered.body, "dry_run")) {
    answered = wait_for_warm(command, socket, deadline, live);
    return answered.why.empty() ? outcome_of(command, style, answered.exit, answered.body)
                                : unanswered(answered);
  }
  std::string own =
      command.verb->noun == "version" && !command.json ? "weirctl " PACKAGE_VERSION "\n" : "";
  Outcome outcome = answered.why.empty() ? outcome_of(command, style, answered.exit, answered.body)
                                         : unanswered(answered);
  outcome.out.insert(0, own);
  if (outcome.exit == Exit::ok && admin::flag_of(command.local, "wait") &&
      !flag_at(answered.body, "dry_run")) {
    wait_for_end(command, deadline, outcome, answered.body);
  }
  return outcome;
}

} // namespace weir::ctl
