// SPDX-License-Identifier: Apache-2.0
//
// What a request asks of its route's cache: whether that is asked at all, and what a stored
// response is good for. Pure: an Exchange decides by it, `cache get` tells it.
#pragma once

#include <span>
#include <string_view>

#include "cache/entry.h"
#include "cache/policy.h"
#include "cache/rfc9111.h"
#include "cache/tier.h"
#include "http/conditional.h"
#include "http/message.h"
#include "rules/facts.h"
#include "rules/route.h"
#include "rules/verdict.h"

namespace weir::proxy {

/// What the key of a target (path?query) is made of, at this place.
cache::KeyParts key_parts(const cache::Tier& tier, const rules::Route& route,
                          const rules::Facts& facts, std::string_view target);

/// A stored response came from where this forward does not go (FEATURES 28).
bool is_guarded(const rules::Route& route, std::span<const Address> addresses);

/// GET and HEAD without a body and without what is for the origin alone (C9.5, W7.2). `policy`
/// null: no cache is used.
bool may_look_up(const http::RequestHead& request, const cache::Policy* policy);

/// Nothing of the answer can be stored: no Fill is worth it. `has_stale`: it validates.
bool is_for_origin_only(const http::RequestHead& request, const rules::Verdict& verdict,
                        bool has_stale);

bool asks_only_cache(const http::Fields& request);

http::Validators validators_of(const cache::Entry& entry);

/// A GET for one part, and no more. Several are not stored.
bool asks_for_part(const http::RequestHead& request);
/// What is stored in parts holds the one that is asked for, and If-Range is about it.
bool is_covered(const http::RequestHead& request, const cache::Entry& entry);

/// What is stored in parts begins the body, and its tag can say so to the origin (C10.4).
bool can_be_completed(const cache::Entry& entry);

/// What the client says of reuse, as far as the route listens to it.
cache::RequestDirectives directives_of(const http::Fields& request, const cache::Policy& policy,
                                       const rules::Verdict& verdict);

inline cache::ServeVerdict judge_reuse(const cache::Freshness& freshness, Duration age,
                                       const http::Fields& request, const cache::Policy& policy,
                                       const rules::Verdict& verdict) {
  if (policy.client_directives && !verdict.cache_bypass) [[likely]] {
    return cache::may_serve(freshness, age, request);
  }
  return cache::may_serve(freshness, age, directives_of(request, policy, verdict));
}

} // namespace weir::proxy
