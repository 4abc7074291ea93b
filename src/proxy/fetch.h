// SPDX-License-Identifier: Apache-2.0
//
// Fetch: one request to an origin and its answer, in whatever framing; H1Fetch, H2Fetch and
// RawFetch are those.
//
// Owner: a Fill, or an Exchange that cannot share (a pass, a tunnel). Worker's thread. It outlives
// its client when a Fill owns it: what it needs of the request it has in its own memory. It wakes
// its consumer and is pulled (DESIGN §4).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/slab.h"
#include "base/trail.h"
#include "cache/fill.h"
#include "event/deadline.h"
#include "proxy/dial.h"
#include "proxy/session.h"
#include "rules/verdict.h"

namespace weir::proxy {

class FetchPlan;
struct Resources;

/// What a Fetch did, for the access log. Valid as long as the Fetch.
struct OriginFacts {
  Address address;
  std::string_view server;                      // of a pool: "host:port"
  const origin::Pool::Server* chosen = nullptr; // the same
  std::string_view http; // "1.1", "2"; empty: it was not asked, or for a tunnel
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  bool reused = false;
  std::string_view sni;                    // that the client names inside a CONNECT; empty: none
  const rules::Verdict* verdict = nullptr; // of the rules asked again with it; null: they were not
};

/// Of a WebSocket whose server does not take it by HTTP/2 (RFC 8441): it has not looked at it, and
/// may by HTTP/1.1.
constexpr Error kOnlyByHttp1{Code::unsupported, Side::origin, Retry::yes};

enum class FetchState : std::uint8_t {
  dial, // resolve, check, queue, connect
  send, // the request; answers are read already
  head, // the request is sent; the answer's head is due
  body, // head known; bytes as they are pulled
  done, // ended, or failed with an error
};

class Fetch : public event::Task, public cache::Producer, public FromSlab {
public:
  virtual OriginFacts facts() const = 0;
  /// The origin has all of the request.
  virtual bool sent() const = 0;
  /// It is to outlive the exchange that began it. After sent().
  virtual void keep_request() = 0;
  /// After Pull::end.
  virtual const http::Fields& trailers() const = 0;
  /// Both directions are over (a tunnel).
  virtual bool ended() const = 0;
  /// The client has the head of a tunnel: bytes may flow.
  virtual void open() = 0;
  /// The client has broken off: if this is a tunnel, so does its connection to the origin.
  virtual void break_tunnel() {}
};

/// In the version of HTTP that the plan's pool speaks; not for tunnels.
std::unique_ptr<Fetch> make_fetch(Resources& resources, std::unique_ptr<FetchPlan> plan);

} // namespace weir::proxy
