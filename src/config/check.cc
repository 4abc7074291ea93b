// SPDX-License-Identifier: Apache-2.0
//
// What no single statement shows (CONFIG.md rule 9): names used and declared, listeners that meet,
// forwards open to the world, what can never be reached, blocks that lack what they are for.
#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "config/statements.h"
#include "config/values.h"

namespace weir::config {
namespace {

// Names

/// The names of one kind, and which of them are used.
class Names {
public:
  template <class Decl>
  Names(Reading& r, std::string_view kind, const std::vector<Decl>& declared) : r_(r), kind_(kind) {
    for (std::size_t i = 0; i < declared.size(); ++i) {
      const auto [at, fresh] =
          names_.emplace(declared[i].name, Entry{static_cast<std::uint32_t>(i), declared[i].at});
      if (!fresh) {
        r.report.error(declared[i].at,
                       fmt::format("{} '{}' is declared twice", kind, declared[i].name),
                       "the first is at " + r.report.where(at->second.at));
      }
    }
  }

  void use(NameRef& ref) {
    if (!ref) {
      return;
    }
    if (const auto found = names_.find(ref.name); found != names_.end()) {
      found->second.used = true;
      ref.index = found->second.index;
      return;
    }
    std::vector<std::string_view> known;
    for (const auto& [name, entry] : names_) {
      known.push_back(name);
    }
    const std::string_view near = nearest(ref.name, known);
    r_.report.error(ref.at, fmt::format("no {} is called '{}'", kind_, ref.name),
                    near.empty() ? fmt::format("declare it at the top: {} {} {}", kind_, ref.name,
                                               kind_ == "page" ? "@FILE" : "{ ... }")
                                 : fmt::format("did you mean '{}'?", near));
  }

  void warn_unused() const {
    if (r_.report.failed()) {
      return; // what uses it may be what is wrong
    }
    for (const auto& [name, entry] : names_) {
      if (!entry.used && entry.at.written()) {
        r_.report.warning(entry.at, fmt::format("{} '{}' is declared and not used", kind_, name));
      }
    }
  }

private:
  struct Entry {
    std::uint32_t index = 0;
    Position at;
    bool used = false;
  };
  Reading& r_;
  std::string_view kind_;
  std::map<std::string, Entry, std::less<>> names_;
};

/// Each list of rules of the configuration.
template <class Visit> void each_rules(Config& config, Visit visit) {
  for (ForwardDecl& forward : config.forwards) {
    visit(forward.rules);
  }
  for (L4Decl& l4 : config.l4s) {
    visit(l4.rules);
  }
  for (SiteDecl& site : config.sites) {
    visit(site.rules);
    for (RouteDecl& route : site.routes) {
      visit(route.limits);
      visit(route.rules);
    }
  }
}

class Uses {
public:
  explicit Uses(Reading& r)
      : config_(r.config), caches_(r, "cache", config_.caches), lists_(r, "list", config_.lists),
        users_(r, "users", config_.users), whens_(r, "when", config_.whens),
        limits_(r, "limit", config_.limits), pools_(r, "pool", config_.pools),
        pages_(r, "page", config_.pages), forwards_(r, "forward", config_.forwards) {}

  void resolve() {
    each_rules(config_, [this](std::vector<RuleDecl>& rules) {
      for (RuleDecl& rule : rules) {
        pages_.use(rule.page);
        limits_.use(rule.limit);
        conditions(rule.conditions);
        conditions(rule.unless);
      }
    });
    for (ForwardDecl& forward : config_.forwards) {
      caches_.use(forward.cache);
      users_.use(forward.auth.users);
    }
    for (SiteDecl& site : config_.sites) {
      caches_.use(site.cache);
      users_.use(site.auth.users);
      for (RouteDecl& route : site.routes) {
        if (route.cache.at == site.cache.at) {
          route.cache = site.cache; // told once, where it stands
        } else {
          caches_.use(route.cache);
        }
        if (route.auth.at == site.auth.at) {
          route.auth = site.auth;
        } else {
          users_.use(route.auth.users);
        }
        pools_.use(route.pool);
      }
    }
    for (L4Decl& l4 : config_.l4s) {
      pools_.use(l4.pool);
      for (SniDecl& sni : l4.snis) {
        pools_.use(sni.pool);
      }
    }
    NameRef blocked{"blocked", 0, {}};
    pages_.use(blocked); // every deny without a page of its own
  }

  void warn_unused() const {
    for (const Names* names : {&caches_, &lists_, &users_, &whens_, &limits_, &pools_, &pages_}) {
      names->warn_unused();
    }
  }

private:
  void conditions(std::vector<Condition>& list) {
    for (Condition& condition : list) {
      for (NameRef& name : condition.names) {
        (condition.kind == ConditionKind::list ? lists_ : whens_).use(name);
      }
    }
  }

