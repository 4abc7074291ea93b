// SPDX-License-Identifier: Apache-2.0
//
// Who asks, where somebody has to log in: each request, before the rules and before the cache
// (W8.6).
#include <fmt/format.h>

#include "metrics/metrics.h"
#include "proxy/awaited.h"
#include "proxy/exchange.h"
#include "proxy/resources.h"

namespace weir::proxy {

using http::FieldId;
using metrics::Metric;

namespace {
constexpr std::string_view kWarm = "warm"; // weir asks for itself: it has no password

constexpr FieldId credentials_field(bool forward) noexcept {
  return forward ? FieldId::proxy_authorization : FieldId::authorization;
}
} // namespace

/// Asked again when the hash is computed.
Next Exchange::admit_user() {
  const FieldId field = credentials_field(forward_);
  if (awaited_) {
    Login login = awaited_->login->state();
    if (login == Login::waits) {
      return Next::wait;
    }
    awaited_.reset();
    auto given = http::read_basic(request_.fields.value(field), arena_);
    return login == Login::right && given ? enter(given->name) : refuse_login(login, {});
  }
  if (record_.kind == kWarm) {
    return enter({});
  }
  std::string_view value = request_.fields.value(field);
  if (!http::is_basic(value)) {
    return refuse_login(Login::missing, {});
  }
  auto given = http::read_basic(value, arena_);
  if (!given || request_.fields.count(field) > 1) { // which of them is meant?
    return refuse_login(Login::wrong, {});
  }
  if (resources_.logins == nullptr) {
    return refuse_login(Login::busy, {});
  }
  const config::NameRef& users = route_->auth->users;
  LoginAnswer answer = resources_.logins->ask(
      {generation_->config->users[users.index], generation_->users[users.index], *given, client_},
      ticket());
  if (answer.login == Login::waits) {
    awaited_ = std::make_unique<Awaited>();
    awaited_->login = std::move(answer.check);
    return Next::wait;
  }
  return answer.login == Login::right ? enter(given->name)
                                      : refuse_login(answer.login, answer.locked_for);
}

/// The credentials were for weir: they go no further, unless a site says so.
Next Exchange::enter(std::string_view name) {
  const config::AuthDecl& auth = *route_->auth;
  if (!auth.pass) {
    request_.fields.remove(credentials_field(forward_));
  }
  if (const rules::User* user = generation_->users[auth.users.index].find(name)) {
    metrics::count(Metric::logins_right);
    facts_.user = record_.user = user->name;
    facts_.groups = user->groups;
  }
  Next next = admit_asked();
  if (!forward_ && !auth.pass) { // no cache before weir checks who asks
    own_fields_ = arena_.join({own_fields_, "Cache-Control: private\r\n"});
  }
  return next;
}

Next Exchange::refuse_login(Login why, Duration locked_for) {
  PageFacts facts = page_facts();
  if (why == Login::busy) {
    metrics::count(Metric::logins_busy);
    record_.end = "overloaded";
    return reply(make_error(503, facts));
  }
  if (why == Login::locked) {
    metrics::count(Metric::logins_locked);
    record_.end = "locked";
    auto seconds = std::chrono::ceil<std::chrono::seconds>(locked_for).count();
    own_fields_ = arena_.copy(fmt::format("Retry-After: {}\r\n", seconds));
    facts.reason = "There were too many wrong passwords. Try again later.";
    return reply(make_error(429, facts));
  }
  metrics::count(why == Login::missing ? Metric::logins_missing : Metric::logins_wrong);
  record_.end = "unauthorized";
  return reply(make_challenge(forward_, route_->auth->realm, facts));
}

} // namespace weir::proxy
