// SPDX-License-Identifier: Apache-2.0
//
// RFC 9111 as pure functions: what may be stored, how long it is fresh, what it may answer, how it
// is validated and updated (CACHE_RULES 2-5, 7, 8, 11, 13). No I/O, no clock: times are arguments.
// What is not understood is not stored.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "cache/meta.h"
#include "http/cache_control.h"
#include "http/message.h"

namespace weir::cache {

/// A response at the moment its head has arrived.
struct Received {
  const http::RequestHead& request;
  const http::ResponseHead& response;
  WallTime request_time{};
  WallTime response_time{};
  Duration heuristic_max{}; // 0: no heuristic freshness
};

/// Why a response is not stored. The names are words of the log and of Cache-Status.
enum class NoStore : std::uint8_t {
  none,             // it is stored
  method,           // only answers to GET are
  request_no_store, // the request says no-store
  no_store,         // the response does
  is_private,       // private
  vary,             // Vary: *
  authorization,    // the request is authorised, the response does not allow sharing (§3.5)
  status,           // nothing says that this status may be kept
  partial,          // 206, 304: not a whole representation
  set_cookie,       // Set-Cookie without explicit freshness
  no_freshness,     // neither fresh for any time nor possible to validate
  coding,           // a transfer coding that was not understood
};
std::string_view name(NoStore why) noexcept;
/// Whether any other client's request would get the same verdict: the key is worth a mark.
bool holds_for_all(NoStore why) noexcept;

NoStore may_store(const Received& received);
/// §4.2.1-§4.2.3.
Freshness freshness(const Received& received);
/// Everything about the response but head and key. Requires may_store() to say none.
Meta make_meta(const Received& received);

/// What a stored response is good for.
enum class Serve : std::uint8_t {
  fresh,         // may answer
  stale_allowed, // stale, and the request's max-stale takes it
  refresh,       // stale, within stale-while-revalidate: may answer while it is validated behind
  validate,      // must be validated first
};
struct ServeVerdict {
  Serve serve = Serve::validate;
  std::string_view reason; // for Cache-Status fwd: "stale", "request"; empty: none
};
ServeVerdict may_serve(const Freshness& freshness, Duration age, const http::Fields& request);
/// Whether an authorised request may be answered with it (C2.7).
bool may_share_with(const Freshness& freshness, const http::Fields& request);
/// After an error of the origin (§4.2.4, RFC 5861 §4). `unreachable`: no answer at all.
bool may_serve_on_error(const Freshness& freshness, Duration age, bool unreachable);

/// A 304 for what is stored (§4.3.4): the fields of the 304 replace the stored ones.
/// Code::malformed: its tag says that it is about something else (C8.6). `meta.head` is left to the
/// caller, which gets the merged fields.
Result<void> merge_304(const Meta& stored, const http::ResponseHead& stored_head,
                       const http::ResponseHead& update, http::ResponseHead& merged, Arena& arena);

/// Whether an answer to this method drops what is stored under its URI (§4.4).
bool invalidates(http::Method method, int status) noexcept;

} // namespace weir::cache
