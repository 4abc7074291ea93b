// SPDX-License-Identifier: Apache-2.0
//
// Generation: one configuration at work: routes, rules, lists, pools, and which caches it uses.
// Immutable once built (server/reload); a reload makes the next one.
//
// Owner: shared_ptr<const Generation>; each worker wraps it once in a GenerationRef, so that an
// Exchange or a Fetch pins it without touching a shared atomic (DESIGN §7).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ref.h"
#include "cache/policy.h"
#include "cache/tier.h"
#include "config/config.h"
#include "net/tls_server.h"
#include "origin/pool.h"
#include "proxy/tls_setup.h"
#include "rules/compiled_list.h"
#include "rules/route.h"
#include "rules/user_table.h"

namespace weir::proxy {

/// A listener's address has a number for the life of the process, whatever generations come.
struct ListenPlace {
  std::uint32_t id = 0;
  Address address;
};

/// What a generation does with the connections of a listener.
struct ListenUse {
  bool used = false;
  std::uint32_t listener = 0; // its number in RouteTable::listeners()
  IpProtocol protocol = IpProtocol::tcp;
  rules::Direction direction = rules::Direction::forward;
  std::string name;              // "forward lan", "site www.example.com", "l4 db"
  config::Options options;       // of the forward or l4, or of the first site
  Ref<const net::TlsServer> tls; // none: plain
  bool http1 = true;
  bool http2 = false;
  std::vector<Prefix> proxy_senders; // who may connect, with a PROXY header; empty: not spoken
};

class Generation {
public:
  std::uint64_t number = 0;
  std::shared_ptr<const config::Config> config;
  std::string via;                                   // our pseudonym
  std::vector<Ref<const rules::CompiledList>> lists; // by number in Config::lists
  std::vector<rules::UserTable> users;               // by number in Config::users
  std::unique_ptr<const rules::RouteTable> routes;
  std::vector<std::unique_ptr<origin::Pool>> pools; // by number in Config::pools
  std::vector<cache::Tier*> caches;                 // by number in Config::caches
  std::vector<cache::Policy> policies;              // by Route::index
  std::vector<ListenUse> listens;                   // by ListenPlace::id
  std::vector<CertificateUse> certificates;
  std::vector<Ref<const net::TlsClient>> pool_tls;       // by number in Config::pools
  std::vector<Ref<const net::TlsClient>> pool_tls_http1; // of those with http2: by HTTP/1.1
  std::vector<Ref<const net::TlsClient>> forward_tls;    // by number in Config::forwards

  const cache::Policy& policy(const rules::Route& route) const noexcept {
    static const cache::Policy kPlain;
    return route.index < policies.size() ? policies[route.index] : kPlain;
  }
  /// How a pool's servers, or the origins of a forward, are spoken to by TLS; null: not at all.
  Ref<const net::TlsClient> tls_of_pool(std::uint32_t pool, bool http1 = false) const {
    const auto& all = http1 ? pool_tls_http1 : pool_tls;
    return pool < all.size() ? all[pool] : nullptr;
  }
  Ref<const net::TlsClient> tls_of(const config::ForwardDecl& forward) const {
    auto at = static_cast<std::size_t>(&forward - config->forwards.data());
    return at < forward_tls.size() ? forward_tls[at] : nullptr;
  }
  const ListenUse& listen(const ListenPlace& place) const noexcept {
    static const ListenUse kUnused;
    return place.id < listens.size() ? listens[place.id] : kUnused;
  }
};

/// A worker's own count of a generation.
class PinnedGeneration final : public Local {
public:
  explicit PinnedGeneration(std::shared_ptr<const Generation> generation)
      : generation_(std::move(generation)) {}
  const Generation& operator*() const noexcept { return *generation_; }

private:
  std::shared_ptr<const Generation> generation_;
};

class GenerationRef {
public:
  GenerationRef() = default;
  explicit GenerationRef(Ref<const PinnedGeneration> pinned) : pinned_(std::move(pinned)) {}
  const Generation& operator*() const noexcept { return **pinned_; }
  const Generation* operator->() const noexcept { return &**pinned_; }
  explicit operator bool() const noexcept { return static_cast<bool>(pinned_); }

private:
  Ref<const PinnedGeneration> pinned_;
};

/// What a route's words say of its use of its cache.
cache::Policy make_policy(const rules::Route& route);

} // namespace weir::proxy
