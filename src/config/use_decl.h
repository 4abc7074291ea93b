// SPDX-License-Identifier: Apache-2.0
//
// What places say of the cache they use (CacheUseDecl) and of compression (CompressDecl), beside
// what stands in Options. Values; part of Config.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/options.h"
#include "config/source.h"
#include "http/coding.h"

namespace weir::config {

/// What the origin says and is not obeyed.
enum class Ignored : std::uint16_t {
  freshness = 1U << 0,
  no_store = 1U << 1,
  is_private = 1U << 2,
  no_cache = 1U << 3,
  must_revalidate = 1U << 4,
  vary = 1U << 5,
  set_cookie = 1U << 6,
};

struct StatusTtl {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  Duration ttl{};
};

enum class KeyQuery : std::uint8_t { all, none, sort, only, drop };

/// The words of a cache's use that are no values; those are in Options.
struct CacheUseDecl {
  std::uint16_t ignored = 0; // bits of Ignored
  std::vector<StatusTtl> status_ttls;
  std::vector<std::string> tag_fields{"surrogate-key", "cache-tag", "xkey"}; // lower case
  std::vector<std::string> targeted{"cdn-cache-control"}; // lower case; of a forward not asked
  KeyQuery query = KeyQuery::all;
  std::vector<std::string> query_names; // only, drop: "utm_*" ends in a star
  std::vector<std::string> key_cookies;
  std::vector<std::string> key_headers; // lower case
  std::string key_host;                 // empty: the one asked for
  Position ignore_at, status_at, tags_at, targeted_at, query_at, cookies_at, headers_at, host_at;
};

/// A word of `compress`, as written. Those of a cache, a site and a route count in this order.
struct CompressWord {
  enum class Kind : std::uint8_t { coding, no_coding, no_codings, min, type, no_type, no_types };
  Kind kind = Kind::coding;
  http::Coding coding = http::Coding::identity;
  Bytes min = 0;
  std::string type; // lower case
  Position at;
};

/// Which answers are compressed.
struct CompressDecl {
  std::vector<CompressWord> words;   // of this block and those around it
  std::vector<http::Coding> codings; // the most wanted first; none: bodies go as they are
  Bytes min = 0;                     // a shorter body goes as it is
  std::vector<std::string> types;    // "text/html", "text/*", "*+json"
  Position at;
};

} // namespace weir::config
