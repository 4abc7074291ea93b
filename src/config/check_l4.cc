// SPDX-License-Identifier: Apache-2.0
//
// What no single statement shows of an l4: what its listeners and rules may not have, hosts that
// stand twice; and words of it elsewhere.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "config/statements.h"
#include "config/values.h"

namespace weir::config {
namespace {

/// Each condition of a list of rules.
template <class Visit> void each_condition(const std::vector<RuleDecl>& rules, Visit visit) {
  for (const RuleDecl& rule : rules) {
    for (const auto* conditions : {&rule.conditions, &rule.unless}) {
      for (const Condition& condition : *conditions) {
        visit(condition);
      }
    }
  }
}

/// It lets pass, cuts or notes, and needs no HTTP for that.
bool answers_nothing(const RuleDecl& rule) {
  return rule.action == ActionKind::allow || rule.action == ActionKind::report ||
         (rule.action == ActionKind::deny && rule.status == 403 && !rule.page);
}

void no_sni(Reading& r, const std::vector<RuleDecl>& rules) {
  each_condition(rules, [&r](const Condition& condition) {
    if (condition.kind == ConditionKind::sni) {
      r.report.error(condition.at, "'sni' is a condition of an l4 or a forward",
                     "the host asked for: host");
    }
  });
}

/// In a forward the host in a TLS is known when a tunnel is open: too late for an answer.
void check_sni_rules(Reading& r, const std::vector<RuleDecl>& rules) {
  for (const RuleDecl& rule : rules) {
    each_condition({rule}, [&](const Condition& condition) {
      if (condition.kind == ConditionKind::sni && !answers_nothing(rule) && !rule.broken) {
        r.report.error(condition.at, "'sni' is known when the tunnel is open: nothing is answered",
                       "a rule with it is allow, deny or report, without page and status");
      }
    });
  }
}

void check_rules(Reading& r, const L4Decl& l4) {
  for (const RuleDecl& rule : l4.rules) {
    if (!answers_nothing(rule) && !rule.broken) {
      r.report.error(rule.at, "an l4 has no answers and no cache",
                     "its rules are allow, deny and report, without page and status");
    }
  }
  each_condition(l4.rules, [&r](const Condition& condition) {
    constexpr ConditionKind kKnown[] = {ConditionKind::client, ConditionKind::sni,
                                        ConditionKind::list, ConditionKind::when,
                                        ConditionKind::all};
    if (std::find(std::begin(kKnown), std::end(kKnown), condition.kind) == std::end(kKnown)) {
      r.report.error(condition.at, "an l4 knows nothing of requests",
                     "its conditions are client, sni, list, when and all");
    }
  });
}

/// What a listener with udp does not go together with: each is told once, where it stands.
void check_udp(Reading& r, const L4Decl& l4) {
  const auto udp = std::find_if(l4.listens.begin(), l4.listens.end(), [](const ListenDecl& each) {
    return each.protocol == IpProtocol::udp;
  });
  if (udp == l4.listens.end()) {
    return;
  }
  const std::string where = "udp stands at " + r.report.where(udp->at);
  const std::string apart = where + "; TCP may have an l4 of its own";
  for (const ListenDecl& listen : l4.listens) {
    if (listen.protocol == IpProtocol::udp && !listen.proxy_protocol.empty()) {
      r.report.error(listen.at, "a listener with udp takes no PROXY headers",
                     "they begin a connection, and there is none");
    }
  }
  for (const SniDecl& sni : l4.snis) {
    r.report.error(sni.at, "an l4 with a listener of UDP cannot choose by sni", apart);
  }
  if (l4.send_proxy != SendProxy::no) {
    r.report.error(l4.send_proxy_at, "an l4 with a listener of UDP cannot send PROXY headers",
                   apart);
  }
  each_condition(l4.rules, [&](const Condition& condition) {
    if (condition.kind == ConditionKind::sni) {
      r.report.error(condition.at, "datagrams have no sni", apart);
    }
  });
  const auto& pools = r.config.pools;
  if (!l4.pool || l4.pool.index >= pools.size() || pools[l4.pool.index].name != l4.pool.name) {
    return; // told already
  }
  const PoolDecl& pool = pools[l4.pool.index];
  if (pool.send_proxy != SendProxy::no) {
    r.report.error(l4.pool.at, fmt::format("the pool {} begins with PROXY headers", pool.name),
                   where + ": use a pool without them");
  }
  if (std::any_of(pool.servers.begin(), pool.servers.end(),
                  [](const ServerDecl& server) { return server.tls; })) {
    r.report.error(l4.pool.at, fmt::format("the pool {} speaks TLS to its servers", pool.name),
                   where + ": use a pool without it");
  }
}

void check_one(Reading& r, const L4Decl& l4) {
  for (const ListenDecl& listen : l4.listens) {
    if (listen.tls || !listen.certs.empty() || listen.ask_cert != AskCert::none || listen.http1 ||
        listen.http2) {
      r.report.error(listen.at, "an l4 speaks neither TLS nor HTTP: it passes on what comes",
                     "form: listen ADDRESS:PORT ... [proxy-protocol CIDR ...] [udp]");
    }
  }
  check_udp(r, l4);
  std::map<std::pair<HostPattern::Kind, std::string>, Position> seen;
  for (const SniDecl& sni : l4.snis) {
    for (const HostPattern& name : sni.names) {
      // .example.com is two names.
      for (auto kind : {HostPattern::Kind::exact, HostPattern::Kind::subdomains}) {
        if (name.kind != kind && name.kind != HostPattern::Kind::both) {
          continue;
        }
        const auto [first, fresh] = seen.emplace(std::pair(kind, name.text), name.at);
        if (!fresh) {
          r.report.error(name.at, fmt::format("'{}' stands twice in this l4", write_host(name)),
                         "the first is at " + r.report.where(first->second));
          break;
        }
      }
    }
  }
  check_rules(r, l4);
}

} // namespace

void check_l4(Reading& r) {
  for (const ForwardDecl& forward : r.config.forwards) {
    check_sni_rules(r, forward.rules);
  }
  for (const SiteDecl& site : r.config.sites) {
    no_sni(r, site.rules);
    for (const RouteDecl& route : site.routes) {
      no_sni(r, route.rules);
    }
  }
  std::map<std::string, Position> names;
  for (const L4Decl& l4 : r.config.l4s) {
    const auto [first, fresh] = names.emplace(l4.name, l4.at);
    if (!fresh) {
      r.report.error(l4.at, fmt::format("l4 '{}' is declared twice", l4.name),
                     "the first is at " + r.report.where(first->second));
    }
    check_one(r, l4);
  }
}

} // namespace weir::config
