// SPDX-License-Identifier: Apache-2.0
#include "proxy/cache_use.h"

#include <algorithm>

#include "http/cache_control.h"
#include "http/range.h"
#include "proxy/fetch_plan.h"

namespace weir::proxy {

using http::FieldId;
using http::Method;

cache::KeyParts key_parts(const cache::Tier& tier, const rules::Route& route,
                          const rules::Facts& facts, std::string_view target) {
  cache::KeyParts parts;
  parts.realm = tier.shared ? std::string_view{} : route.place;
  parts.scheme = facts.scheme;
  parts.host = facts.host;
  parts.port = facts.port;
  parts.target = target;
  // Else who asks for it by another way, a shared cache or a port of another site of this name,
  // would be given what is for users alone.
  parts.extra = {&route.login, static_cast<std::size_t>(!route.login.empty())};
  return parts;
}

bool is_guarded(const rules::Route& route, std::span<const Address> addresses) {
  return route.forward != nullptr && route.forward->private_deny &&
         std::any_of(addresses.begin(), addresses.end(), [&route](const Address& address) {
           return is_guarded(address, route.forward->private_except);
         });
}

bool may_look_up(const http::RequestHead& request, const cache::Policy* policy) {
  bool method = request.method == Method::get || request.method == Method::head;
  if (!method || request.framing.has_body() || request.fields.has(FieldId::if_match) ||
      request.fields.has(FieldId::if_unmodified_since) ||
      request.uri.form == http::Target::Form::asterisk) {
    return false;
  }
  return (policy != nullptr && !policy->client_directives) ||
         !request.fields.has(FieldId::cache_control) ||
         !http::parse_cache_control(request.fields).no_store;
}

bool is_for_origin_only(const http::RequestHead& request, const rules::Verdict& verdict,
                        bool has_stale) {
  return request.method != Method::get || verdict.cache_no_store ||
         (!has_stale && request.fields.has(FieldId::range));
}

bool asks_only_cache(const http::Fields& request) {
  return request.has(FieldId::cache_control) && http::parse_cache_control(request).only_if_cached;
}

http::Validators validators_of(const cache::Entry& entry) {
  http::Validators v;
  v.etag = entry.etag();
  if (entry.last_modified() != WallTime{}) {
    v.last_modified = entry.last_modified();
  }
  v.date = entry.date();
  return v;
}

bool asks_for_part(const http::RequestHead& request) {
  if (request.method != http::Method::get || !request.fields.has(FieldId::range)) {
    return false;
  }
  auto set = http::parse_range(request.fields);
  return set && set->count == 1;
}

bool is_covered(const http::RequestHead& request, const cache::Entry& entry) {
  if (!asks_for_part(request) ||
      !http::may_use_range(request.fields, validators_of(entry), Clock::wall())) {
    return false;
  }
  auto ranges = http::resolve_ranges(*http::parse_range(request.fields), entry.body_size());
  const http::ByteRange& part = ranges.parts[0];
  return ranges.kind == http::RangeAnswer::Kind::parts &&
         entry.parts()->covering(part.first, part.last + 1) != nullptr;
}

bool can_be_completed(const cache::Entry& entry) {
  return entry.parts()->prefix() != nullptr && http::strong_match(entry.etag(), entry.etag());
}

cache::RequestDirectives directives_of(const http::Fields& request, const cache::Policy& policy,
                                       const rules::Verdict& verdict) {
  cache::RequestDirectives asked = cache::read_request_directives(request);
  if (!policy.client_directives) {
    bool only = asked.only_if_cached;
    asked = {};
    asked.only_if_cached = only;
  }
  asked.no_cache = asked.no_cache || verdict.cache_bypass;
  return asked;
}

} // namespace weir::proxy
