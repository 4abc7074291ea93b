// SPDX-License-Identifier: Apache-2.0
#include "ctl/help.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::ctl {
namespace {

using admin::Argument;
using admin::ArgumentKind;
using admin::Verb;

constexpr std::size_t kWidth = 100;
constexpr std::string_view kGlobal = R"(
options for all:
  -s, --socket PATH   the control socket; else $WEIR_SOCKET, else that of /etc/weir/weir.conf,
                      else ./var/admin.sock
  --json              what the daemon answered, as it is
  --timeout SECONDS   how long to wait for an answer
  -h, --help          of weirctl or of a command
  -V, --version
)";
constexpr std::string_view kExits = R"(
ends with: 0 ok   1 failed   2 usage   3 daemon not reachable   4 refused   5 timed out
)";

std::string form_of(const Argument& argument) {
  switch (argument.kind) {
  case ArgumentKind::word:
  case ArgumentKind::words:
    return std::string(argument.form);
  case ArgumentKind::option:
    return fmt::format("{} {}", admin::option_name(argument), argument.form);
  case ArgumentKind::list:
    return fmt::format("{} {} ...", admin::option_name(argument), argument.form);
  case ArgumentKind::flag:
    return admin::option_name(argument);
  }
  return {};
}

std::string wrap(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    std::size_t end = std::min(text.find(' '), text.size());
    if (column != 0 && column + 1 + end > width) {
      out += '\n';
      column = 0;
    } else if (column != 0) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

} // namespace

std::string usage_of(const Verb& verb) {
  std::string text = verb.words();
  for (const Argument& each : verb.arguments) {
    bool in_place = each.kind == ArgumentKind::word || each.kind == ArgumentKind::words;
    if (in_place) {
      text += each.required ? fmt::format(" {}", each.form) : fmt::format(" [{}]", each.form);
    }
  }
  return text;
}

std::string help_of_all() {
  std::string text =
      "weirctl [options] COMMAND: looks into a running weir, and tells it what to do\n\n";
  std::size_t widest = 0;
  for (const Verb& each : admin::verbs()) {
    widest = std::max(widest, usage_of(each).size());
  }
  for (const Verb& each : admin::verbs()) {
    text += fmt::format("  {:<{}}  {}\n", usage_of(each), widest, each.line);
  }
  text += kGlobal;
  text += kExits;
  return text;
}

std::string help_of_noun(std::string_view noun) {
  std::string text;
  for (const Verb& each : admin::verbs()) {
    if (each.noun == noun) {
      text += fmt::format("  {:<28}  {}\n", usage_of(each), each.line);
    }
  }
  return text;
}

std::string help_of(const Verb& verb) {
  std::string text = fmt::format("weirctl {}: {}\n", usage_of(verb), verb.line);
  if (!verb.prose.empty()) {
    text += fmt::format("\n{}\n", wrap(verb.prose, kWidth));
  }
  std::size_t widest = 0;
  for (const Argument& each : verb.arguments) {
    widest = std::max(widest, form_of(each).size());
  }
  for (const Argument& each : verb.arguments) {
    text += fmt::format("{}  {:<{}}  {}\n", &each == verb.arguments.data() ? "\n" : "",
                        form_of(each), widest, each.line);
  }
  if (verb.access != admin::Access::view) {
    text += fmt::format("\nNeeds the level {}.\n", name(verb.access));
  }
  text += kGlobal;
  text += kExits;
  return text;
}

} // namespace weir::ctl
