// SPDX-License-Identifier: Apache-2.0
#include "rules/condition.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::rules {

using config::ConditionKind;

namespace {

Match yes(std::uint32_t value) {
  Match m;
  m.outcome = Outcome::yes;
  m.value = value;
  return m;
}

Match unknown(FactSet waits) {
  Match m;
  m.outcome = Outcome::unknown;
  m.waits = waits;
  return m;
}

/// The number of the first of `values` that holds, as a Match.
template <class Values, class Holds> Match first_of(const Values& values, Holds&& holds) {
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    if (holds(values[i])) {
      return yes(i);
    }
  }
  return {};
}

} // namespace

Result<std::vector<Schedule>> compile_schedules(const config::Config& config,
                                                std::string& problem) {
  std::vector<Schedule> schedules;
  for (const auto& decl : config.whens) {
    auto schedule = Schedule::compile(decl);
    if (!schedule) {
      problem = fmt::format("{}: when {}: no time zone {} on this machine", config.where(decl.at),
                            decl.name, decl.zone);
      return fail(schedule.error());
    }
    schedules.push_back(std::move(*schedule));
  }
  return schedules;
}

Question::Question(const Facts& the_facts, WallTime time, Direction dir, bool wants_literal)
    : facts(the_facts), now(time), direction(dir), host(the_facts.host), path(the_facts.path) {
  if (!host.empty() && host.back() == '.') {
    host.remove_suffix(1);
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (wants_literal) {
    if (auto address = Address::parse_any(host)) {
      literal = *address;
    }
  }
}

Result<Matcher> Matcher::compile(const config::Condition& decl, const RuleParts& parts) {
  Matcher m(decl);
  auto hosts = HostMatcher::compile(decl.hosts);
  if (!hosts) {
    return fail(hosts.error());
  }
  m.hosts_ = std::move(*hosts);
  std::vector<PrefixEntry> clients;
  for (const auto& prefix : decl.prefixes) {
    clients.push_back({prefix, static_cast<std::uint32_t>(clients.size())});
  }
  m.clients_ = PrefixSet(std::move(clients));
  for (const auto& pattern : decl.paths) {
    auto path = PathMatcher::compile(pattern);
    if (!path) {
      return fail(path.error());
    }
    m.paths_.push_back(std::move(*path));
  }
  for (const auto& text : decl.regexes) {
    m.regexes_.push_back(compile_regex(text));
    if (!m.regexes_.back()) {
      return fail(Code::malformed);
    }
  }
  m.field_ = http::field_id(decl.field);
  for (const auto& name : decl.names) {
    if (decl.kind == ConditionKind::list) {
      m.lists_.push_back(name.index < parts.lists.size() ? parts.lists[name.index] : nullptr);
    } else if (name.index < parts.whens.size()) {
      m.whens_.push_back(parts.whens[name.index]);
    } else {
      return fail(Code::internal);
    }
  }
  return m;
}

bool Matcher::wants_literal() const noexcept {
  return decl_->kind == ConditionKind::list ||
         (decl_->kind == ConditionKind::host && hosts_.has_addresses());
}

Match Matcher::match(const Question& q) const noexcept {
  switch (decl_->kind) {
  case ConditionKind::client:
    return match_client(q);
  case ConditionKind::user:
    return first_of(decl_->texts, [&](const auto& text) { // nobody has the name ""
      return q.facts.user == text && !text.empty();
    });
  case ConditionKind::group:
    return match_group(q);
  case ConditionKind::client_cert:
    return match_client_cert(q);
  case ConditionKind::host:
    return match_host(q);
  case ConditionKind::sni:
    return match_sni(q);
  case ConditionKind::port:
    return first_of(decl_->ports, [&](const auto& range) { return range.contains(q.facts.port); });
  case ConditionKind::path:
    return match_path(q);
  case ConditionKind::method:
    return first_of(decl_->texts, [&](const auto& text) { return q.facts.method == text; });
  case ConditionKind::scheme:
    return first_of(decl_->texts, [&](const auto& text) { return q.facts.scheme == text; });
  case ConditionKind::header:
    return match_header(q);
  case ConditionKind::list:
    return match_list(q);
  case ConditionKind::when:
    return first_of(whens_, [&](const Schedule& schedule) { return schedule.holds(q.now); });
  case ConditionKind::all:
    return yes(0);
  }
  return {};
}

Match Matcher::match_client(const Question& q) const noexcept {
  const PrefixEntry* entry = clients_.find(q.facts.client);
  return entry != nullptr ? yes(entry->line) : Match{};
}

Match Matcher::match_group(const Question& q) const noexcept {
  return first_of(decl_->texts, [&](const auto& text) {
    return std::find(q.facts.groups.begin(), q.facts.groups.end(), text) != q.facts.groups.end();
  });
}

Match Matcher::match_client_cert(const Question& q) const noexcept {
  const auto& names = q.facts.certificate;
  if (names.empty() || (decl_->texts.empty() && regexes_.empty())) {
    return names.empty() ? Match{} : yes(0);
  }
  Match m = first_of(decl_->texts, [&](const std::string& text) {
    return std::find(names.begin(), names.end(), text) != names.end();
  });
  if (m.outcome == Outcome::yes) {
    return m;
  }
  m = first_of(regexes_, [&](const auto& regex) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return search(*regex, name); });
  });
  m.value += m.outcome == Outcome::yes ? static_cast<std::uint32_t>(decl_->texts.size()) : 0;
  return m;
}

