// SPDX-License-Identifier: Apache-2.0
//
// The statements of rules: actions, and the conditions that follow them on the line.
#include <algorithm>

#include <fmt/format.h>

#include "config/statements.h"
#include "config/values.h"

namespace weir::config {
namespace {

constexpr Flags kParts = flag::CONDITION | flag::ARGUMENT;

/// The words of the head beyond the first `taken` are conditions that nobody knows.
void check_head(Reading& r, const Statement& head, std::size_t taken) {
  if (head.words.size() > taken + 1) {
    const Word& word = head.words[taken + 1];
    if (word.quoted) {
      r.report.error(word.at, "a condition is missing before this value");
    } else {
      unknown_word(r, word, kParts);
    }
  }
}

void check_conditions(Reading& r, const std::vector<Condition>& conditions) {
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const Condition& condition = conditions[i];
    const auto same = [&condition](const Condition& other) {
      return other.kind == condition.kind && other.kind != ConditionKind::header;
    };
    const auto before = conditions.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::any_of(conditions.begin(), before, same)) {
      r.report.error(condition.at, "the same condition stands twice, and both would have to hold",
                     "write all its values after one of them");
    }
    if (condition.kind == ConditionKind::all && conditions.size() > 1) {
      r.report.error(condition.at, "'all' stands alone, not with other conditions");
    }
  }
}

/// The rule after its head: conditions, page, status, unless. `before`: the errors before it.
void read_rest(Reading& r, const Statement& s, Scope& scope, RuleDecl& rule,
               const std::vector<Statement>& parts, std::size_t before) {
  const std::size_t errors = r.report.errors();
  Scope inner = scope;
  inner.rule = &rule;
  inner.conditions = &rule.conditions;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Row* row = find_row(parts[i].words[0].text, kParts);
    inner.place = kParts;
    row != nullptr ? read_row(r, *row, parts[i], inner) : absent_word(r, parts[i].words[0]);
  }
  if (inner.conditions == &rule.unless && rule.unless.empty() && r.report.errors() == errors) {
    r.report.error(parts.back().at(), "'unless' needs a condition after it");
  }
  if (rule.action == ActionKind::deny && rule.status == 0) {
    rule.status = 403;
  }
  check_conditions(r, rule.conditions);
  check_conditions(r, rule.unless);
  for (const Word& word : s.words) {
    rule.text += (rule.text.empty() ? "" : " ") + word.raw;
  }
  rule.at = s.at();
  rule.broken = r.report.errors() != before;
  scope.rules->push_back(std::move(rule));
}

void read_plain_rule(Reading& r, const Statement& s, Scope& scope, ActionKind action) {
  RuleDecl rule;
  rule.action = action;
  const std::size_t before = r.report.errors();
  const std::vector<Statement> parts = split(s, kParts);
  check_head(r, parts[0], 0);
  read_rest(r, s, scope, rule, parts, before);
}

/// A new condition, if the statement has words enough.
Condition* begin(Reading& r, const Statement& s, Scope& scope, ConditionKind kind,
                 std::size_t least = 1, std::size_t most = kAny) {
  if (!has_words(r, s, scope, least, most)) {
    return nullptr;
  }
  Condition& condition = scope.conditions->emplace_back();
  condition.kind = kind;
  condition.at = s.at();
  return &condition;
}

/// Each value of the statement from word `from` on: plain(word) answers what is wrong with it,
/// regex(word) takes an expression that is known to compile.
template <class Plain, class Regex>
void each_value(Reading& r, const Statement& s, std::size_t from, Plain plain, Regex regex) {
  for (std::size_t i = from; i < s.words.size(); ++i) {
    if (!s.words[i].is("~")) {
      if (std::string wrong = plain(s.words[i]); !wrong.empty()) {
        bad_value(r, s.words[i], std::move(wrong));
      }
      continue;
    }
    if (++i == s.words.size()) {
      r.report.error(s.words[i - 1].at, "an expression is missing after '~'");
      return;
    }
    if (std::string wrong = check_regex(s.words[i].text); !wrong.empty()) {
      bad_value(r, s.words[i], "RE2: " + wrong);
    } else {
      regex(s.words[i]);
    }
  }
}

