// SPDX-License-Identifier: Apache-2.0
//
// Address: an IP address with a port.  Prefix: a CIDR block.  Values, pure.
//
// Two readings of text: parse() takes the one strict spelling that weir itself prints; parse_any()
// takes every spelling that some resolver takes (decimal, octal, hex, short forms), for checks
// (WIRE_RULES W8.2): a rule about an address must not be evaded by writing it oddly.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

class Address {
public:
  Address() = default;
  static Address v4(std::array<std::uint8_t, 4> bytes, std::uint16_t port = 0);
  static Address v6(const std::array<std::uint8_t, 16>& bytes, std::uint16_t port = 0);
  /// The wildcard of a family, for "listen :80" and the like.
  static Address any_v4(std::uint16_t port) { return v4({}, port); }
  static Address from_sockaddr(const sockaddr* sa) noexcept;
  /// "1.2.3.4", "2001:db8::1" or "[2001:db8::1]"; no port, no zone.
  static std::optional<Address> parse(std::string_view text, std::uint16_t port = 0);
  /// "1.2.3.4:80", "[::1]:80".
  static std::optional<Address> parse_with_port(std::string_view text);
  /// Strict, and: 2130706433, 0x7f.1, 0177.0.0.1, 127.1, with or without brackets.
  static std::optional<Address> parse_any(std::string_view text, std::uint16_t port = 0);

  bool valid() const noexcept { return family_ != 0; }
  bool is_v4() const noexcept { return family_ == 4; }
  bool is_v6() const noexcept { return family_ == 6; }
  std::uint16_t port() const noexcept { return port_; }
  Address with_port(std::uint16_t port) const noexcept;
  /// 16 bytes: an IPv4 address stands in its mapped form ::ffff:a.b.c.d.
  const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  /// An IPv6 address that only wraps an IPv4 one (mapped, compatible, NAT64 64:ff9b::/96, 6to4)
  /// gives that one; any other gives itself. For checks.
  Address unwrapped() const noexcept;

  bool is_loopback() const noexcept;
  /// Anything a proxy must not be led to (FEATURES 28): unspecified, loopback, private, link-local
  /// (metadata services too), shared CGN space, unique local, multicast, reserved, broadcast.
  /// Wrapped forms are looked through.
  bool is_internal() const noexcept;

  /// Length of the sockaddr written.
  socklen_t to_sockaddr(sockaddr_storage& out) const noexcept;
  /// "1.2.3.4", "2001:db8::1": the address without port.
  std::string host() const;
  /// "1.2.3.4:80", "[2001:db8::1]:80".
  std::string to_string() const;

  friend auto operator<=>(const Address&, const Address&) = default;

private:
  std::array<std::uint8_t, 16> bytes_{};
  std::uint16_t port_ = 0;
  std::uint8_t family_ = 0; // 0 none, 4, 6
};

/// What carries the bytes between addresses with ports: a port of one is none of the other.
enum class IpProtocol : std::uint8_t { tcp, udp };

class Prefix {
public:
  Prefix() = default;
  /// bits counted in the address's own family.
  Prefix(const Address& base, unsigned bits);
  /// "10.0.0.0/8", "2001:db8::/32", or a single address. Host bits must be 0.
  static std::optional<Prefix> parse(std::string_view text);

  bool contains(const Address& address) const noexcept;
  const Address& base() const noexcept { return base_; }
  unsigned bits() const noexcept { return bits_; }
  std::string to_string() const;
  friend auto operator<=>(const Prefix&, const Prefix&) = default;

private:
  Address base_;
  unsigned bits_ = 0;
};

} // namespace weir