  Config& config_;
  Names caches_, lists_, users_, whens_, limits_, pools_, pages_, forwards_;
};

// What there should be

void check_use(Reading& r) {
  const AdminDecl& admin = r.config.admin;
  if (!admin.token_file.empty() && !admin.http) {
    r.report.warning(admin.token_at, "a token without an http listener is of no use");
  }
  if (r.config.forwards.empty() && r.config.sites.empty() && r.config.l4s.empty() &&
      !r.report.failed()) {
    r.report.file_warning("nothing listens: there is neither a forward nor a site nor an l4");
  }
}

/// HTTP/2 connections carry the requests of many clients, and no bytes of another protocol.
void check_http2(Reading& r) {
  for (const PoolDecl& pool : r.config.pools) {
    if (pool.http2 && pool.send_proxy != SendProxy::no) {
      r.report.error(pool.send_proxy_at, "a pool with http2 cannot begin with a PROXY header",
                     "it names one client, and many share a connection: X-Forwarded-For tells");
    }
  }
  const auto check = [&r](const NameRef& name) {
    const auto& pools = r.config.pools;
    const bool found = name && name.index < pools.size() && pools[name.index].name == name.name;
    if (found && pools[name.index].http2) {
      r.report.error(name.at, fmt::format("the pool {} says http2", name.name),
                     "an l4 passes bytes on as they are: use a pool without it");
    }
  };
  for (const L4Decl& l4 : r.config.l4s) {
    check(l4.pool);
    for (const SniDecl& sni : l4.snis) {
      check(sni.pool);
    }
  }
}

/// Folders and files that two things would write.
void check_paths(Reading& r) {
  std::map<std::string, Position> used;
  const auto use = [&r, &used](std::string path, const Position& at) {
    while (path.size() > 1 && path.back() == '/') {
      path.pop_back();
    }
    if (path.empty()) {
      return;
    }
    const auto [found, fresh] = used.emplace(path, at);
    if (!fresh) {
      r.report.error(at, fmt::format("{} is in use already", path),
                     "by what stands at " + r.report.where(found->second));
    }
  };
  for (const CacheDecl& cache : r.config.caches) {
    use(cache.disk_path, cache.disk_at);
  }
  use(r.config.log.sqlite, r.config.log.sqlite_at);
  use(r.config.log.json, r.config.log.json_at);
  use(r.config.state, r.config.state_at);
  use(r.config.admin.socket, r.config.admin.socket_at);
}

// Listeners

/// Every listener, by address. Sites may share one; by their hosts they are told apart.
class Listeners {
public:
  explicit Listeners(Reading& r) : r_(r) {}

  /// `site`: nullptr for what shares with nobody.
  void add(const Address& address, const Position& at, const SiteDecl* site) {
    if (address.port() == 0) {
      return; // the kernel chooses
    }
    const auto [first, fresh] = bound_.emplace(address, Bound{at, site});
    if (fresh) {
      check_any(address, at);
    } else if (site == nullptr || first->second.site == nullptr || first->second.site == site) {
      tell(at, fmt::format("two listeners on {}", address.to_string()), first->second.at);
    }
    if (site != nullptr && first->second.site != nullptr) {
      first->second.site = site;
      check_hosts(address, *site);
    }
  }

private:
  struct Bound {
    Position at;
    const SiteDecl* site = nullptr; // the last one
  };
  using Host = std::tuple<Address, HostPattern::Kind, std::string>;

  void tell(const Position& at, std::string what, const Position& first) {
    r_.report.error(at, std::move(what), "the first is at " + r_.report.where(first));
  }

  /// An address and the wildcard of its family cannot be bound side by side.
  void check_any(const Address& address, const Position& at) {
    const Address any =
        (address.is_v4() ? Address::v4({}) : Address::v6({})).with_port(address.port());
    for (const auto& [other, bound] : bound_) {
      if (other.port() == address.port() && other.is_v4() == address.is_v4() &&
          !(other == address) && (other == any || address == any)) {
        tell(at, fmt::format("{} meets the listener on {}", address.to_string(), other.to_string()),
             bound.at);
        return;
      }
    }
  }

  void check_hosts(const Address& address, const SiteDecl& site) {
    for (const HostPattern& host : site.names) {
      const auto [first, fresh] = hosts_.emplace(Host{address, host.kind, host.text}, &site);
      if (!fresh && first->second != &site) {
        tell(host.at,
             fmt::format("two sites are called '{}' on {}", write_host(host), address.to_string()),
             first->second->at);
      }
    }
  }

