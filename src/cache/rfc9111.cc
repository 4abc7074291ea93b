// SPDX-License-Identifier: Apache-2.0
#include "cache/rfc9111.h"

#include <algorithm>

#include "cache/vary.h"
#include "http/conditional.h"

namespace weir::cache {

using http::CacheControl;
using http::FieldId;

namespace {

Duration seconds(std::uint32_t n) { return std::chrono::seconds(n); }

/// RFC 9110 §15.1, without 206: partial content is not stored in this version.
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

/// The statuses whose requirements on caching this module carries out (must-understand).
bool is_understood(int status) {
  return is_heuristic_status(status) || status == 302 || status == 303 || status == 307;
}

WallTime date_of(const Received& r) {
  if (auto date = parse_http_date(r.response.fields.value(FieldId::date), r.response_time)) {
    return *date;
  }
  return r.response_time;
}

struct Lifetime {
  Duration value{};
  bool is_explicit = false;
  bool heuristic = false;
};

/// Expires minus Date; anything that is not one valid date is in the past (C3.9).
Duration expires_lifetime(const Received& r) {
  if (r.response.fields.count(FieldId::expires) != 1) {
    return {};
  }
  auto expires = parse_http_date(r.response.fields.value(FieldId::expires), r.response_time);
  return expires ? std::max(*expires - date_of(r), Duration::zero()) : Duration::zero();
}

Lifetime lifetime(const Received& r, const CacheControl& cc) {
  if (cc.s_maxage || cc.s_maxage_invalid) {
    return {seconds(cc.s_maxage_invalid ? 0 : *cc.s_maxage), true, false};
  }
  if (cc.max_age || cc.max_age_invalid) {
    return {seconds(cc.max_age_invalid ? 0 : *cc.max_age), true, false};
  }
  if (r.response.fields.has(FieldId::expires)) {
    return {expires_lifetime(r), true, false};
  }
  bool may_guess = is_heuristic_status(r.response.status) || cc.is_public;
  auto modified = parse_http_date(r.response.fields.value(FieldId::last_modified), r.response_time);
  if (may_guess && modified && r.heuristic_max > Duration::zero()) {
    // Whole seconds: the dates have no more.
    Duration tenth = std::max<Duration>(
        std::chrono::floor<std::chrono::seconds>((date_of(r) - *modified) / 10), Duration::zero());
    return {std::min(tenth, r.heuristic_max), false, true};
  }
  return {};
}

/// corrected_initial_age (§4.2.3).
Duration initial_age(const Received& r) {
  Duration apparent = std::max(r.response_time - date_of(r), Duration::zero());
  Duration delay = std::max(r.response_time - r.request_time, Duration::zero());
  Duration corrected = seconds(http::parse_age(r.response.fields).value_or(0)) + delay;
  return std::max(apparent, corrected);
}

bool has_validator(const http::ResponseHead& response, WallTime now) {
  return !response.fields.value(FieldId::etag).empty() ||
         parse_http_date(response.fields.value(FieldId::last_modified), now).has_value();
}

} // namespace

std::string_view name(NoStore why) noexcept {
  switch (why) {
  case NoStore::none:
    return "stored";
  case NoStore::method:
    return "method";
  case NoStore::request_no_store:
    return "request-no-store";
  case NoStore::no_store:
    return "no-store";
  case NoStore::is_private:
    return "private";
  case NoStore::vary:
    return "vary-star";
  case NoStore::authorization:
    return "authorization";
  case NoStore::status:
    return "status";
  case NoStore::partial:
    return "partial";
  case NoStore::set_cookie:
    return "set-cookie";
  case NoStore::no_freshness:
    return "no-freshness";
  case NoStore::coding:
    return "coding";
  }
  return "unknown";
}

bool holds_for_all(NoStore why) noexcept {
  switch (why) {
  case NoStore::no_store:
  case NoStore::is_private:
  case NoStore::vary:
  case NoStore::status:
  case NoStore::set_cookie:
  case NoStore::no_freshness:
    return true;
  case NoStore::none:
  case NoStore::method:
  case NoStore::request_no_store:
  case NoStore::authorization:
  case NoStore::partial:
  case NoStore::coding:
    return false;
  }
  return false;
}

NoStore may_store(const Received& r) {
  const auto& response = r.response;
  CacheControl cc = http::parse_cache_control(response.fields);
  CacheControl asked = http::parse_cache_control(r.request.fields);
  if (r.request.method != http::Method::get) {
    return NoStore::method;
  }
  if (asked.no_store) {
    return NoStore::request_no_store;
  }
  if (response.status < 200 || response.status == 206 || response.status == 304 ||
      r.request.fields.has(FieldId::range)) {
    return NoStore::partial;
  }
  bool understood = cc.must_understand && is_understood(response.status);
  if (cc.must_understand && !understood) {
    return NoStore::status;
  }
  if (cc.no_store && !understood) {
    return NoStore::no_store;
  }
  if (cc.is_private || cc.private_fields) {
    return NoStore::is_private; // qualified private as if it were not (C2.2)
  }
  if (!vary_names(response.fields)) {
    return NoStore::vary;
  }
  if (r.request.fields.has(FieldId::authorization) && !cc.is_public && !cc.s_maxage &&
      !cc.must_revalidate) {
    return NoStore::authorization;
  }
  Lifetime life = lifetime(r, cc);
  if (!life.is_explicit && !is_heuristic_status(response.status) && !cc.is_public) {
    return NoStore::status;
  }
  if (response.fields.has(FieldId::set_cookie) && !life.is_explicit) {
    return NoStore::set_cookie;
  }
  bool fresh = life.value > initial_age(r);
  if (!fresh || cc.no_cache) {
    // Worth it only for validation, and never for an error (C2.6).
    if (!has_validator(response, r.response_time) || response.status >= 400) {
      return NoStore::no_freshness;
    }
  }
  return NoStore::none;
}

Freshness freshness(const Received& r) {
  CacheControl cc = http::parse_cache_control(r.response.fields);
  Lifetime life = lifetime(r, cc);
  Freshness f;
  f.response_time = r.response_time;
  f.initial_age = initial_age(r);
  f.lifetime = life.value;
  f.heuristic = life.heuristic;
  f.while_revalidate = seconds(cc.stale_while_revalidate.value_or(0));
  f.if_error = seconds(cc.stale_if_error.value_or(0));
  // s-maxage implies proxy-revalidate for a shared cache (§5.2.2.10). no-cache="field" is taken as
  // if it had no list (C2.12).
  f.must_revalidate =
      cc.must_revalidate || cc.proxy_revalidate || cc.s_maxage || cc.s_maxage_invalid;
  f.no_cache = cc.no_cache || cc.no_cache_fields;
  f.shared_authorized = cc.is_public || cc.s_maxage || cc.must_revalidate;
  return f;
}

Meta make_meta(const Received& r) {
  Meta meta;
  meta.status = static_cast<std::uint16_t>(r.response.status);
  meta.freshness = freshness(r);
  meta.date = date_of(r);
  meta.etag = r.response.fields.value(FieldId::etag);
  if (auto modified =
          parse_http_date(r.response.fields.value(FieldId::last_modified), r.response_time)) {
    meta.last_modified = *modified;
  }
  meta.vary = vary_names(r.response.fields).value_or("");
  return meta;
}

ServeVerdict may_serve(const Freshness& f, Duration age, const http::Fields& request) {
  Duration left = f.lifetime - age; // fresh while it is positive (C16.6)
  bool plain = !request.has(FieldId::cache_control) && !request.has(FieldId::pragma);
  if (plain && !f.no_cache) {
    if (left > Duration::zero()) {
      return {Serve::fresh, {}};
    }
    bool in_window = !f.must_revalidate && -left < f.while_revalidate;
    return {in_window ? Serve::refresh : Serve::validate, "stale"};
  }
  CacheControl asked = http::parse_cache_control(request);
  if (f.no_cache) {
    return {Serve::validate, "stale"};
  }
  if (asked.no_cache || http::is_pragma_no_cache(request)) {
    return {Serve::validate, "request"};
  }
  if (asked.max_age && age > seconds(*asked.max_age)) {
    return {Serve::validate, "request"};
  }
  if (asked.min_fresh && left < seconds(*asked.min_fresh)) {
    return {Serve::validate, "request"};
  }
  if (left > Duration::zero()) {
    return {Serve::fresh, {}};
  }
  if (asked.max_stale && !f.must_revalidate &&
      (*asked.max_stale == http::kVeryLong || -left <= seconds(*asked.max_stale))) {
    return {Serve::stale_allowed, "stale"};
  }
  bool in_window = !f.must_revalidate && -left < f.while_revalidate && !asked.max_age;
  return {in_window ? Serve::refresh : Serve::validate, "stale"};
}

bool may_share_with(const Freshness& f, const http::Fields& request) {
  return f.shared_authorized || !request.has(FieldId::authorization);
}

bool may_serve_on_error(const Freshness& f, Duration age, bool unreachable) {
  if (f.must_revalidate || f.no_cache) {
    return false;
  }
  return unreachable || (f.if_error > Duration::zero() && age - f.lifetime <= f.if_error);
}

Result<void> merge_304(const Meta& stored, const http::ResponseHead& stored_head,
                       const http::ResponseHead& update, http::ResponseHead& merged, Arena& arena) {
  std::string_view tag = update.fields.value(FieldId::etag);
  bool strong = !tag.empty() && !tag.starts_with("W/");
  if (strong && tag != stored.etag) {
    return fail(Code::malformed, Side::origin);
  }
  merged.clear();
  merged.status = stored_head.status;
  merged.reason = stored_head.reason;
  http::Fields newer;
  newer.assign(update.fields, arena);
  http::remove_hop_by_hop(newer);
  newer.remove_if([](const http::Field& field) {
    return field.id == FieldId::content_length || field.id == FieldId::transfer_encoding ||
           field.id == FieldId::content_encoding || field.id == FieldId::content_range ||
           http::has_flag(field.id, http::kUnstored);
  });
  auto replaced = [&](const http::Field& old) {
    return old.id != FieldId::other ? newer.has(old.id) : newer.find(old.name) != nullptr;
  };
  for (const http::Field& old : stored_head.fields) {
    if (!replaced(old)) {
      merged.fields.add(old, arena);
    }
  }
  for (const http::Field& field : newer) {
    merged.fields.add(field, arena);
  }
  return {};
}

bool invalidates(http::Method method, int status) noexcept {
  return !http::is_safe(method) && status >= 200 && status < 400;
}

} // namespace weir::cache
