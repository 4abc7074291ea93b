// SPDX-License-Identifier: Apache-2.0
//
// ClientHello: which host a client names at the start of its TLS (RFC 8446 §4.1.2, RFC 6066 §3),
// read without taking part in it. A pure function over outside bytes, strict: what two programs
// could read differently is refused.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::net {

/// The longest message that is read; those with the keys of today's hybrids have 2 KB.
constexpr std::size_t kMostClientHello = 15 * 1024;
/// How many records it may come in.
constexpr std::size_t kMostHelloRecords = 32;
/// Whoever has so many bytes waits for no more.
constexpr std::size_t kWholeClientHello = kMostClientHello + 4 + kMostHelloRecords * 5;

struct ClientHello {
  bool tls =
      false; // false: the first byte is not that of a TLS handshake; the rest is not looked at
  std::string sni;  // in lower case; empty: none
  bool ech = false; // it has Encrypted ClientHello: the host that is meant may be another
};

/// Nothing: it may become one with more bytes. malformed: it begins as one and never will be.
Result<std::optional<ClientHello>> parse_client_hello(std::string_view bytes);

} // namespace weir::net