  Reading& r_;
  std::map<Address, Bound> bound_;
  std::map<Host, const SiteDecl*> hosts_;
};

/// What is wrong with one listener in itself.
void check_tls(Reading& r, const ListenDecl& listen) {
  if (listen.tls && listen.certs.empty()) {
    r.report.error(listen.at, "a listener with tls has no certificate",
                   "form: listen ADDRESS:PORT tls cert FILE");
  }
  if (!listen.tls && (!listen.certs.empty() || listen.ask_cert != AskCert::none)) {
    r.report.error(listen.at, "certificates are for a listener with tls",
                   "form: listen ADDRESS:PORT tls cert FILE");
  }
  if (listen.tls && listen.redirect_https) {
    r.report.error(listen.at, "a listener with tls redirects to itself");
  }
}

/// Sites that share an address cannot differ in what is decided before a host is known.
void check_shared_tls(Reading& r) {
  std::map<Address, const ListenDecl*> first;
  for (const SiteDecl& site : r.config.sites) {
    for (const ListenDecl& listen : site.listens) {
      const auto [at, fresh] = first.emplace(listen.address, &listen);
      if (fresh) {
        continue;
      }
      const ListenDecl& other = *at->second;
      if (other.tls != listen.tls || other.speaks_http1() != listen.speaks_http1() ||
          other.speaks_http2() != listen.speaks_http2() || other.ask_cert != listen.ask_cert ||
          other.client_ca != listen.client_ca || other.proxy_protocol != listen.proxy_protocol) {
        r.report.error(
            listen.at,
            fmt::format(
                "two sites on {} differ in tls, client-cert, http1, http2 or proxy-protocol",
                listen.address.to_string()),
            "the first is at " + r.report.where(other.at));
      }
    }
  }
}

void check_listeners(Reading& r) {
  for (const ForwardDecl& forward : r.config.forwards) {
    for (const ListenDecl& listen : forward.listens) {
      check_tls(r, listen);
    }
  }
  for (const SiteDecl& site : r.config.sites) {
    for (const ListenDecl& listen : site.listens) {
      check_tls(r, listen);
    }
  }
  check_shared_tls(r);
  Listeners listeners(r);
  for (const ForwardDecl& forward : r.config.forwards) {
    for (const ListenDecl& listen : forward.listens) {
      listeners.add(listen.address, listen.at, nullptr);
    }
  }
  for (const SiteDecl& site : r.config.sites) {
    for (const ListenDecl& listen : site.listens) {
      listeners.add(listen.address, listen.at, &site);
    }
  }
  Listeners datagrams(r); // the ports of UDP are none of TCP's
  for (const L4Decl& l4 : r.config.l4s) {
    for (const ListenDecl& listen : l4.listens) {
      (listen.protocol == IpProtocol::udp ? datagrams : listeners)
          .add(listen.address, listen.at, nullptr);
    }
  }
  if (r.config.admin.http) {
    listeners.add(*r.config.admin.http, r.config.admin.http_at, nullptr);
  }
}

// Forwards open to the world

/// Whether the conditions hold for some clients only. (A list of addresses in a forward is about
/// the host asked for.)
bool names_clients(const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    if (condition.kind == ConditionKind::client_cert) {
      return true;
    }
    if (condition.kind == ConditionKind::client &&
        std::none_of(condition.prefixes.begin(), condition.prefixes.end(),
                     [](const Prefix& prefix) { return prefix.bits() == 0; })) {
      return true;
    }
  }
  return false;
}

/// The rule that lets any client through, or nullptr.
const RuleDecl* opening_rule(const std::vector<RuleDecl>& rules) {
  for (const RuleDecl& rule : rules) {
    const bool ends = ends_search(rule.action);
    const bool total = rule.conditions.empty() || rule.conditions[0].kind == ConditionKind::all;
    if (rule.broken) {
      return nullptr; // what it says is not known
    }
    if (rule.action == ActionKind::allow && !names_clients(rule.conditions)) {
      return &rule;
    }
    if (rule.action == ActionKind::allow || !ends || !total) {
      continue;
    }
    if (rule.unless.empty() || (rule.unless.size() == 1 && names_clients(rule.unless))) {
      return nullptr; // nobody else gets beyond this rule
    }
  }
  return nullptr;
}

void check_open(Reading& r) {
  for (const ForwardDecl& forward : r.config.forwards) {
    const RuleDecl* rule = opening_rule(forward.rules);
    if (rule == nullptr || forward.auth || forward.options.open_proxy) {
      continue;
    }
    for (const ListenDecl& listen : forward.listens) {
      if (!listen.address.is_loopback() && listen.ask_cert != AskCert::required) {
        r.report.error(listen.at,
                       fmt::format("forward '{}' would be an open proxy: anybody who reaches {} "
                                   "may use it",
                                   forward.name, listen.address.to_string()),
                       fmt::format("the rule at {} allows any client: add 'client CIDR' to it, "
                                   "have clients log in with 'auth basic from NAME', or write "
                                   "'open-proxy yes'",
                                   r.report.where(rule->at)));
        break;
      }
    }
  }
}

// What can never be reached

bool always_ends(const RuleDecl& rule) {
  const bool ends = ends_search(rule.action);
  const bool total = rule.conditions.empty() || rule.conditions[0].kind == ConditionKind::all;
  return ends && total && rule.unless.empty() && !rule.broken;
}

/// Follows `rules` after an end at `end`; answers the new end.
const RuleDecl* check_reach(Reading& r, const std::vector<RuleDecl>& rules, const RuleDecl* end) {
  bool told = false;
  for (const RuleDecl& rule : rules) {
    if (end != nullptr && !told) {
      r.report.error(
          rule.at, "this rule is never reached",
          fmt::format("'{}' at {} ends the search always", end->text, r.report.where(end->at)));
      told = true;
    }
    end = end == nullptr && always_ends(rule) ? &rule : end;
  }
  return end;
}

void check_unreachable(Reading& r) {
  for (const ForwardDecl& forward : r.config.forwards) {
    check_reach(r, forward.rules, nullptr);
  }
  for (const L4Decl& l4 : r.config.l4s) {
    check_reach(r, l4.rules, nullptr);
  }
  for (const SiteDecl& site : r.config.sites) {
    const RuleDecl* end = check_reach(r, site.rules, nullptr);
    std::map<std::pair<PathPattern::Kind, std::string>, Position> paths;
    for (const RouteDecl& route : site.routes) {
      check_reach(r, route.rules, end);
      const auto [found, fresh] =
          paths.emplace(std::pair(route.path.kind, route.path.text), route.path.at);
      if (!fresh) {
        r.report.error(route.path.at, "this route is never reached",
                       "the same path stands at " + r.report.where(found->second));
      }
    }
  }
}

// Limits

std::size_t count_limits(const std::vector<RuleDecl>& rules) {
  return static_cast<std::size_t>(
      std::count_if(rules.begin(), rules.end(),
                    [](const RuleDecl& rule) { return rule.action == ActionKind::limit; }));
}

void check_limits(Reading& r) {
  const auto most = [&r](std::size_t count, const Position& at) {
    if (count > kMostLimits) {
      r.report.error(at, fmt::format("{} limits for one request", count),
                     fmt::format("at most {} can be asked", kMostLimits));
    }
  };
  const auto no_addresses = [&r](const std::vector<Condition>& conditions) {
    for (const Condition& condition : conditions) {
      for (const NameRef& name : condition.names) {
        if (condition.kind == ConditionKind::list && name.index < r.config.lists.size() &&
            r.config.lists[name.index].format == ListFormat::cidr) {
          r.report.error(name.at,
                         fmt::format("a limit of a forward cannot ask the list '{}'", name.name),
                         "the addresses of the host are known too late");
        }
      }
    }
  };
  for (const ForwardDecl& forward : r.config.forwards) {
    most(count_limits(forward.rules), forward.at);
    for (const RuleDecl& rule : forward.rules) {
      if (rule.action == ActionKind::limit) {
        no_addresses(rule.conditions);
        no_addresses(rule.unless);
      }
    }
  }
  for (const SiteDecl& site : r.config.sites) {
    for (const RouteDecl& route : site.routes) {
      most(count_limits(site.rules) + count_limits(route.rules) + route.limits.size(), route.at);
    }
  }
}

constexpr Bytes kMemoryBesideCaches = Bytes{32} << 20; // what the process needs by itself

/// Else weir would refuse what is new because its caches are full.
void check_memory(Reading& r) {
  const Bytes limit = r.config.options.memory_limit;
  Bytes all = 0;
  for (const CacheDecl& cache : r.config.caches) {
    all += cache.memory;
  }
  const Bytes least = all + all / 4 + kMemoryBesideCaches;
  if (limit != 0 && !r.config.caches.empty() && limit < least) {
    r.report.error(
        r.config.caches.back().memory_at,
        fmt::format("the caches leave too little of memory-limit ({})", write_bytes(limit)),
        fmt::format("with {} in caches it is {} at least", write_bytes(all), write_bytes(least)));
  }
}

} // namespace

void check(Reading& r) {
  Uses uses(r);
  uses.resolve();
  resolve_compress(r);
  check_paths(r);
  check_listeners(r);
  check_open(r);
  check_unreachable(r);
  check_limits(r);
  check_memory(r);
  check_users(r);
  check_client_cert(r);
  check_l4(r);
  check_http2(r);
  check_use(r);
  uses.warn_unused();
}

} // namespace weir::config
