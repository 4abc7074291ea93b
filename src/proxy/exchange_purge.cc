// SPDX-License-Identifier: Apache-2.0
//
// PURGE, for senders that a rule allows by name of the method; and what an unsafe request
// invalidates where a route adds parts to the key.
#include <algorithm>

#include <fmt/format.h>

#include "cache/policy.h"
#include "proxy/awaited.h"
#include "proxy/exchange.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {

/// A rule that lets anything pass does not let anybody purge: PURGE stands in it by name.
bool names_purge(const rules::Verdict& verdict) {
  if (verdict.decl == nullptr || verdict.decl->action != config::ActionKind::allow) {
    return false;
  }
  const auto& all = verdict.decl->conditions;
  return std::any_of(all.begin(), all.end(), [](const config::Condition& each) {
    return each.kind == config::ConditionKind::method &&
           std::find(each.texts.begin(), each.texts.end(), "PURGE") != each.texts.end();
  });
}

} // namespace

PurgeRequest Exchange::purge_request(std::string_view target) const {
  PurgeRequest request;
  request.place = route_->place;
  request.scheme = scheme_;
  request.host = facts_.host;
  request.port = facts_.port;
  request.target = target;
  return request;
}

/// Asked again until the row is durable (DESIGN §6.1).
Next Exchange::admit_purge(const rules::Route& route) {
  if (awaited_) {
    const PurgeReply& purge = *awaited_->purge;
    if (!purge.done) {
      return Next::wait;
    }
    std::string body = fmt::format("{{\"number\": {}, \"matched\": {}}}\n", purge.number.load(),
                                   purge.matched.load());
    int status = purge.recorded ? 200 : 500;
    return reply(make_respond(status, "application/json", std::move(body)));
  }
  if (!names_purge(verdict_) || !route.cache || resources_.purger == nullptr) {
    return reply(make_error(405, page_facts()));
  }
  PurgeRequest request = purge_request(request_.uri.path_query);
  request.tags = cache::read_tags(request_.fields, generation_->policy(route).tag_fields);
  for (const http::Field& field : request_.fields) {
    request.hard = request.hard || (http::iequals(field.name, "Purge-Mode") &&
                                    http::iequals(http::trim(field.value), "hard"));
  }
  awaited_ = std::make_unique<Awaited>();
  awaited_->purge = std::make_shared<PurgeReply>();
  resources_.purger->purge(std::move(request), ticket(), awaited_->purge);
  return Next::wait;
}

/// All keys of a URL, with whatever parts: soon, by way of the purges.
void Exchange::invalidate_parts(std::string_view target) {
  if (policy_->has_parts() && resources_.purger != nullptr) {
    PurgeRequest request = purge_request(target);
    request.hard = true;
    resources_.purger->purge(std::move(request), {}, std::make_shared<PurgeReply>());
  }
}

} // namespace weir::proxy
