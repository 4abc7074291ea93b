// SPDX-License-Identifier: Apache-2.0
//
// RFC 9111 as pure functions: what may be stored, how long it is fresh, what it may answer, how it
// is validated and updated, what invalidates it (CACHE_RULES 2-5, 7, 8, 11, 13). No I/O, no clock:
// times are arguments. What is not understood is not stored. Allocation only where something is
// stored.
//
// Times: whole seconds come from fields, microseconds from our clock. Something is fresh while its
// lifetime is strictly greater than its age (C16.6).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "cache/meta.h"
#include "cache/policy.h"
#include "http/message.h"

namespace weir::cache {

/// A response at the moment its head has arrived.
struct Received {
  const http::RequestHead& request; // the client's: what Vary nominates is read there
  const http::ResponseHead& response;
  WallTime request_time{};  // when the request was sent
  WallTime response_time{}; // now
  Duration heuristic_max{}; // 0: no freshness is guessed (C4.2)
  int heuristic_percent = 10;
  bool refuse_set_cookie = false;         // the operator's switch of C2.8
  bool ignore_request_directives = false; // that of C13
  const Policy* policy = nullptr;         // the route's; null: none
};

/// Why a response is not stored. The names are words of the log and of Cache-Status.
enum class NoStore : std::uint8_t {
  none,             // it is stored
  method,           // only answers to GET are
  request_body,     // a GET with a body (W7.2)
  request_no_store, // the request says no-store
  range_request,    // a request for a range, answered with anything but a whole 200
  precondition,     // 412 to the client's own condition
  status,           // nothing says that this status may be kept without explicit freshness
  partial,          // 206 that does not say which part it is, or not enough of the whole
  not_modified,     // 304: nothing to store it with (C8.7)
  must_understand,  // must-understand, and a status whose rules are not known (C2.3)
  no_store,         // the response says so
  is_private,       // private, qualified or not (C2.2)
  vary,             // Vary: *, or one that is not understood
  authorization,    // the request is authorised, the response does not allow sharing (§3.5)
  set_cookie,       // Set-Cookie without explicit freshness, or switched off
  coding,           // a transfer coding other than chunked (C2.14)
  no_freshness,     // nothing says how long, and nothing to validate it with (C2.9)
  expired,          // stale on arrival: an error, or without a validator (C2.6)
  size,             // outside the route's bounds
};
std::string_view name(NoStore why) noexcept;
/// Whether any other client's request would get the same verdict: the key is worth a mark.
bool holds_for_all(NoStore why) noexcept;

NoStore may_store(const Received& received);
/// §4.2.1-§4.2.3. Responses of 400 and above get must_revalidate: no stale copy is an error (C7.5).
Freshness freshness(const Received& received);
/// What decided a lifetime.
enum class LifetimeFrom : std::uint8_t {
  nothing,   // no freshness is known
  targeted,  // a field like CDN-Cache-Control (C12)
  s_maxage,  // of Cache-Control
  max_age,   // of Cache-Control
  expires,   // the field, less Date
  heuristic, // a share of the time since Last-Modified (§4.2.2)
  ttl,       // the route's ttl or ttl-status
  ttl_min,   // the route's bounds, over what the response says
  ttl_max,
};
std::string_view name(LifetimeFrom from) noexcept;
LifetimeFrom lifetime_from(const Received& received);
/// All but addresses, tags and purge number; body_size is set when the body has ended. The head has
/// no Content-Length: whoever sends it writes the true one from body_size (C2.13, C8.4).
Meta make_meta(const Received& received, std::string_view key = {});

/// current_age (§4.2.3): never negative, whatever the clock did.
inline Duration current_age(const Freshness& f, WallTime now) noexcept {
  Duration resident = now - f.response_time;
  return f.initial_age + (resident > Duration::zero() ? resident : Duration::zero());
}
/// For how long it still answers without validation; not positive: no longer, or never (no-cache).
inline Duration remaining(const Freshness& f, WallTime now) noexcept {
  return f.no_cache ? Duration::zero() : f.lifetime - current_age(f, now);
}

/// What a request says about reuse (§5.2.1, C13). Made once per request.
struct RequestDirectives {
  bool no_store = false;
  bool no_cache = false; // or Pragma: no-cache, where no Cache-Control is
  bool only_if_cached = false;
  std::optional<Duration> max_age;
  std::optional<Duration> min_fresh;
  std::optional<Duration> max_stale; // Duration::max(): any
};
RequestDirectives read_request_directives(const http::Fields& request) noexcept;

/// What a stored response is good for.
enum class Serve : std::uint8_t {
  fresh,         // may answer
  stale_allowed, // stale, and the request's max-stale takes it
  refresh,       // stale, within stale-while-revalidate: may answer while it is validated behind
  validate,      // must be validated first
};
struct ServeVerdict {
  Serve serve = Serve::validate;
  std::string_view reason; // for Cache-Status fwd (cache/outcome.h); empty: none
};
/// `age`: current_age, Entry::age().
ServeVerdict may_serve(const Freshness& f, Duration age, const RequestDirectives& asked) noexcept;
/// The hot path: no directives, nothing special stored.
inline ServeVerdict may_serve(const Freshness& f, Duration age, const http::Fields& request) {
  using http::FieldId;
  if (age < f.lifetime && !f.no_cache && !request.has(FieldId::cache_control) &&
      !request.has(FieldId::pragma)) [[likely]] {
    return {Serve::fresh, {}};
  }
  return may_serve(f, age, read_request_directives(request));
}
/// Whether others that ask meanwhile may be answered with it as well, as it arrives: what has to be
/// validated at each use is for one request alone (§4, §5.2.2.4).
inline bool may_collapse(const Freshness& f, Duration age) noexcept {
  return may_serve(f, age, RequestDirectives{}).serve != Serve::validate;
}
/// Whether an authorised request may be answered with it (C2.7).
inline bool may_share_with(const Freshness& f, const http::Fields& request) noexcept {
  return f.shared_authorized || !request.has(http::FieldId::authorization);
}
/// Stale, after an error of the origin (§4.2.4, §4.3.3, RFC 5861 §4). `unreachable`: no answer at
/// all; otherwise it was one for which is_server_failure() holds.
bool may_serve_on_error(const Freshness& f, Duration age, bool unreachable,
                        const RequestDirectives& asked = {}) noexcept;
/// 500, 502, 503, 504: as if the origin had not answered (§4.3.3).
bool is_server_failure(int status) noexcept;

/// Whether an answer of this status says what the resource is now, or that it is no more: not that
/// this client may not have it, nor that the origin cannot tell.
inline bool replaces(int status) noexcept { return status < 400 || status == 404 || status == 410; }

/// Status line and fields of a response as they are stored and sent: without what belongs to one
/// connection, framing, Age and proxy authentication (§3.1, C2.10); with a Date (C5.5). No empty
/// line. Empty: a field that cannot be sent.
std::string write_stored_head(const http::ResponseHead& response, WallTime response_time);
/// What write_stored_head() wrote, as views into it; framing is not known. False: it is damaged.
bool read_stored_head(std::string_view head, http::ResponseHead& out, Arena& arena);
/// The value of the first field of this id in a stored head, octet for octet.
std::string_view stored_value(std::string_view head, http::FieldId id) noexcept;
/// Takes all fields of this id out of a stored head.
void drop_stored(std::string& head, http::FieldId id);

/// Makes of a client's fields those of a request that validates (C8.1): its own conditions and
/// Range go, If-None-Match with these tags (several: no variant matched, C6.7) and
/// If-Modified-Since with the stored Last-Modified octet for octet come. Either may be empty. Views
/// are kept.
void make_conditional(http::Fields& request, std::span<const std::string_view> tags,
                      std::string_view last_modified, Arena& arena);

/// A stored response that a 304 has updated.
struct Updated {
  Meta meta;
  NoStore why = NoStore::none; // else it answers this request, and is dropped from the store
};
/// §4.3.4, C8.4: `received.response` is the 304, `received.request` the client's. Code::malformed:
/// its tag says that it is about something else (C8.6), or the head has grown too large: to be
/// asked again without conditions.
Result<Updated> update_from_304(const Meta& stored, const Received& received);
/// The first half of it: the fields of the 304 over those of the stored head.
Result<void> merge_304(const Meta& stored, const http::ResponseHead& stored_head,
                       const http::ResponseHead& update, http::ResponseHead& merged, Arena& arena);

/// Whether an answer to this method drops what is stored under its URI (§4.4, C11.1, C11.3).
bool invalidates(http::Method method, int status) noexcept;
/// The targets (path?query) that go then: the request's own, and those of Location and
/// Content-Location if they are of the same origin (C11.2). `request` has host and port.
struct Invalidated {
  std::array<std::string_view, 3> targets;
  std::size_t count = 0;
};
Invalidated invalidated(const http::Target& request, http::Scheme scheme, std::string_view location,
                        std::string_view content_location, Arena& arena);

} // namespace weir::cache
