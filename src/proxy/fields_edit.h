// SPDX-License-Identifier: Apache-2.0
//
// What weir changes about the fields of a message on its way (WIRE_RULES 5, RFC 9110 §7.6). Pure
// functions: what is forwarded is written anew from what was parsed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "cache/entry.h"
#include "http/message.h"

namespace weir::proxy {

/// How a request goes on.
struct Forwarding {
  std::string_view target; // path?query, or "*"
  std::string_view host;   // value of Host: normalised
  std::string_view via;    // our pseudonym
  Address client;
  bool reverse = false; // a site: X-Forwarded-* and Forwarded are written
  bool trusted = false; // the sender's own are believed and added to
  std::string_view scheme = "http";
  bool websocket = false;                 // Upgrade goes on
  std::string_view websocket_key;         // not empty: this one, not the client's
  bool extended_connect = false;          // a WebSocket by HTTP/2: no key, no Upgrade
  bool trailers = false;                  // the origin is told whether they are welcome
  bool close = false;                     // the connection is for this request alone
  const cache::Entry* validate = nullptr; // its validators replace the client's conditions (C8.1)
  std::span<const Ref<const cache::Entry>> others; // or the tags of all these (C6.7)
  const cache::Entry* complete = nullptr;          // asks for what follows its first part (C10.4)
};

/// The whole head of the request to an origin, empty line included, in `arena`. Empty: a value that
/// cannot be sent.
std::string_view write_request(const http::RequestHead& request, const Forwarding& how,
                               Arena& arena);

/// A whole 1xx head.
std::string write_interim(const http::ResponseHead& response);

/// Whether our own pseudonym stands in Via: the request has been here before (W5.6).
bool has_looped(const http::Fields& fields, std::string_view via);

} // namespace weir::proxy
