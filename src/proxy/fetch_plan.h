// SPDX-License-Identifier: Apache-2.0
//
// FetchPlan: everything a Fetch needs of the request it was made for. Made by the Exchange, owned
// by the Fetch. One that a Fill owns may outlive client and exchange: it has the request in memory
// of its own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/slab.h"
#include "cache/entry.h"
#include "http/h1_parser.h"
#include "proxy/dial.h"
#include "proxy/generation.h"
#include "proxy/relay.h"
#include "proxy/session.h"
#include "rules/facts.h"

namespace weir::proxy {

/// The egress guard (FEATURES 28): an internal address, in whatever wrapping, that is not excepted.
bool is_guarded(const Address& address, std::span<const Prefix> except);

class FetchPlan final : public AddressCheck, public FromSlab {
public:
  FetchPlan(GenerationRef generation, const rules::RuleSet* rules);

  /// The egress guard, and the rules with this address among the facts.
  bool may_dial(const Address& address) override;
  /// Its connection comes from this pool of the generation, and begins with a PROXY header if
  /// `send` says so.
  void use_pool(std::uint32_t pool, config::SendProxy send, const Ends& ends);
  /// After that: HTTP/1.1 to this server of it, where the pool speaks HTTP/2.
  void use_http1(std::uint32_t pool, const origin::Pool::Server& server);
  /// Copies the request: from here on the plan may outlive the exchange. A pass needs none.
  void keep_request();
  /// No more of the body is wanted: its session wakes nobody for it any more.
  void let_body_go();

  GenerationRef generation;
  Arena arena{first_};
  const http::RequestHead* request = nullptr; // the client's; what Vary and may_store look at
  std::string_view head;                      // what is sent: request line, fields, empty line
  DialSettings dial;
  bool http2 = false; // the servers of the pool speak that
  http::HeadLimits limits;
  Duration answer_timeout{};
  Duration body_timeout{};
  Duration origin_idle{};

  // The egress guard; rules is null where there is nothing to ask about an address.
  bool guard = false; // internal addresses are refused
  std::span<const Prefix> guard_except;
  const rules::RuleSet* rules;
  rules::Facts facts;   // only with rules; views into this plan, or as `request`
  Address may_dial_now; // the address the facts point to while rules are asked

  // The body, for a pass.
  BodySource* body = nullptr;
  bool body_chunked = false;

  // A tunnel: the client's direction, after CONNECT or 101.
  BodySource* tunnel = nullptr;
  TunnelTimes tunnel_times;
  bool websocket = false;    // asked for: 101 is an answer, with http2 a 2xx
  std::string websocket_key; // our own: the client has none (HTTP/2), a 2xx would be its tunnel
  bool peek = false;         // a CONNECT: the client's ClientHello is looked at (HelloGate)
  bool match_sni = false;    // and may name no other host than CONNECT did

  // What may be stored, and how; key empty: nothing is.
  std::string_view key;
  bool may_store = false; // a Fill owns the fetch, or would if the answer may be stored
  Duration heuristic_max{};
  const cache::Policy* policy = nullptr; // of the generation; null where nothing is stored
  WallTime request_time{};
  Ref<const cache::Entry> stale; // being validated: the request carries its validators
  // Or: variants that do not match, the newest first; one may be what the origin would send (C6.7).
  std::vector<Ref<const cache::Entry>> others;
  // Or: parts of the body are stored, which a 206 joins; `completes`: it asks for what follows the
  // first of them, and is answered with the whole (C10.4).
  Ref<const cache::Entry> partial;
  bool completes = false;
  Ref<const cache::Entry> asked_about; // or: a HEAD is sent on, whose answer renews it (§4.3.5)

private:
  http::RequestHead own_request_;
  std::vector<std::string> own_certificate_; // the names of the client's
  std::array<char, 2048> first_;             // of the arena: most requests need no more
};

} // namespace weir::proxy