/// A bare value that is nearly a word of the rules was probably meant as one.
void warn_of_typo(Reading& r, const Word& word, std::string_view what) {
  if (word.quoted || word.text.find_first_of("./*:") != std::string::npos) {
    return;
  }
  std::vector<std::string> words;
  for (const Row& row : rows()) {
    if (row.stands_in(kParts)) {
      words.push_back(row.word());
    }
  }
  const std::string_view near = nearest(word.text, {words.begin(), words.end()});
  if (!near.empty()) {
    r.report.warning(
        word.at, fmt::format("'{}' is taken as a {}", word.text, what),
        fmt::format("did you mean the word '{}'? In quotes it is a {} for certain", near, what));
  }
}

void read_names(Reading& r, const Statement& s, Scope& scope, ConditionKind kind) {
  if (Condition* condition = begin(r, s, scope, kind)) {
    for (std::size_t i = 1; i < s.words.size(); ++i) {
      condition->names.push_back(use_name(s.words[i]));
    }
  }
}

} // namespace

void read_rules(Reading& r, const Statement& s, Scope& scope) {
  Scope inner = scope;
  if (has_words(r, s, scope, 0, 0)) {
    read_inner(r, s, inner, flag::RULES);
  }
}

// Actions

void read_rule_allow(Reading& r, const Statement& s, Scope& scope) {
  read_plain_rule(r, s, scope, ActionKind::allow);
}

void read_rule_report(Reading& r, const Statement& s, Scope& scope) {
  read_plain_rule(r, s, scope, ActionKind::report);
}

void read_rule_deny(Reading& r, const Statement& s, Scope& scope) {
  read_plain_rule(r, s, scope, ActionKind::deny);
}

void read_rule_redirect(Reading& r, const Statement& s, Scope& scope) {
  RuleDecl rule;
  rule.action = ActionKind::redirect;
  const std::size_t before = r.report.errors();
  const std::vector<Statement> parts = split(s, kParts);
  check_head(r, parts[0], read_redirect(r, parts[0], 1, rule.url, rule.status));
  read_rest(r, s, scope, rule, parts, before);
}

void read_rule_respond(Reading& r, const Statement& s, Scope& scope) {
  RuleDecl rule;
  rule.action = ActionKind::respond;
  const std::size_t before = r.report.errors();
  const std::vector<Statement> parts = split(s, kParts);
  check_head(r, parts[0], read_respond(r, parts[0], 1, rule.respond));
  read_rest(r, s, scope, rule, parts, before);
}

void read_rule_cache(Reading& r, const Statement& s, Scope& scope) {
  RuleDecl rule;
  rule.action = ActionKind::cache_no;
  const std::size_t before = r.report.errors();
  const std::vector<Statement> parts = split(s, kParts);
  constexpr std::string_view kForm = "form: cache no|bypass|no-store [CONDITION ...]";
  if (parts[0].words.size() < 2) {
    r.report.error(s.at(), "'cache' needs more words", std::string(kForm));
  } else if (s.words[1].is("bypass")) {
    rule.action = ActionKind::cache_bypass;
  } else if (s.words[1].is("no-store")) {
    rule.action = ActionKind::cache_no_store;
  } else if (!s.words[1].is("no")) {
    r.report.error(s.words[1].at, "the choice of a cache by a rule is not in this version",
                   std::string(kForm));
  }
  check_head(r, parts[0], 1);
  read_rest(r, s, scope, rule, parts, before);
}

void read_rule_limit(Reading& r, const Statement& s, Scope& scope) {
  RuleDecl rule;
  rule.action = ActionKind::limit;
  const std::size_t before = r.report.errors();
  const std::vector<Statement> parts = split(s, kParts);
  if (has_words(r, parts[0], scope, 1, kAny)) {
    rule.limit = use_name(s.words[1]);
  }
  check_head(r, parts[0], 1);
  read_rest(r, s, scope, rule, parts, before);
}

// What an action may be given

