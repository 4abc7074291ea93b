// SPDX-License-Identifier: Apache-2.0
//
// Outcome: what the cache did for a request, for Cache-Status (RFC 9211 §2) and the columns `cache`
// and `cache_reason` of the log. A value; its texts are static.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "http/h1_writer.h"

namespace weir::cache {

/// Why a request went on to an origin: the words of Cache-Status' fwd (RFC 9211 §2.2).
namespace fwd {
constexpr std::string_view kBypass = "bypass";      // configured so
constexpr std::string_view kMethod = "method";      // its method says so
constexpr std::string_view kUriMiss = "uri-miss";   // nothing is stored under the key
constexpr std::string_view kVaryMiss = "vary-miss"; // something is, but no variant matches
constexpr std::string_view kMiss = "miss";          // one of the two
constexpr std::string_view kRequest = "request";    // its directives do not take what is stored
constexpr std::string_view kStale = "stale";        // what is stored needs validation
constexpr std::string_view kPartial = "partial";    // only a part is stored
} // namespace fwd

struct Outcome {
  enum class Kind : std::uint8_t {
    none,        // the cache was not asked
    hit,         // answered from it
    stale,       // answered from it, past its freshness
    revalidated, // answered from it after a 304
    miss,        // fetched
    collapsed,   // fetched once for several
    pass,        // fetched by itself: never to be stored
  };
  Kind kind = Kind::none;
  std::string_view forward; // of namespace fwd; empty: the origin was not asked
  std::string_view detail;  // why it was not stored, or not used; a token
  bool stored = false;
  int forward_status = 0;
  std::optional<Duration> ttl; // remaining freshness, may be negative

  /// The word of the log's column `cache`.
  std::string_view word() const noexcept;
  /// "Cache-Status: weir; hit; ttl=30\r\n"; nothing for `none`, or where it does not fit.
  void write(http::H1Writer& out) const;
};

} // namespace weir::cache
