// SPDX-License-Identifier: Apache-2.0
#include "proxy/generation.h"

namespace weir::proxy {

cache::Policy make_policy(const rules::Route& route) {
  if (route.l4 != nullptr) {
    return {};
  }
  const config::CacheUseDecl* use = route.decl != nullptr   ? &route.decl->use
                                    : route.site != nullptr ? &route.site->use
                                                            : &route.forward->use;
  const config::Options& options = *route.options;
  auto ignores = [use](config::Ignored what) {
    return (use->ignored & static_cast<std::uint16_t>(what)) != 0;
  };
  cache::Policy policy;
  policy.ttl = options.ttl;
  policy.ttl_min = options.ttl_min;
  policy.ttl_max = options.ttl_max;
  for (const config::StatusTtl& each : use->status_ttls) {
    policy.status_ttls.push_back({each.first, each.last, each.ttl});
  }
  policy.ignore.freshness = ignores(config::Ignored::freshness);
  policy.ignore.no_store = ignores(config::Ignored::no_store);
  policy.ignore.is_private = ignores(config::Ignored::is_private);
  policy.ignore.no_cache = ignores(config::Ignored::no_cache);
  policy.ignore.must_revalidate = ignores(config::Ignored::must_revalidate);
  policy.ignore.vary = ignores(config::Ignored::vary);
  policy.ignore.set_cookie = ignores(config::Ignored::set_cookie);
  policy.while_revalidate = options.stale_while_revalidate;
  policy.if_error = options.stale_if_error;
  policy.object_min = options.object_min;
  policy.object_max = options.object_max;
  policy.client_directives = options.client_directives;
  policy.tag_fields = use->tag_fields;
  if (route.forward == nullptr) { // not meant for a forward proxy (C12.1)
    policy.targeted = use->targeted;
  }
  policy.query.kind = static_cast<cache::QueryRule::Kind>(use->query);
  policy.query.names = use->query_names;
  policy.key_cookies = use->key_cookies;
  policy.key_headers = use->key_headers;
  policy.key_host = use->key_host;
  return policy;
}

} // namespace weir::proxy
