// SPDX-License-Identifier: Apache-2.0
//
// What may be stored, and its freshness: RFC 9111 §3, §4.2.
#include "cache/rfc9111.h"

#include <algorithm>

#include "cache/vary.h"
#include "http/cache_control.h"

namespace weir::cache {

using http::CacheControl;
using http::FieldId;

namespace {

Duration seconds(std::uint32_t n) { return std::chrono::seconds(n); }

/// RFC 9110 §15.1, without 206: a part is judged as the 200 that it is a part of.
bool is_heuristic_status(int status) {
  switch (status) {
  case 200:
  case 203:
  case 204:
  case 300:
  case 301:
  case 308:
  case 404:
  case 405:
  case 410:
  case 414:
  case 501:
    return true;
  default:
    return false;
  }
}

/// The statuses whose requirements on caching are carried out here, for must-understand (C2.3).
bool is_understood(int status) {
  switch (status) {
  case 302:
  case 303:
  case 307:
  case 400:
  case 403:
  case 500:
  case 502:
  case 503:
  case 504:
    return true;
  default:
    return is_heuristic_status(status);
  }
}

bool is_error(int status) { return status >= 400; }

std::optional<WallTime> date_field(const Received& r, FieldId id) {
  return parse_http_date(r.response.fields.value(id), r.response_time);
}

/// By the origin's clock; where it says nothing, when the response was received (C3.12).
WallTime date_of(const Received& r) {
  return date_field(r, FieldId::date).value_or(r.response_time);
}

struct Lifetime {
  Duration value{};
  bool is_explicit = false;
  LifetimeFrom from = LifetimeFrom::nothing;
};

/// What the response's own fields say, without what the route does not obey.
struct Directives {
  CacheControl cc;
  bool use_expires = true;
  bool is_targeted = false;
};

Directives directives(const Received& r) {
  Directives said;
  std::optional<CacheControl> targeted;
  if (r.policy != nullptr) {
    for (const std::string& name : r.policy->targeted) {
      targeted = targeted ? targeted : http::parse_targeted(r.response.fields, name);
    }
  }
  said.cc = targeted ? *targeted : http::parse_cache_control(r.response.fields);
  said.is_targeted = targeted.has_value();
  said.use_expires = !targeted; // RFC 9213 §2.2
  if (r.policy != nullptr) {
    r.policy->apply(said.cc);
    said.use_expires = said.use_expires && !r.policy->ignore.freshness;
  }
  return said;
}

bool ignores_vary(const Received& r) { return r.policy != nullptr && r.policy->ignore.vary; }

/// §4.2.1, §4.2.2. What is invalid counts as explicit, and is 0 (C3.5, C3.9, C4.1).
Lifetime own_lifetime(const Received& r, const Directives& said) {
  const CacheControl& cc = said.cc;
  auto field = [&said](LifetimeFrom from) {
    return said.is_targeted ? LifetimeFrom::targeted : from;
  };
  if (cc.s_maxage || cc.s_maxage_invalid) {
    return {seconds(cc.s_maxage.value_or(0)), true, field(LifetimeFrom::s_maxage)};
  }
  if (cc.max_age || cc.max_age_invalid) {
    return {seconds(cc.max_age.value_or(0)), true, field(LifetimeFrom::max_age)};
  }
  if (said.use_expires && r.response.fields.has(FieldId::expires)) {
    auto expires = r.response.fields.count(FieldId::expires) == 1 ? date_field(r, FieldId::expires)
                                                                  : std::nullopt;
    return {expires ? std::max(*expires - date_of(r), Duration::zero()) : Duration::zero(), true,
            LifetimeFrom::expires};
  }
  auto modified = date_field(r, FieldId::last_modified);
  if (!modified || !(is_heuristic_status(r.response.status) || cc.is_public)) {
    return {};
  }
  // Whole seconds: the dates have no more, and seconds ago shall give nothing (C4.2).
  Duration share = std::chrono::floor<std::chrono::seconds>((date_of(r) - *modified) / 100 *
                                                            r.heuristic_percent);
  return {std::clamp(share, Duration::zero(), std::max(r.heuristic_max, Duration::zero())), false,
          LifetimeFrom::heuristic};
}

/// The same within the route's bounds.
Lifetime lifetime(const Received& r, const Directives& directives) {
  Lifetime life = own_lifetime(r, directives);
  if (r.policy == nullptr) {
    return life;
  }
  const Policy& policy = *r.policy;
  if (!life.is_explicit) {
    Duration said = policy.ttl_of(r.response.status);
    if (said == Duration::zero() && is_heuristic_status(r.response.status)) {
      said = policy.ttl;
    }
    if (said > Duration::zero()) {
      life = {said, true, LifetimeFrom::ttl};
    }
  }
  if (policy.ttl_min > life.value && (life.is_explicit || life.value > Duration::zero())) {
    life.value = policy.ttl_min;
    life.from = LifetimeFrom::ttl_min;
  }
  if (policy.ttl_max > Duration::zero() && policy.ttl_max < life.value) {
    life.value = policy.ttl_max;
    life.from = LifetimeFrom::ttl_max;
  }
  return life;
}

/// corrected_initial_age (§4.2.3). Date has whole seconds: so has the apparent age, or a response
/// would lose up to a second of its life to truncation (C16.6).
Duration initial_age(const Received& r) {
  Duration apparent = std::chrono::floor<std::chrono::seconds>(r.response_time) - date_of(r);
  Duration delay = std::max(r.response_time - r.request_time, Duration::zero());
  return std::max(apparent, seconds(http::parse_age(r.response.fields).value_or(0)) + delay);
}

bool has_validator(const Received& r) {
  return !r.response.fields.value(FieldId::etag).empty() ||
         date_field(r, FieldId::last_modified).has_value();
}

Freshness make_freshness(const Received& r, const CacheControl& cc, const Lifetime& life) {
  Freshness f;
  f.response_time = r.response_time;
  f.initial_age = initial_age(r);
  f.lifetime = life.value;
  f.heuristic = !life.is_explicit;
  f.while_revalidate = seconds(cc.stale_while_revalidate.value_or(0));
  f.if_error = seconds(cc.stale_if_error.value_or(0));
  // s-maxage implies proxy-revalidate (§5.2.2.10).
  f.must_revalidate =
      cc.must_revalidate || cc.proxy_revalidate || cc.s_maxage || cc.s_maxage_invalid;
  if (r.policy != nullptr) {
    f.must_revalidate = f.must_revalidate && !r.policy->ignore.must_revalidate;
    f.while_revalidate =
        cc.stale_while_revalidate ? f.while_revalidate : r.policy->while_revalidate;
    f.if_error = cc.stale_if_error ? f.if_error : r.policy->if_error;
  }
  f.must_revalidate = f.must_revalidate || is_error(r.response.status);
  f.no_cache = cc.no_cache || cc.no_cache_fields; // qualified as if it were not (C2.12)
  f.shared_authorized = cc.is_public || cc.s_maxage || cc.must_revalidate;
  return f;
}

/// What forbids it in the request, or in what the request made of the response.
NoStore judge_request(const Received& r) {
  const auto& fields = r.request.fields;
  if (r.request.method != http::Method::get) {
    return NoStore::method;
  }
  if (r.request.framing.has_body()) {
    return NoStore::request_body;
  }
  if (!r.ignore_request_directives && http::parse_cache_control(fields).no_store) {
    return NoStore::request_no_store;
  }
  if (r.response.status == 206) {
    return NoStore::partial;
  }
  if (r.response.status == 304) {
    return NoStore::not_modified;
  }
  if (fields.has(FieldId::range) && r.response.status != 200) {
    return NoStore::range_request;
  }
  bool conditional = fields.has(FieldId::if_match) || fields.has(FieldId::if_unmodified_since) ||
                     fields.has(FieldId::if_none_match);
  if (r.response.status == 412 && conditional) {
    return NoStore::precondition;
  }
  return NoStore::none;
}

bool has_unknown_coding(const http::Fields& fields) {
  http::ListReader reader(fields, FieldId::transfer_encoding);
  while (auto member = reader.next()) {
    if (!http::iequals(*member, "chunked")) {
      return true;
    }
  }
  return false;
}

/// What the response itself forbids.
NoStore judge_response(const Received& r, const CacheControl& cc) {
  const auto& fields = r.response.fields;
  if (r.response.status < 200) {
    return NoStore::status;
  }
  if (cc.must_understand && !is_understood(r.response.status)) {
    return NoStore::must_understand;
  }
  if (cc.no_store && !cc.must_understand) {
    return NoStore::no_store;
  }
  if (cc.is_private || cc.private_fields) {
    return NoStore::is_private;
  }
  if (!ignores_vary(r) && !vary_names(fields)) {
    return NoStore::vary;
  }
  if (has_unknown_coding(fields)) {
    return NoStore::coding;
  }
  bool shareable = cc.is_public || cc.s_maxage || cc.must_revalidate;
  if (r.request.fields.has(FieldId::authorization) && !shareable) {
    return NoStore::authorization;
  }
  return NoStore::none;
}

/// Whether it will ever answer anything.
NoStore judge_use(const Received& r, const CacheControl& cc, const Lifetime& life) {
  int status = r.response.status;
  if (!life.is_explicit && !is_heuristic_status(status) && !cc.is_public) {
    return NoStore::status;
  }
  bool cookies = r.policy == nullptr || !r.policy->ignore.set_cookie;
  if (cookies && r.response.fields.has(FieldId::set_cookie) &&
      (r.refuse_set_cookie || !life.is_explicit)) {
    return NoStore::set_cookie;
  }
  Freshness f = make_freshness(r, cc, life);
  if (f.initial_age < f.lifetime && !f.no_cache) {
    return NoStore::none;
  }
  // For validation, or for what is allowed while stale; an error neither way (C2.6).
  bool stale_use = !f.must_revalidate && !f.no_cache &&
                   f.initial_age < f.lifetime + std::max(f.while_revalidate, f.if_error);
  if (!is_error(status) && (has_validator(r) || stale_use)) {
    return NoStore::none;
  }
  return life.is_explicit || f.no_cache || life.value > Duration::zero() ? NoStore::expired
                                                                         : NoStore::no_freshness;
}

} // namespace

std::string_view name(NoStore why) noexcept {
  switch (why) {
  case NoStore::none:
    return "stored";
  case NoStore::method:
    return "method";
  case NoStore::request_body:
    return "request-body";
  case NoStore::request_no_store:
    return "request-no-store";
  case NoStore::range_request:
    return "range-request";
  case NoStore::precondition:
    return "precondition";
  case NoStore::status:
    return "status";
  case NoStore::partial:
    return "partial";
  case NoStore::not_modified:
    return "not-modified";
  case NoStore::must_understand:
    return "must-understand";
  case NoStore::no_store:
    return "no-store";
  case NoStore::is_private:
    return "private";
  case NoStore::vary:
    return "vary-star";
  case NoStore::authorization:
    return "authorization";
  case NoStore::set_cookie:
    return "set-cookie";
  case NoStore::coding:
    return "coding";
  case NoStore::no_freshness:
    return "no-freshness";
  case NoStore::expired:
    return "expired";
  case NoStore::size:
    return "size";
  }
  return "unknown";
}

std::string_view name(LifetimeFrom from) noexcept {
  switch (from) {
  case LifetimeFrom::nothing:
    return "nothing";
  case LifetimeFrom::targeted:
    return "a targeted field";
  case LifetimeFrom::s_maxage:
    return "s-maxage";
  case LifetimeFrom::max_age:
    return "max-age";
  case LifetimeFrom::expires:
    return "Expires";
  case LifetimeFrom::heuristic:
    return "heuristic";
  case LifetimeFrom::ttl:
    return "ttl of the route";
  case LifetimeFrom::ttl_min:
    return "ttl-min of the route";
  case LifetimeFrom::ttl_max:
    return "ttl-max of the route";
  }
  return "";
}

bool holds_for_all(NoStore why) noexcept {
  switch (why) {
  case NoStore::none:
  case NoStore::method:
  case NoStore::request_body:
  case NoStore::request_no_store:
  case NoStore::range_request:
  case NoStore::precondition:
  case NoStore::partial:
  case NoStore::not_modified:
  case NoStore::authorization:
    return false;
  case NoStore::status:
  case NoStore::must_understand:
  case NoStore::no_store:
  case NoStore::is_private:
  case NoStore::vary:
  case NoStore::set_cookie:
  case NoStore::coding:
  case NoStore::no_freshness:
  case NoStore::expired:
  case NoStore::size:
    return true;
  }
  return false;
}

NoStore may_store(const Received& r) {
  NoStore why = judge_request(r);
  if (why != NoStore::none) {
    return why;
  }
  Directives said = directives(r);
  why = judge_response(r, said.cc);
  if (why == NoStore::none) {
    why = judge_use(r, said.cc, lifetime(r, said));
  }
  bool sized = r.response.framing.kind == http::Framing::Kind::length;
  bool small = sized && r.policy != nullptr && !r.policy->takes_size(r.response.framing.length);
  return why == NoStore::none && small ? NoStore::size : why;
}

Freshness freshness(const Received& r) {
  Directives said = directives(r);
  return make_freshness(r, said.cc, lifetime(r, said));
}

LifetimeFrom lifetime_from(const Received& r) { return lifetime(r, directives(r)).from; }

Meta make_meta(const Received& r, std::string_view key) {
  const auto& fields = r.response.fields;
  Meta meta;
  meta.key = key;
  meta.vary = ignores_vary(r) ? std::string() : vary_names(fields).value_or("");
  Arena scratch;
  meta.selecting = selecting_values(meta.vary, r.request.fields, scratch);
  meta.head = write_stored_head(r.response, r.response_time);
  meta.status = static_cast<std::uint16_t>(r.response.status);
  meta.freshness = freshness(r);
  meta.date = date_of(r);
  meta.etag = fields.value(FieldId::etag);
  if (auto modified = date_field(r, FieldId::last_modified)) {
    // The epoch stands for none in a Meta, and is a date that builds for reproduction give.
    meta.last_modified = std::max(*modified, WallTime{} + Duration(1));
  }
  if (r.policy != nullptr) {
    meta.tags = read_tags(fields, r.policy->tag_fields);
  }
  return meta;
}

} // namespace weir::cache
