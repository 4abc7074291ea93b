// SPDX-License-Identifier: Apache-2.0
//
// The statements of l4.
#include <fmt/format.h>

#include "config/statements.h"
#include "config/values.h"

namespace weir::config {

SendProxy read_send_proxy(Reading& r, const Statement& s, const Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return SendProxy::no;
  }
  if (!s.words[1].is("v1") && !s.words[1].is("v2")) {
    bad_value(r, s.words[1], "write v1 or v2");
    return SendProxy::no;
  }
  return s.words[1].is("v1") ? SendProxy::v1 : SendProxy::v2;
}

void read_l4(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  L4Decl l4;
  Scope inner = scope;
  inner.l4 = &l4;
  inner.rules = &l4.rules;
  inner.listens = &l4.listens;
  l4.name = read_name(r, s.words[1]);
  l4.at = s.at();
  const bool sound = read_inner(r, s, inner, flag::L4);
  check_has(r, sound, !l4.listens.empty(), s, "listener", "listen 0.0.0.0:5432");
  check_has(r, sound, l4.pool || !l4.snis.empty(), s, "pool", "pool NAME");
  l4.options = inner.options;
  if (!l4.name.empty()) {
    r.config.l4s.push_back(std::move(l4));
  }
}

void read_l4_pool(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 1, 1)) {
    scope.l4->pool = use_name(s.words[1]);
  }
}

void read_l4_sni(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 3, kAny)) {
    return;
  }
  const std::size_t pool = s.words.size() - 2;
  if (!s.words[pool].is("pool")) {
    r.report.error(s.words[pool].at, "the pool is missing", "form: sni HOST ... pool NAME");
    return;
  }
  SniDecl sni;
  sni.at = s.at();
  sni.pool = use_name(s.words[pool + 1]);
  for (std::size_t i = 1; i < pool; ++i) {
    const Word& word = s.words[i];
    HostPattern name;
    name.at = word.at;
    if (std::string wrong = read_host_pattern(word.text, name); !wrong.empty()) {
      bad_value(r, word, std::move(wrong));
    } else if (name.kind == HostPattern::Kind::any) {
      bad_value(r, word, "for all other hosts, and none, write: pool NAME");
    } else if (Address::parse_any(name.text)) {
      bad_value(r, word, "nobody names an address in TLS");
    } else {
      sni.names.push_back(std::move(name));
    }
  }
  scope.l4->snis.push_back(std::move(sni));
}

void read_l4_proxy_protocol(Reading& r, const Statement& s, Scope& scope) {
  scope.l4->send_proxy = read_send_proxy(r, s, scope);
  scope.l4->send_proxy_at = s.at();
}

} // namespace weir::config
