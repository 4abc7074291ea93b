// SPDX-License-Identifier: Apache-2.0
//
// The Facts of a request head, for `weirctl explain`: what an Exchange makes of a live one. Pure;
// the views live as long as the head.
#pragma once

#include "http/message.h"
#include "rules/facts.h"

namespace weir::rules {

/// What a request asks for. `tls`: the listener of a site speaks it.
inline Facts facts_of(const http::RequestHead& request, const Address& client, Direction direction,
                      bool tls) {
  bool connect = request.method == http::Method::connect;
  bool secure =
      direction == Direction::forward ? connect || request.uri.scheme == http::Scheme::https : tls;
  Facts facts;
  facts.client = client;
  facts.host = request.uri.host;
  bool site_tls = direction == Direction::site && tls;
  facts.port = request.uri.port_or_default(site_tls ? http::Scheme::https : http::Scheme::http);
  facts.path = connect ? std::string_view{} : request.uri.path;
  facts.query = request.uri.query;
  facts.method = request.method_text;
  facts.scheme = secure ? "https" : "http";
  facts.fields = &request.fields;
  facts.sni_known = !connect;
  return facts;
}

} // namespace weir::rules
