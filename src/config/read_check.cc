// SPDX-License-Identifier: Apache-2.0
//
// The statement check of a pool.
#include <fmt/format.h>

#include "base/arena.h"
#include "config/statements.h"
#include "config/values.h"
#include "http/uri.h"

namespace weir::config {
namespace {

/// connect, or GET PATH.
void read_what(Reading& r, const Statement& s, const Scope& scope, CheckDecl& check) {
  if (!has_words(r, s, scope, 1, 2)) {
    return;
  }
  const bool get = s.words[1].is("GET");
  if (!get && !s.words[1].is("connect")) {
    return bad_value(r, s.words[1], "write connect or GET /PATH");
  }
  if (get != (s.words.size() == 3)) {
    return bad_value(r, s.words.back(), get ? "write GET /PATH" : "connect stands alone");
  }
  check.kind = get ? CheckDecl::Kind::get : CheckDecl::Kind::connect;
  if (get) {
    check.path = s.words[2].text;
    if (check.path.empty() || check.path[0] != '/' || !http::is_path_query(check.path)) {
      bad_value(r, s.words[2], "write the path of a URL, with a query if there is one: /health");
    }
  }
}

} // namespace

void read_pool_check(Reading& r, const Statement& s, Scope& scope) {
  const std::vector<Statement> parts = split(s, flag::CHECK);
  CheckDecl check;
  check.at = s.at();
  read_what(r, parts[0], scope, check);
  Scope inner = scope;
  inner.check = &check;
  read_parts(r, parts, inner, flag::CHECK);
  if (check.kind == CheckDecl::Kind::connect && !(check.status.empty() && check.host.empty())) {
    r.report.error(s.at(), "status and host are for GET", "form: check GET /PATH ...");
  }
  if (check.kind == CheckDecl::Kind::get && check.status.empty()) {
    check.status.push_back({200, 399});
  }
  check.every = inner.options.check_every;
  check.timeout = inner.options.check_timeout;
  check.rise = inner.options.check_rise;
  check.fall = inner.options.check_fall;
  scope.pool->check = std::move(check);
}

void read_check_status(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    CheckDecl::Statuses each;
    if (!read_statuses(s.words[i].text, each.first, each.last)) {
      bad_value(r, s.words[i], "write 200, 2xx or 200-399");
    }
    scope.check->status.push_back(each);
  }
}

void read_check_host(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  Arena arena;
  if (!http::parse_authority(s.words[1].text, arena)) {
    return bad_value(r, s.words[1], "write a host, with a port if there is one: www.example.com");
  }
  scope.check->host = s.words[1].text;
}

std::string write_check(const CheckDecl& check) {
  if (check.kind == CheckDecl::Kind::none) {
    return "none";
  }
  std::string text = "connect";
  if (check.kind == CheckDecl::Kind::get) {
    text = fmt::format("GET {} status", check.path);
    for (const CheckDecl::Statuses& each : check.status) {
      text += each.first == each.last ? fmt::format(" {}", each.first)
                                      : fmt::format(" {}-{}", each.first, each.last);
    }
    text += check.host.empty() ? "" : " host " + check.host;
  }
  return text + fmt::format(" every {} timeout {} rise {} fall {}", write_duration(check.every),
                            write_duration(check.timeout), check.rise, check.fall);
}

} // namespace weir::config
