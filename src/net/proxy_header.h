// SPDX-License-Identifier: Apache-2.0
//
// ProxyHeader: what a load balancer says in front of a connection about the client it stands for
// (the PROXY protocol, versions 1 and 2), read and written. Pure functions over outside bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"

namespace weir::net {

/// A header of version 2 has up to this many bytes of addresses and TLVs; a longer one is refused.
constexpr std::size_t kMostProxyHeader = 2048;
/// The whole of any header, of either version, with what stands before these.
constexpr std::size_t kWholeProxyHeader = kMostProxyHeader + 16;

struct ProxyHeader {
  std::size_t size = 0; // bytes; what follows is the client's
  Address source;       // invalid: the sender speaks for itself (LOCAL), or does not know (UNKNOWN)
  Address destination;
};

/// Nothing: it may become one with more bytes. malformed: it never will.
Result<std::optional<ProxyHeader>> parse_proxy_header(std::string_view bytes);

enum class ProxyVersion : std::uint8_t { first, second };

/// What goes first on a connection for a client. A source or destination that is not valid: for
/// ourselves (LOCAL; in version 1 UNKNOWN). Of two families, the IPv4 address is written as IPv6.
std::string write_proxy_header(ProxyVersion version, const Address& source,
                               const Address& destination);

} // namespace weir::net
