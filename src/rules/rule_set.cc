// SPDX-License-Identifier: Apache-2.0
#include "rules/rule_set.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::rules {

using config::ActionKind;

namespace {

/// AND of the matchers, in three values: one `no` settles it whatever is unknown. With a trace
/// every one is asked, so that each can say why.
Outcome match_all(const std::vector<Matcher>& matchers, const Question& question, FactSet& waits,
                  ListHit* list, bool unless, std::vector<TraceCondition>* trace) {
  Outcome all = Outcome::yes;
  FactSet missing = 0;
  for (const Matcher& matcher : matchers) {
    Match m = matcher.match(question);
    if (trace != nullptr) {
      trace->push_back({unless, matcher.text(), m.outcome, matcher.why(question, m)});
    }
    if (m.outcome == Outcome::no) {
      all = Outcome::no;
      if (trace == nullptr) {
        return all;
      }
    } else if (m.outcome == Outcome::unknown) {
      missing |= m.waits;
      all = all == Outcome::yes ? Outcome::unknown : all;
    } else if (list != nullptr && m.list && !*list) {
      *list = m.list;
    }
  }
  if (all == Outcome::unknown) {
    waits |= missing;
  }
  return all;
}

/// A rule that matched and does not end the search.
void note(ActionKind action, std::size_t rule, Verdict& verdict) {
  const auto number = static_cast<std::uint16_t>(rule);
  if (action == ActionKind::report && verdict.reported_count < verdict.reported.size()) {
    verdict.reported[verdict.reported_count++] = number;
  } else if (action == ActionKind::limit && verdict.limited_count < verdict.limited.size()) {
    verdict.limited[verdict.limited_count++] = number;
  }
  verdict.cache_no = verdict.cache_no || action == ActionKind::cache_no;
  verdict.cache_bypass = verdict.cache_bypass || action == ActionKind::cache_bypass;
  verdict.cache_no_store = verdict.cache_no_store || action == ActionKind::cache_no_store;
}

} // namespace

std::string_view name(Action action) noexcept {
  switch (action) {
  case Action::allow:
    return "allow";
  case Action::deny:
    return "deny";
  case Action::redirect:
    return "redirect";
  case Action::respond:
    return "respond";
  }
  return "?";
}

std::string_view name(Outcome outcome) noexcept {
  switch (outcome) {
  case Outcome::no:
    return "no";
  case Outcome::yes:
    return "yes";
  case Outcome::unknown:
    return "unknown";
  }
  return "?";
}

Result<RuleSet> RuleSet::compile(std::shared_ptr<const config::Config> config, Direction direction,
                                 std::span<const config::RuleDecl> first,
                                 std::span<const config::RuleDecl> then, const RuleParts& parts,
                                 std::span<const config::RuleDecl> limits) {
  RuleSet set;
  set.direction_ = direction;
  set.config_ = std::move(config);
  const auto& pages = set.config_->pages;
  auto blocked = std::find_if(pages.begin(), pages.end(),
                              [](const config::PageDecl& page) { return page.name == "blocked"; });
  set.blocked_page_ = static_cast<std::uint32_t>(blocked - pages.begin());
  for (auto decls : {limits, first, then}) {
    for (const auto& decl : decls) {
      if (auto added = set.add(decl, parts); !added) {
        return fail(added.error());
      }
    }
  }
  std::vector<const config::RuleDecl*> decls;
  for (const Rule& rule : set.rules_) {
    decls.push_back(rule.decl);
  }
  set.index_ = RuleIndex(decls);
  return set;
}

Result<void> RuleSet::add(const config::RuleDecl& decl, const RuleParts& parts) {
  Rule rule{&decl, config_->where(decl.at), {}, {}};
  for (auto [from, to] :
       {std::pair{&decl.conditions, &rule.conditions}, std::pair{&decl.unless, &rule.unless}}) {
    for (const auto& condition : *from) {
      auto matcher = Matcher::compile(condition, parts);
      if (!matcher) {
        return fail(matcher.error());
      }
      wants_literal_ = wants_literal_ || matcher->wants_literal();
      to->push_back(std::move(*matcher));
    }
  }
  rules_.push_back(std::move(rule));
  return {};
}

Verdict RuleSet::evaluate(const Facts& facts, WallTime now, Trace* trace) const {
  Verdict verdict;
  Question question(facts, now, direction_, wants_literal_);
  bool decided = false;
  RuleIndex::Candidates candidates(trace == nullptr ? &index_ : nullptr, question, rules_.size());
  for (std::size_t i = candidates.next(); i < rules_.size() && !decided; i = candidates.next()) {
    const Rule& rule = rules_[i];
    std::vector<TraceCondition>* told = nullptr;
    if (trace != nullptr) {
      trace->rules.push_back({rule.where, rule.decl->text, Outcome::no, {}});
      told = &trace->rules.back().conditions;
    }
    ListHit list;
    FactSet waits = 0;
    Outcome outcome = match_all(rule.conditions, question, waits, &list, false, told);
    if (!rule.unless.empty() && (outcome != Outcome::no || told != nullptr)) {
      FactSet unless_waits = 0;
      Outcome unless = match_all(rule.unless, question, unless_waits, nullptr, true, told);
      if (unless == Outcome::yes) {
        outcome = Outcome::no;
      } else if (unless == Outcome::unknown && outcome != Outcome::no) {
        waits |= unless_waits; // does not match, so the rule holds until the fact has come
      }
    }
    if (outcome != Outcome::no) {
      verdict.provisional |= waits;
    }
    if (trace != nullptr) {
      trace->rules.back().outcome = outcome;
    }
    if (outcome != Outcome::yes) {
      continue;
    }
    if (!config::ends_search(rule.decl->action)) {
      note(rule.decl->action, i, verdict);
    } else {
      verdict.list = list;
      decide(rule, i, verdict);
      decided = true;
    }
  }
  if (!decided && direction_ == Direction::forward) {
    verdict.action = Action::deny;
    verdict.status = 403;
    verdict.page = blocked_page_;
  }
  if (trace != nullptr) {
    trace->decision =
        fmt::format("{} by {}{}", name(verdict.action), verdict.where,
                    verdict.is_final() ? ""
                                       : fmt::format(", until the {} is known",
                                                     name_of_facts(verdict.provisional)));
  }
  return verdict;
}

void RuleSet::decide(const Rule& rule, std::size_t number, Verdict& verdict) const {
  const config::RuleDecl& decl = *rule.decl;
  verdict.rule = static_cast<std::uint32_t>(number);
  verdict.decl = &decl;
  verdict.where = rule.where;
  switch (decl.action) {
  case ActionKind::allow:
  case ActionKind::report:
  case ActionKind::cache_no:
  case ActionKind::cache_bypass:
  case ActionKind::cache_no_store:
  case ActionKind::limit:
    verdict.action = Action::allow;
    break;
  case ActionKind::deny:
    verdict.action = Action::deny;
    verdict.status = decl.status != 0 ? decl.status : std::uint16_t{403};
    verdict.page = decl.page ? decl.page.index : blocked_page_;
    break;
  case ActionKind::redirect:
    verdict.action = Action::redirect;
    verdict.status = decl.status != 0 ? decl.status : std::uint16_t{302};
    break;
  case ActionKind::respond:
    verdict.action = Action::respond;
    verdict.status = decl.respond.status;
    break;
  }
}

} // namespace weir::rules
