// SPDX-License-Identifier: Apache-2.0
//
// Outcome: what the cache did for a request, for Cache-Status (RFC 9211 §2) and the log. A value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "http/h1_writer.h"

namespace weir::cache {

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
  std::string_view
      forward;             // fwd=: uri-miss, vary-miss, stale, request, method, bypass; empty: none
  std::string_view detail; // why it was not stored, or not used
  bool stored = false;
  int forward_status = 0;
  std::optional<Duration> ttl; // remaining freshness, may be negative

  /// The words of the log's column `cache`.
  std::string_view word() const noexcept;
  /// "Cache-Status: weir; hit; ttl=30\r\n"
  void write(http::H1Writer& out) const;
};

} // namespace weir::cache
