// SPDX-License-Identifier: Apache-2.0
//
// Matcher: one condition of a rule, compiled.  Question: the facts, made ready once for all
// conditions.  RuleParts: what conditions refer to by name.  Immutable after compile; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <re2/re2.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/ref.h"
#include "base/result.h"
#include "config/config.h"
#include "http/fields.h"
#include "rules/compiled_list.h"
#include "rules/facts.h"
#include "rules/host_matcher.h"
#include "rules/path_matcher.h"
#include "rules/prefix_set.h"
#include "rules/schedule.h"
#include "rules/verdict.h"

namespace weir::rules {

/// The named things of a configuration, by their index in Config. A list that is none (it could
/// never be read) holds nothing.
struct RuleParts {
  std::vector<Ref<const CompiledList>> lists;
  std::vector<Schedule> whens;
};
/// Compiles every `when`; on failure `problem` says which zone is not known.
Result<std::vector<Schedule>> compile_schedules(const config::Config& config, std::string& problem);

struct Question {
  const Facts& facts;
  WallTime now;
  Direction direction;
  std::string_view host; // without brackets and last dot
  Address literal;       // the host, if it is an address in any spelling
  PlainPath path;

  Question(const Facts& facts, WallTime now, Direction direction, bool wants_literal);
};

/// How a condition came out, and because of what.
struct Match {
  static constexpr std::uint32_t kNone = UINT32_MAX;
  Outcome outcome = Outcome::no;
  std::uint32_t value = kNone; // number of the value that matched
  ListHit list;
  Address address;   // the resolved one that matched
  FactSet waits = 0; // unknown: for what
};

class Matcher {
public:
  static Result<Matcher> compile(const config::Condition& decl, const RuleParts& parts);

  /// Allocates nothing, but for what RE2 does.
  Match match(const Question& question) const noexcept;
  /// Whether Question::literal is looked at.
  bool wants_literal() const noexcept;

  /// "host .example.com": for the trace.
  std::string text() const;
  /// Why it came out so: for the trace.
  std::string why(const Question& question, const Match& match) const;

private:
  explicit Matcher(const config::Condition& decl) : decl_(&decl) {}
  Match match_client(const Question& question) const noexcept;
  Match match_group(const Question& question) const noexcept;
  Match match_client_cert(const Question& question) const noexcept;
  Match match_host(const Question& question) const noexcept;
  Match match_sni(const Question& question) const noexcept;
  Match match_path(const Question& question) const noexcept;
  Match match_header(const Question& question) const noexcept;
  Match match_list(const Question& question) const noexcept;
  bool value_matches(std::string_view value, std::uint32_t& number) const noexcept;
  std::string value_text(std::uint32_t number) const;

  const config::Condition* decl_; // in the Config that the RuleSet holds
  HostMatcher hosts_;
  PrefixSet clients_;
  std::vector<PathMatcher> paths_;
  std::vector<std::unique_ptr<const RE2>> regexes_;
  std::vector<Ref<const CompiledList>> lists_;
  std::vector<Schedule> whens_;
  http::FieldId field_ = http::FieldId::other;
};

} // namespace weir::rules
