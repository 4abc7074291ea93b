// SPDX-License-Identifier: Apache-2.0
//
// The statements of users, `auth` of forwards, sites and routes, and what cannot be asked of users
// where nobody logs in.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/account.h"
#include "config/statements.h"

namespace weir::config {
namespace {

/// What stands in a quoted-string of HTTP as it is.
bool is_realm(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  });
}

AuthDecl& auth_of(Scope& scope) {
  return scope.place == flag::FORWARD ? scope.forward->auth
         : scope.place == flag::SITE  ? scope.site->auth
                                      : scope.route->auth;
}

/// [realm TEXT] [pass] from word `i` on.
void read_auth_words(Reading& r, const Statement& s, std::size_t i, const Scope& scope,
                     AuthDecl& auth) {
  bool realm = false;
  for (; i < s.words.size(); ++i) {
    const Word& word = s.words[i];
    if (word.is("realm") && !realm && i + 1 < s.words.size()) {
      realm = true;
      auth.realm = s.words[++i].text;
      if (!is_realm(auth.realm)) {
        bad_value(r, s.words[i], "1 to 128 characters of ASCII, without quotes and backslashes");
      }
    } else if (word.is("pass") && !auth.pass) {
      auth.pass = true;
      if (scope.place == flag::FORWARD) {
        r.report.error(word.at, "a forward passes no credentials on",
                       "Proxy-Authorization is for this proxy alone (RFC 9110, 11.7.2)");
      }
    } else {
      bad_value(r, word, "form: auth basic from NAME [realm TEXT] [pass]");
    }
  }
}

bool asks_for_user(const Condition& condition) {
  return condition.kind == ConditionKind::user || condition.kind == ConditionKind::group;
}

/// Rules that nobody has logged in for.
void no_users(Reading& r, const std::vector<RuleDecl>& rules, std::string_view place) {
  constexpr std::string_view kHint = "write there: auth basic from NAME";
  const auto& limits = r.config.limits;
  for (const RuleDecl& rule : rules) {
    for (const auto* conditions : {&rule.conditions, &rule.unless}) {
      for (const Condition& condition : *conditions) {
        if (asks_for_user(condition)) {
          r.report.error(condition.at, fmt::format("nobody logs in to this {}", place),
                         std::string(kHint));
        }
      }
    }
    const bool known = rule.limit && rule.limit.index < limits.size() &&
                       limits[rule.limit.index].name == rule.limit.name;
    if (known && limits[rule.limit.index].by_user) {
      r.report.error(rule.limit.at,
                     fmt::format("the limit {} counts by user, and nobody logs in to this {}",
                                 rule.limit.name, place),
                     std::string(kHint));
    }
  }
}

} // namespace

void read_users(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  UsersDecl users;
  Scope inner = scope;
  inner.users = &users;
  users.name = read_name(r, s.words[1]);
  users.at = s.at();
  const bool sound = read_inner(r, s, inner, flag::USERS);
  check_has(r, sound, users.file_at.written(), s, "file", "file /etc/weir/users");
  users.cache = inner.options.users_cache;
  users.attempts = inner.options.users_attempts;
  users.lock_time = inner.options.users_lock_time;
  users.options = inner.options;
  if (!users.name.empty()) {
    r.config.users.push_back(std::move(users));
  }
}

void read_users_file(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  const std::string file = r.report.resolve(s.words[1].at, s.words[1].text);
  scope.users->file = file;
  scope.users->file_at = s.words[1].at;
  if (!r.settings.outside) {
    return;
  }
  if (::access(file.c_str(), R_OK) != 0) {
    r.report.error(s.words[1].at, fmt::format("{}: {}", file, tell_file_error(errno)));
  } else if (is_open_to_all(file)) {
    r.report.warning(s.words[1].at,
                     fmt::format("{} can be read by every user of this system", file),
                     "chmod o-r " + file);
  }
}

void read_auth(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  AuthDecl& auth = auth_of(scope);
  auth = {};
  auth.at = s.at();
  if (s.words[1].is("none")) {
    has_words(r, s, scope, 1, 1);
    return;
  }
  if (!s.words[1].is("basic")) {
    return s.words[1].is("digest") || s.words[1].is("negotiate")
               ? absent_word(r, s.words[1])
               : bad_value(r, s.words[1], "form: auth basic from NAME [realm TEXT] [pass]");
  }
  if (!has_words(r, s, scope, 3, kAny)) {
    return;
  }
  if (!s.words[2].is("from")) {
    return bad_value(r, s.words[2], "form: auth basic from NAME [realm TEXT] [pass]");
  }
  auth.users = use_name(s.words[3]);
  auth.realm = scope.forward != nullptr ? scope.forward->name : scope.site->name;
  if (!is_realm(auth.realm)) {
    auth.realm = "weir"; // a site may be called by an expression
  }
  auth.key_part = scope.forward != nullptr ? "" : "u:" + s.words[3].text;
  read_auth_words(r, s, 4, scope, auth);
}

void check_users(Reading& r) {
  for (const ForwardDecl& forward : r.config.forwards) {
    if (!forward.auth) {
      no_users(r, forward.rules, "forward");
    }
  }
  for (const SiteDecl& site : r.config.sites) {
    const auto has = [](const RouteDecl& route) { return static_cast<bool>(route.auth); };
    if (std::none_of(site.routes.begin(), site.routes.end(), has) && !site.auth) {
      no_users(r, site.rules, "site");
    }
    for (const RouteDecl& route : site.routes) {
      if (!route.auth) {
        no_users(r, route.rules, "route");
        no_users(r, route.limits, "route");
      }
    }
  }
}

} // namespace weir::config
