// SPDX-License-Identifier: Apache-2.0
//
// What a stored response may answer: RFC 9111 §4, §4.2.4, §5.2.1, RFC 5861.
#include "cache/outcome.h"
#include "cache/rfc9111.h"
#include "http/cache_control.h"

namespace weir::cache {

RequestDirectives read_request_directives(const http::Fields& request) noexcept {
  RequestDirectives asked;
  if (!request.has(http::FieldId::cache_control)) {
    asked.no_cache = http::is_pragma_no_cache(request);
    return asked;
  }
  // What is invalid is as if it were absent: nobody is harmed, and no miss is forced.
  http::CacheControl cc = http::parse_cache_control(request);
  auto duration = [](std::optional<std::uint32_t> n) {
    return n ? std::optional<Duration>(std::chrono::seconds(*n)) : std::nullopt;
  };
  asked.no_store = cc.no_store;
  asked.no_cache = cc.no_cache || cc.no_cache_fields;
  asked.only_if_cached = cc.only_if_cached;
  asked.max_age = duration(cc.max_age);
  asked.min_fresh = duration(cc.min_fresh);
  asked.max_stale = duration(cc.max_stale);
  if (cc.max_stale == http::kVeryLong) {
    asked.max_stale = Duration::max();
  }
  return asked;
}

ServeVerdict may_serve(const Freshness& f, Duration age, const RequestDirectives& asked) noexcept {
  if (f.no_cache) {
    return {Serve::validate, fwd::kStale};
  }
  Duration left = f.lifetime - age;
  if (asked.no_cache || asked.no_store || (asked.max_age && age > *asked.max_age) ||
      (asked.min_fresh && left < *asked.min_fresh)) {
    return {Serve::validate, left > Duration::zero() ? fwd::kRequest : fwd::kStale};
  }
  if (left > Duration::zero()) {
    return {Serve::fresh, {}};
  }
  if (f.must_revalidate) { // C7.3
    return {Serve::validate, fwd::kStale};
  }
  Duration staleness = -left;
  // One that says how fresh it wants things wants nothing stale, unless it says that too
  // (§5.2.1.1).
  bool demanding = (asked.max_age || asked.min_fresh) && !asked.max_stale;
  if (f.while_revalidate > Duration::zero() && staleness <= f.while_revalidate && !demanding) {
    return {Serve::refresh, {}};
  }
  if (asked.max_stale && staleness <= *asked.max_stale) {
    return {Serve::stale_allowed, {}};
  }
  return {Serve::validate, fwd::kStale};
}

bool may_serve_on_error(const Freshness& f, Duration age, bool unreachable,
                        const RequestDirectives& asked) noexcept {
  if (f.must_revalidate || f.no_cache || asked.no_cache || asked.no_store ||
      (asked.max_age && age > *asked.max_age)) {
    return false;
  }
  // Disconnected (C7.2). An origin that answers badly is as good as none, unless it said for how
  // long.
  return unreachable || f.if_error == Duration::zero() || age - f.lifetime <= f.if_error;
}

bool is_server_failure(int status) noexcept {
  return status == 500 || status == 502 || status == 503 || status == 504;
}

bool invalidates(http::Method method, int status) noexcept {
  return !http::is_safe(method) && method != http::Method::connect && status >= 200 && status < 400;
}

} // namespace weir::cache
