// SPDX-License-Identifier: Apache-2.0
//
// RuleSet: an ordered list of rules, compiled. evaluate() is a pure function of (rules, facts,
// time): live requests, `weirctl explain` and replays ask the same one. Owner: Generation;
// immutable, any thread.
//
// The first rule that matches decides; `report`, `limit` and `cache no` only note and go on. With
// no match a forward denies, a site and an l4 allow (CONFIG.md rule 13). A condition on a fact that
// has not come does not match (rule 14); only where the rule hangs on it, the verdict is
// provisional. Of many rules, those that a RuleIndex knows not to match are not asked.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "rules/condition.h"
#include "rules/facts.h"
#include "rules/rule_index.h"
#include "rules/verdict.h"

namespace weir::rules {

class RuleSet {
public:
  /// `limits` (a route's), then the rules of `first`, then those of `then` (a site's, then its
  /// route's); all in `config`.
  static Result<RuleSet> compile(std::shared_ptr<const config::Config> config, Direction direction,
                                 std::span<const config::RuleDecl> first,
                                 std::span<const config::RuleDecl> then, const RuleParts& parts,
                                 std::span<const config::RuleDecl> limits = {});

  /// Allocates nothing without a trace, but for what RE2 does.
  Verdict evaluate(const Facts& facts, WallTime now, Trace* trace = nullptr) const;

  std::size_t size() const noexcept { return rules_.size(); }
  /// Of a Verdict's `rule` or `reported`.
  const config::RuleDecl& decl(std::size_t rule) const { return *rules_[rule].decl; }
  const std::string& where(std::size_t rule) const { return rules_[rule].where; }

private:
  struct Rule {
    const config::RuleDecl* decl;
    std::string where;
    std::vector<Matcher> conditions;
    std::vector<Matcher> unless;
  };

  RuleSet() = default;
  Result<void> add(const config::RuleDecl& decl, const RuleParts& parts);
  void decide(const Rule& rule, std::size_t number, Verdict& verdict) const;

  std::shared_ptr<const config::Config> config_; // what `decl` and Matchers point into
  Direction direction_ = Direction::forward;
  std::uint32_t blocked_page_ = 0;
  bool wants_literal_ = false;
  std::vector<Rule> rules_;
  RuleIndex index_;
};

} // namespace weir::rules
