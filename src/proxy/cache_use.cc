// SPDX-License-Identifier: Apache-2.0
#include "proxy/cache_use.h"

#include "http/cache_control.h"

namespace weir::proxy {

using http::FieldId;
using http::Method;

namespace {
constexpr std::string_view kTargeted[] = {"CDN-Cache-Control"};
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

std::span<const std::string_view> targeted_fields(bool forward) {
  return forward ? std::span<const std::string_view>{} : kTargeted;
}

} // namespace weir::proxy