Match Matcher::match_host(const Question& q) const noexcept {
  std::uint32_t number = hosts_.find(q.host);
  if (number != HostMatcher::kNone) {
    return yes(number);
  }
  if (!hosts_.has_addresses()) {
    return {};
  }
  if (q.literal.valid()) {
    number = hosts_.find(q.literal);
    if (number != HostMatcher::kNone) {
      return yes(number);
    }
  }
  for (const Address& address : q.facts.addresses) {
    number = hosts_.find(address);
    if (number != HostMatcher::kNone) {
      Match m = yes(number);
      m.address = address;
      return m;
    }
  }
  // A site's host is a name of its own: nobody resolves it.
  bool comes = q.direction == Direction::forward && !q.literal.valid() && !q.facts.addresses_known;
  return comes ? unknown(kAddressFact) : Match{};
}

Match Matcher::match_sni(const Question& q) const noexcept {
  if (!q.facts.sni_known) {
    return unknown(kSniFact);
  }
  std::uint32_t number = q.facts.sni.empty() ? HostMatcher::kNone : hosts_.find(q.facts.sni);
  return number != HostMatcher::kNone ? yes(number) : Match{};
}

Match Matcher::match_path(const Question& q) const noexcept {
  if (q.facts.path.empty()) { // a tunnel has none
    return {};
  }
  return first_of(paths_, [&](const PathMatcher& path) { return path.matches(q.path.view()); });
}

bool Matcher::value_matches(std::string_view value, std::uint32_t& number) const noexcept {
  for (std::uint32_t i = 0; i < decl_->texts.size(); ++i) {
    if (http::iequals(value, decl_->texts[i])) {
      number = i;
      return true;
    }
  }
  for (std::uint32_t i = 0; i < regexes_.size(); ++i) {
    if (search(*regexes_[i], value)) {
      number = static_cast<std::uint32_t>(decl_->texts.size()) + i;
      return true;
    }
  }
  return false;
}

Match Matcher::match_header(const Question& q) const noexcept {
  if (q.facts.fields == nullptr || !q.facts.fields->has(field_)) {
    return {};
  }
  bool any_value = decl_->texts.empty() && regexes_.empty();
  for (const http::Field& field : *q.facts.fields) {
    if (field.id != field_ ||
        (field_ == http::FieldId::other && !http::iequals(field.name, decl_->field))) {
      continue;
    }
    std::uint32_t number = 0;
    if (any_value || value_matches(field.value, number)) {
      return yes(number);
    }
  }
  return {};
}

/// A list of names is about the host asked for; its addresses, about what that is or resolves to.
/// A list of format cidr is in a forward about the destination, elsewhere about the client.
Match Matcher::match_list(const Question& q) const noexcept {
  FactSet missing = 0;
  for (std::uint32_t i = 0; i < lists_.size(); ++i) {
    const CompiledList* list = lists_[i].get();
    if (list == nullptr) {
      continue;
    }
    Match m = yes(i);
    if (list->of_addresses() && q.direction != Direction::forward) {
      m.list = list->find(q.facts.client);
    } else {
      if (list->has_names() && !q.literal.valid()) {
        m.list = list->find(q.host);
      }
      if (q.direction == Direction::l4) {
        missing |= q.facts.sni_known ? FactSet{} : kSniFact;
      }
      if (!m.list && list->has_addresses()) {
        if (q.literal.valid()) {
          m.list = list->find(q.literal);
        }
        for (const Address& address : q.facts.addresses) {
          if (m.list) {
            break;
          }
          m.list = list->find(address);
          m.address = address;
        }
        bool comes = !q.literal.valid() && !q.facts.addresses_known;
        missing |= comes && q.direction == Direction::forward ? kAddressFact : FactSet{};
      }
    }
    if (m.list) {
      return m;
    }
  }
  return missing != 0 ? unknown(missing) : Match{};
}

} // namespace weir::rules
