// SPDX-License-Identifier: Apache-2.0
//
// The handshake of WebSocket over HTTP/1.1 (RFC 6455 §4), for a client that asked by HTTP/2, where
// there is none (RFC 8441 §5). Pure but for randomness; any thread.
#pragma once

#include <string>
#include <string_view>

namespace weir::http {

/// A new Sec-WebSocket-Key: 16 random octets in base64.
std::string make_websocket_key();

/// The Sec-WebSocket-Accept that agrees to the key (RFC 6455 §4.2.2).
std::string websocket_accept(std::string_view key);

} // namespace weir::http
