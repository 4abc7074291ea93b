// SPDX-License-Identifier: Apache-2.0
//
// Policy: what an administrator says of a route's use of its cache, beside and above what origins
// and clients say: lifetimes, what is not obeyed, stale windows, sizes, tags, the key. Constant
// once made; owner: Generation, one a route. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "cache/key.h"
#include "http/cache_control.h"
#include "http/fields.h"

namespace weir::cache {

/// Which parameters of a query belong to the key.
struct QueryRule {
  enum class Kind : std::uint8_t { all, none, sort, only, drop };
  Kind kind = Kind::all;
  std::vector<std::string> names; // only, drop: "utm_*" stands for all that begin so
};

struct Policy {
  struct StatusTtl {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    Duration ttl{};
  };
  /// What the origin says and is not obeyed.
  struct Ignore {
    bool freshness = false;
    bool no_store = false;
    bool is_private = false;
    bool no_cache = false;
    bool must_revalidate = false;
    bool vary = false;
    bool set_cookie = false; // the cookies are taken out, of what is stored and of what is sent
  };

  Duration ttl{};     // 0: none
  Duration ttl_min{}; // 0: none
  Duration ttl_max{}; // 0: none
  std::vector<StatusTtl> status_ttls;
  Ignore ignore;
  Duration while_revalidate{}; // 0: none
  Duration if_error{};         // 0: none
  std::uint64_t object_min = 0;
  std::uint64_t object_max = 0;  // 0: none
  bool client_directives = true; // Cache-Control of requests is obeyed
  std::vector<std::string> tag_fields;
  /// Asked before Cache-Control and Expires; the first usable one counts (C12).
  std::vector<std::string> targeted;
  QueryRule query;
  std::vector<std::string> key_cookies;
  std::vector<std::string> key_headers;
  std::string key_host;

  /// The one of a status whose origin gives no freshness; 0: none.
  Duration ttl_of(int status) const noexcept;
  /// Takes out of the directives what is not obeyed.
  void apply(http::CacheControl& cc) const noexcept;
  bool takes_size(std::uint64_t size) const noexcept {
    return size >= object_min && (object_max == 0 || size <= object_max);
  }
  /// The key adds something to the URL.
  bool has_parts() const noexcept { return !key_cookies.empty() || !key_headers.empty(); }
  /// The key of a request to a URL whose `parts` are as they were asked for. `fields` may be null:
  /// only what the URL gives (the first part of each key for it), and `extra` of the parts.
  Key make_key(KeyParts parts, const http::Fields* fields, const HashKey& secret,
               Arena& arena) const;
};

/// path?query with the query as the rule leaves it. What is unchanged is `target` itself.
std::string_view key_target(std::string_view target, const QueryRule& rule, Arena& arena);
/// The value of a cookie of a request (RFC 6265 §5.4): the first of its name; empty: none.
std::string_view cookie_value(const http::Fields& request, std::string_view name);
/// The words of these fields: what a response is tagged with.
std::vector<std::string> read_tags(const http::Fields& response,
                                   const std::vector<std::string>& names);

} // namespace weir::cache
