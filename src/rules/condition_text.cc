// SPDX-License-Identifier: Apache-2.0
//
// What the trace says of a condition: what was asked, and why it came out so.
#include <fmt/format.h>

#include "rules/condition.h"

namespace weir::rules {

using config::ConditionKind;

namespace {

constexpr std::size_t kValuesTold = 8;

template <class Values, class Text>
void append(std::string& out, const Values& values, Text&& text_of) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i == kValuesTold) {
      out += fmt::format(" ... ({} in all)", values.size());
      return;
    }
    out += ' ';
    out += text_of(values[i]);
  }
}

std::string to_text(const config::PortRange& range) {
  return range.first == range.last ? std::to_string(range.first)
                                   : fmt::format("{}-{}", range.first, range.last);
}

std::string resolved(const Match& m) {
  return m.address.valid() ? fmt::format(", resolves to {}", m.address.host()) : std::string();
}

} // namespace

std::string Matcher::text() const {
  constexpr std::string_view kWords[] = {"client", "user", "group", "client-cert", "host",
                                         "sni",    "port", "path",  "method",      "scheme",
                                         "header", "list", "when",  "all"};
  std::string out(kWords[static_cast<std::size_t>(decl_->kind)]);
  if (!decl_->field.empty()) {
    out += " " + decl_->field;
  }
  append(out, decl_->prefixes, [](const Prefix& p) { return p.to_string(); });
  append(out, decl_->hosts, [](const config::HostPattern& p) { return rules::to_text(p); });
  append(out, decl_->ports, [](const config::PortRange& p) { return to_text(p); });
  append(out, decl_->paths, [](const config::PathPattern& p) { return rules::to_text(p); });
  append(out, decl_->texts, [](const std::string& text) { return text; });
  append(out, decl_->regexes, [](const std::string& text) { return "~ " + text; });
  append(out, decl_->names, [](const config::NameRef& ref) { return ref.name; });
  return out;
}

std::string Matcher::value_text(std::uint32_t number) const {
  switch (decl_->kind) {
  case ConditionKind::client:
    return decl_->prefixes[number].to_string();
  case ConditionKind::host:
  case ConditionKind::sni:
    return rules::to_text(decl_->hosts[number]);
  case ConditionKind::port:
    return to_text(decl_->ports[number]);
  case ConditionKind::path:
    return rules::to_text(decl_->paths[number]);
  case ConditionKind::user:
  case ConditionKind::group:
  case ConditionKind::client_cert:
  case ConditionKind::header:
  case ConditionKind::method:
  case ConditionKind::scheme:
    if (number < decl_->texts.size()) {
      return decl_->texts[number];
    }
    number -= static_cast<std::uint32_t>(decl_->texts.size());
    return number < decl_->regexes.size() ? "~ " + decl_->regexes[number] : "is there";
  case ConditionKind::list:
  case ConditionKind::when:
    return decl_->names[number].name;
  case ConditionKind::all:
    break;
  }
  return "always";
}

std::string Matcher::why(const Question& q, const Match& m) const {
  if (m.outcome == Outcome::unknown) {
    return (m.waits & kSniFact) != 0 ? "the sni is not known yet"
                                     : fmt::format("the address of {} is not known yet", q.host);
  }
  if (m.outcome == Outcome::yes) {
    if (m.list) {
      return fmt::format("in {}, {}{}", m.list.list->name(), m.list.list->where(m.list),
                         resolved(m));
    }
    return value_text(m.value) + resolved(m);
  }
  switch (decl_->kind) {
  case ConditionKind::client:
    return fmt::format("the client is {}", q.facts.client.host());
  case ConditionKind::user:
    return q.facts.user.empty() ? "nobody has logged in"
                                : fmt::format("the user is {}", q.facts.user);
  case ConditionKind::group:
    return q.facts.user.empty() ? "nobody has logged in"
                                : fmt::format("{} is not in it", q.facts.user);
  case ConditionKind::client_cert:
    return q.facts.certificate.empty()
               ? "the client has shown no certificate"
               : fmt::format("the certificate is of {}", fmt::join(q.facts.certificate, " "));
  case ConditionKind::host:
    return fmt::format("the host is {}", q.host);
  case ConditionKind::sni:
    return q.facts.sni.empty() ? "there is no sni" : fmt::format("the sni is {}", q.facts.sni);
  case ConditionKind::port:
    return fmt::format("the port is {}", q.facts.port);
  case ConditionKind::path:
    return q.facts.path.empty() ? "a tunnel has no path"
                                : fmt::format("the path is {}", q.path.view());
  case ConditionKind::method:
    return fmt::format("the method is {}", q.facts.method);
  case ConditionKind::scheme:
    return fmt::format("the scheme is {}", q.facts.scheme);
  case ConditionKind::header: {
    const auto* field = q.facts.fields != nullptr ? q.facts.fields->find(decl_->field) : nullptr;
    return field != nullptr ? fmt::format("{} is {}", decl_->field, field->value)
                            : fmt::format("there is no {}", decl_->field);
  }
  case ConditionKind::list:
    return "not in it";
  case ConditionKind::when:
    return "not that time";
  case ConditionKind::all:
    break;
  }
  return {};
}

} // namespace weir::rules
