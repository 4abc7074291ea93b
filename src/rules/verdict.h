// SPDX-License-Identifier: Apache-2.0
//
// Verdict: what the rules decided of a request.  Trace: why, rule by rule, for `weirctl explain`.
// Values. A Verdict views into its RuleSet and stays valid as long as that (its Generation).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/rule_decl.h"
#include "rules/compiled_list.h"
#include "rules/facts.h"

namespace weir::rules {

enum class Action : std::uint8_t { allow, deny, redirect, respond };
std::string_view name(Action action) noexcept;

struct Verdict {
  static constexpr std::uint32_t kNoRule = UINT32_MAX;
  static constexpr std::size_t kReported = 8;

  Action action = Action::allow;
  std::uint16_t status = 0;     // deny, redirect, respond
  std::uint32_t page = 0;       // deny: index into Config::pages
  std::uint32_t rule = kNoRule; // its number in the RuleSet; kNoRule: the default of the direction
  const config::RuleDecl* decl = nullptr; // that rule: url, respond, page, text; null: the default
  std::string_view where = "default";     // "weir.conf:12"
  ListHit list;                           // the entry that made the rule match, if one did
  bool cache_no = false;                  // a rule `cache no` matched
  bool cache_bypass = false;              // a rule `cache bypass`
  bool cache_no_store = false;            // a rule `cache no-store`
  FactSet provisional = 0;                // facts that could change it; 0: final

  std::array<std::uint16_t, kReported> reported{}; // numbers of `report` rules that matched
  std::uint8_t reported_count = 0;                 // at most kReported are kept

  std::array<std::uint16_t, config::kMostLimits> limited{}; // of `limit` rules that matched
  std::uint8_t limited_count = 0;

  bool allows() const noexcept { return action == Action::allow; }
  bool is_final() const noexcept { return provisional == 0; }
  /// "deny list ads", "" for the default.
  std::string_view text() const noexcept {
    return decl != nullptr ? std::string_view(decl->text) : std::string_view();
  }
};

enum class Outcome : std::uint8_t {
  no,
  yes,
  unknown, // hangs on a fact that has not come
};
std::string_view name(Outcome outcome) noexcept;

struct TraceCondition {
  bool unless = false; // stands after `unless`
  std::string text;    // "host .example.com"
  Outcome outcome = Outcome::no;
  std::string why; // "ads.txt:12 (ads.example)", "the client is 10.0.0.1"
};

struct TraceRule {
  std::string where; // "weir.conf:12"
  std::string text;
  Outcome outcome = Outcome::no;
  std::vector<TraceCondition> conditions;
};

struct Trace {
  std::vector<TraceRule> rules; // those that were tried, in order
  std::string decision;         // "deny by weir.conf:12", "allow by default"
};

} // namespace weir::rules
