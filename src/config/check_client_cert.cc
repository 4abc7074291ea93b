// SPDX-License-Identifier: Apache-2.0
//
// The condition client-cert where no listener asks clients for a certificate.
#include <algorithm>

#include <fmt/format.h>

#include "config/statements.h"

namespace weir::config {
namespace {

bool asks(const std::vector<ListenDecl>& listens) {
  return std::any_of(listens.begin(), listens.end(),
                     [](const ListenDecl& listen) { return listen.ask_cert != AskCert::none; });
}

void no_certificates(Reading& r, const std::vector<RuleDecl>& rules, std::string_view place) {
  for (const RuleDecl& rule : rules) {
    for (const auto* conditions : {&rule.conditions, &rule.unless}) {
      for (const Condition& condition : *conditions) {
        if (condition.kind == ConditionKind::client_cert) {
          r.report.error(
              condition.at, fmt::format("no listener of this {} asks for a certificate", place),
              "write there: listen ADDRESS:PORT tls cert FILE client-cert optional FILE");
        }
      }
    }
  }
}

} // namespace

void check_client_cert(Reading& r) {
  for (const ForwardDecl& forward : r.config.forwards) {
    if (!asks(forward.listens)) {
      no_certificates(r, forward.rules, "forward");
    }
  }
  for (const SiteDecl& site : r.config.sites) {
    if (asks(site.listens)) {
      continue;
    }
    no_certificates(r, site.rules, "site");
    for (const RouteDecl& route : site.routes) {
      no_certificates(r, route.rules, "site");
      no_certificates(r, route.limits, "site");
    }
  }
}

} // namespace weir::config
