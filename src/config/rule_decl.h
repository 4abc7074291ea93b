// SPDX-License-Identifier: Apache-2.0
//
// What a line of `rules` declares: its action, its conditions, and the patterns they are made of.
// Values, part of Config; rules/rule_set compiles them. Regular expressions are checked to compile
// in RE2 (default options, Latin-1 off), and kept as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "config/source.h"

namespace weir::config {

/// A use of a declared name. `index` points into the vector of Config that declares it.
struct NameRef {
  std::string name; // empty: none
  std::uint32_t index = 0;
  Position at;
  explicit operator bool() const noexcept { return !name.empty(); }
};

/// `exact` example.com, `subdomains` *.example.com, `both` .example.com, `any` *, `regex` ~ expr.
/// `text` is in lower case, without the mark and without a last dot; an address without brackets.
struct HostPattern {
  enum class Kind : std::uint8_t { exact, subdomains, both, any, regex };
  Kind kind = Kind::exact;
  std::string text;
  Position at;
};

/// `prefix` on segment borders (/a matches /a and /a/b; /a/ matches what begins with /a/), `glob`
/// (* any run of characters, / included; ? one), matching the whole path, `regex` ~ expr (search).
struct PathPattern {
  enum class Kind : std::uint8_t { prefix, glob, regex };
  Kind kind = Kind::prefix;
  std::string text;
  Position at;
};

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  bool contains(std::uint16_t port) const noexcept { return first <= port && port <= last; }
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

enum class ConditionKind : std::uint8_t {
  client,      // prefixes
  user,        // texts
  group,       // texts
  client_cert, // texts or regexes; none: there is one
  host,        // hosts
  sni,         // hosts
  port,        // ports: of the request target
  path,        // paths
  method,      // texts, case kept
  scheme,      // texts: "http", "https"
  header,      // field, texts or regexes; none: the field is there
  list,        // names: Config::lists
  when,        // names: Config::whens
  all,         // nothing: always true
};

/// Values of one condition are alternatives. Only the vectors that the kind names are filled.
struct Condition {
  ConditionKind kind = ConditionKind::all;
  std::string field; // header: its name in lower case
  std::vector<Prefix> prefixes;
  std::vector<HostPattern> hosts;
  std::vector<PortRange> ports;
  std::vector<PathPattern> paths;
  std::vector<std::string> texts; // header: the whole value, letter case ignored
  std::vector<std::string> regexes;
  std::vector<NameRef> names;
  Position at;
};

enum class ActionKind : std::uint8_t {
  allow,
  deny,
  report,
  redirect,
  respond,
  cache_no,       // neither answered from the cache nor stored
  cache_bypass,   // asked of the origin, and stored
  cache_no_store, // answered from the cache; a miss is not stored
  limit,          // counted, and refused when there were too many
};
/// Whether the search for a rule ends where one of these matches.
constexpr bool ends_search(ActionKind action) noexcept {
  return action == ActionKind::allow || action == ActionKind::deny ||
         action == ActionKind::redirect || action == ActionKind::respond;
}

/// A generated answer: `respond`, and pages.
struct RespondDecl {
  std::uint16_t status = 200;
  std::string body;
  std::string file;         // where the body was read from; empty: it stood in the line
  std::string content_type; // "text/plain; charset=utf-8", or by the file's name
};

/// One line of `rules`. It matches when all of `conditions` hold and, if there are any, not all of
/// `unless` (CONFIG.md rule 14). No conditions at all: always.
struct RuleDecl {
  ActionKind action = ActionKind::allow;
  NameRef page;             // deny: Config::pages
  NameRef limit;            // limit: Config::limits
  std::uint16_t status = 0; // deny (403 unless written), redirect
  std::string url;          // redirect
  RespondDecl respond;      // respond
  std::vector<Condition> conditions;
  std::vector<Condition> unless;
  bool broken = false; // had an error; never in a Config that is given out
  std::string text;    // the rule as written, one space between words: for the trace and the log
  Position at;
};

/// The time a quota is for.
enum class QuotaTime : std::uint8_t { hour, day, month };
/// As it is written: "h", "day", "month".
std::string_view name(QuotaTime time) noexcept;

/// Requests, and bytes, counted by what they have in common: requests `count` in each `per`, up to
/// `burst` at once.
struct LimitDecl {
  std::string name;
  bool by_client = false;
  bool by_user = false;
  std::uint8_t v4_bits = 32, v6_bits = 64; // of its network
  std::vector<std::string> headers;        // lower case
  bool by_path = false;
  std::uint32_t count = 0; // 0: no rate
  Duration per{};
  std::uint32_t burst = 0;     // resolved: `auto` is `count`
  std::uint64_t bandwidth = 0; // bytes in a second; 0: as fast as it goes
  std::uint64_t quota = 0;     // bytes; 0: none
  QuotaTime quota_time = QuotaTime::day;
  Position at, key_at, rate_at, bandwidth_at, quota_at;
};
/// How many of them one request may be counted in.
constexpr std::size_t kMostLimits = 8;

} // namespace weir::config
