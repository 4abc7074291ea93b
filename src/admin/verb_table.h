// SPDX-License-Identifier: Apache-2.0
//
// The table of verbs: what the control socket and the admin listener carry out, who may, with what
// arguments. weirctl's arguments and --help, its completion and weirctl(8) come from it; so a verb
// that is not built is nowhere. Constant; any thread. Without JSON and without the daemon: weirctl
// includes it too.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::admin {

/// What somebody may do. Each level holds the ones before it.
enum class Access : std::uint8_t {
  none,    // /metrics only
  view,    // look
  operate, // reload, purge
  admin,   // stop
};
std::string_view name(Access access) noexcept;

/// How a command ended: weirctl's exit code, and "exit" in an answer.
enum class Exit : std::uint8_t {
  ok = 0,
  failed = 1,
  usage = 2,
  unreachable = 3, // no daemon
  refused = 4,     // not allowed
  timed_out = 5,
};
/// The status that an answer over HTTP has.
int http_status(Exit exit) noexcept;

enum class ArgumentKind : std::uint8_t {
  word,   // one word, in its place
  words,  // all words that are left, joined by a blank
  option, // --name VALUE
  list,   // --name VALUE, as often as wanted: an array
  flag,   // --name
};

struct Argument {
  std::string_view name; // the member of the JSON body; with `--`, `_` as `-`: the option
  ArgumentKind kind;
  std::string_view form; // "URL"; empty: a flag
  bool required;
  bool local; // weirctl's own: never sent
  std::string_view line;
};

struct Verb {
  std::string_view noun;
  std::string_view verb; // empty: the noun is all there is
  Access access;
  bool offline; // weirctl can do it without a daemon
  std::string_view line;
  std::string_view prose; // for weirctl(8)
  std::span<const Argument> arguments;

  /// "log sql".
  std::string words() const;
  /// "/v1/log/sql".
  std::string path() const;
};

std::span<const Verb> verbs() noexcept;
/// Null: there is none.
const Verb* find_verb(std::string_view noun, std::string_view verb) noexcept;
/// By path, "/v1/log/sql".
const Verb* find_path(std::string_view path) noexcept;
/// "--dry-run" of "dry_run".
std::string option_name(const Argument& argument);
/// Nouns, each once, in the order of the table.
std::vector<std::string_view> nouns();

} // namespace weir::admin