void read_rule_page(Reading& r, const Statement& s, Scope& scope) {
  if (scope.rule->action != ActionKind::deny || scope.rule->status != 0) {
    r.report.error(s.at(), "only a deny has a page, and one that has no status");
  }
  if (has_words(r, s, scope, 1, 1)) {
    scope.rule->page = use_name(s.words[1]);
  }
}

void read_rule_status(Reading& r, const Statement& s, Scope& scope) {
  if (scope.rule->action != ActionKind::deny || scope.rule->page) {
    r.report.error(s.at(), "only a deny has a status of its own, and one that has no page");
    return;
  }
  if (has_words(r, s, scope, 1, 1)) {
    if (std::string wrong = read_status(s.words[1].text, 400, 599, scope.rule->status);
        !wrong.empty()) {
      bad_value(r, s.words[1], std::move(wrong));
    }
  }
}

void read_rule_unless(Reading& r, const Statement& s, Scope& scope) {
  check_head(r, s, 0);
  if (scope.conditions == &scope.rule->unless) {
    r.report.error(s.at(), "'unless' stands once in a rule",
                   "it negates all the conditions after it together");
  }
  scope.conditions = &scope.rule->unless;
}

// Conditions

void read_match_client(Reading& r, const Statement& s, Scope& scope) {
  constexpr std::string_view kLoopback[] = {"127.0.0.0/8", "::1/128"};
  constexpr std::string_view kPrivate[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                                           "fc00::/7"};
  Condition* condition = begin(r, s, scope, ConditionKind::client);
  for (std::size_t i = 1; condition != nullptr && i < s.words.size(); ++i) {
    const Word& word = s.words[i];
    Prefix prefix;
    if (word.is("loopback") || word.is("private")) {
      using Names = std::span<const std::string_view>;
      for (const std::string_view each : word.is("private") ? Names(kPrivate) : Names(kLoopback)) {
        condition->prefixes.push_back(*Prefix::parse(each));
      }
    } else if (std::string wrong = read_prefix(word.text, prefix); !wrong.empty()) {
      bad_value(r, word, wrong + "; or loopback, or private");
    } else {
      condition->prefixes.push_back(prefix);
    }
  }
}

namespace {
void read_hosts(Reading& r, const Statement& s, Scope& scope, ConditionKind kind) {
  Condition* condition = begin(r, s, scope, kind);
  if (condition == nullptr) {
    return;
  }
  each_value(
      r, s, 1,
      [&r, condition](const Word& word) {
        HostPattern host;
        host.at = word.at;
        std::string wrong = read_host_pattern(word.text, host);
        warn_of_typo(r, word, "host");
        condition->hosts.push_back(std::move(host));
        return wrong;
      },
      [condition](const Word& word) {
        condition->hosts.push_back({HostPattern::Kind::regex, word.text, word.at});
      });
}
} // namespace

void read_match_host(Reading& r, const Statement& s, Scope& scope) {
  read_hosts(r, s, scope, ConditionKind::host);
}

void read_match_sni(Reading& r, const Statement& s, Scope& scope) {
  read_hosts(r, s, scope, ConditionKind::sni);
}

void read_match_port(Reading& r, const Statement& s, Scope& scope) {
  Condition* condition = begin(r, s, scope, ConditionKind::port);
  for (std::size_t i = 1; condition != nullptr && i < s.words.size(); ++i) {
    PortRange range;
    if (std::string wrong = read_ports(s.words[i].text, range); !wrong.empty()) {
      bad_value(r, s.words[i], std::move(wrong));
    }
    condition->ports.push_back(range);
  }
}

void read_match_path(Reading& r, const Statement& s, Scope& scope) {
  Condition* condition = begin(r, s, scope, ConditionKind::path);
  if (condition == nullptr) {
    return;
  }
  each_value(
      r, s, 1,
      [condition](const Word& word) {
        PathPattern path;
        path.at = word.at;
        std::string wrong = read_path_pattern(word.text, path);
        condition->paths.push_back(std::move(path));
        return wrong;
      },
      [condition](const Word& word) {
        condition->paths.push_back({PathPattern::Kind::regex, word.text, word.at});
      });
}

void read_match_method(Reading& r, const Statement& s, Scope& scope) {
  Condition* condition = begin(r, s, scope, ConditionKind::method);
  for (std::size_t i = 1; condition != nullptr && i < s.words.size(); ++i) {
    const std::string& text = s.words[i].text;
    const bool token = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    });
    if (!token) {
      bad_value(r, s.words[i], "a method is written in capitals: GET, POST, CONNECT");
    }
    condition->texts.push_back(text);
  }
}

void read_match_scheme(Reading& r, const Statement& s, Scope& scope) {
  Condition* condition = begin(r, s, scope, ConditionKind::scheme, 1, 2);
  for (std::size_t i = 1; condition != nullptr && i < s.words.size(); ++i) {
    if (s.words[i].text != "http" && s.words[i].text != "https") {
      bad_value(r, s.words[i], "a scheme is http or https");
    }
    condition->texts.push_back(s.words[i].text);
  }
}

void read_match_header(Reading& r, const Statement& s, Scope& scope) {
  Condition* condition = begin(r, s, scope, ConditionKind::header);
  if (condition == nullptr) {
    return;
  }
  const Word& name = s.words[1];
  for (const char c : name.text) {
    const bool upper = c >= 'A' && c <= 'Z';
    condition->field += upper ? static_cast<char>(c - 'A' + 'a') : c;
    if (!upper && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
        std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) {
      return bad_value(r, name, "this is not the name of a field");
    }
  }
  if (name.text.empty()) {
    return bad_value(r, name, "this is not the name of a field");
  }
  each_value(
      r, s, 2,
      [&r, condition](const Word& word) {
        warn_of_typo(r, word, "value");
        condition->texts.push_back(word.text);
        return std::string();
      },
      [condition](const Word& word) { condition->regexes.push_back(word.text); });
}

void read_match_user(Reading& r, const Statement& s, Scope& scope) {
  Condition* condition = begin(r, s, scope, ConditionKind::user);
  for (std::size_t i = 1; condition != nullptr && i < s.words.size(); ++i) {
    if (!s.words[i].quoted && s.words[i].is("~")) {
      return bad_value(r, s.words[i], "users are named, not searched for; several may be a group");
    }
    warn_of_typo(r, s.words[i], "user");
    condition->texts.push_back(s.words[i].text);
  }
}

void read_match_group(Reading& r, const Statement& s, Scope& scope) {
  Condition* condition = begin(r, s, scope, ConditionKind::group);
  for (std::size_t i = 1; condition != nullptr && i < s.words.size(); ++i) {
    warn_of_typo(r, s.words[i], "group");
    condition->texts.push_back(read_name(r, s.words[i]));
  }
}

void read_match_client_cert(Reading& r, const Statement& s, Scope& scope) {
  Condition* condition = begin(r, s, scope, ConditionKind::client_cert, 0);
  if (condition == nullptr) {
    return;
  }
  each_value(
      r, s, 1,
      [condition](const Word& word) {
        condition->texts.push_back(word.text);
        constexpr std::string_view kKinds[] = {"DNS:", "email:", "URI:", "IP:"};
        const bool known = word.text.find('=') != std::string::npos ||
                           std::any_of(std::begin(kKinds), std::end(kKinds),
                                       [&](auto kind) { return word.text.starts_with(kind); });
        return std::string(known ? ""
                                 : "a subject (CN=alice,O=Example), or a name with its kind "
                                   "before it: DNS:, email:, URI: or IP:");
      },
      [condition](const Word& word) { condition->regexes.push_back(word.text); });
}

void read_match_list(Reading& r, const Statement& s, Scope& scope) {
  read_names(r, s, scope, ConditionKind::list);
}

void read_match_when(Reading& r, const Statement& s, Scope& scope) {
  read_names(r, s, scope, ConditionKind::when);
}

void read_match_all(Reading& r, const Statement& s, Scope& scope) {
  if (s.words.size() > 1) {
    return unknown_word(r, s.words[1], kParts);
  }
  begin(r, s, scope, ConditionKind::all, 0, 0);
}

} // namespace weir::config
