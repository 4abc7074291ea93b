// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace weir {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5) {
    return {};
  }
  unsigned value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || value > 65535) {
    return {};
  }
  return static_cast<std::uint16_t>(value);
}

/// One part of an inet_aton-like address: decimal, 0octal or 0xhex.
std::optional<std::uint64_t> parse_part(std::string_view text) {
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    if (text[1] == 'x' || text[1] == 'X') {
      base = 16;
      text.remove_prefix(2);
    } else {
      base = 8;
    }
  }
  if (text.empty()) {
    return base == 16 ? std::optional<std::uint64_t>(0) : std::nullopt;
  }
  std::uint64_t value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (ec != std::errc{} || end != text.data() + text.size()) {
    return {};
  }
  return value;
}

std::optional<std::uint32_t> parse_aton(std::string_view text) {
  std::array<std::uint64_t, 4> part{};
  std::size_t n = 0;
  while (true) {
    auto dot = text.find('.');
    auto value = parse_part(text.substr(0, dot));
    if (!value || n == 4) {
      return {};
    }
    part[n++] = *value;
    if (dot == std::string_view::npos) {
      break;
    }
    text.remove_prefix(dot + 1);
  }
  std::uint64_t address = 0;
  for (std::size_t i = 0; i + 1 < n; ++i) {
    if (part[i] > 255) {
      return {};
    }
    address |= part[i] << (24 - 8 * i);
  }
  std::uint64_t last_limit = std::uint64_t{1} << (8 * (5 - n));
  if (part[n - 1] >= last_limit) {
    return {};
  }
  return static_cast<std::uint32_t>(address | part[n - 1]);
}

} // namespace

Address Address::v4(std::array<std::uint8_t, 4> bytes, std::uint16_t port) {
  Address a;
  std::memcpy(a.bytes_.data(), kMapped.data(), kMapped.size());
  std::memcpy(a.bytes_.data() + 12, bytes.data(), 4);
  a.port_ = port;
  a.family_ = 4;
  return a;
}

Address Address::v6(const std::array<std::uint8_t, 16>& bytes, std::uint16_t port) {
  Address a;
  a.bytes_ = bytes;
  a.port_ = port;
  a.family_ = 6;
  return a;
}

Address Address::from_sockaddr(const sockaddr* sa) noexcept {
  if (sa->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, sa, sizeof in);
    std::array<std::uint8_t, 4> b{};
    std::memcpy(b.data(), &in.sin_addr, 4);
    return v4(b, ntohs(in.sin_port));
  }
  if (sa->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, sa, sizeof in);
    std::array<std::uint8_t, 16> b{};
    std::memcpy(b.data(), &in.sin6_addr, 16);
    return v6(b, ntohs(in.sin6_port));
  }
  return {};
}

std::optional<Address> Address::parse(std::string_view text, std::uint16_t port) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
    if (text.find(':') == std::string_view::npos) {
      return {};
    }
  }
  std::array<char, INET6_ADDRSTRLEN + 1> z{};
  if (text.empty() || text.size() >= z.size()) {
    return {};
  }
  std::memcpy(z.data(), text.data(), text.size());
  if (text.find(':') != std::string_view::npos) {
    std::array<std::uint8_t, 16> b{};
    if (::inet_pton(AF_INET6, z.data(), b.data()) == 1) {
      return v6(b, port);
    }
    return {};
  }
  std::array<std::uint8_t, 4> b{};
  if (::inet_pton(AF_INET, z.data(), b.data()) == 1) {
    return v4(b, port);
  }
  return {};
}

std::optional<Address> Address::parse_with_port(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return {};
  }
  auto host = text.substr(0, colon);
  if (host.find(':') != std::string_view::npos && (host.front() != '[' || host.back() != ']')) {
    return {};
  }
  auto port = parse_port(text.substr(colon + 1));
  return port ? parse(host, *port) : std::nullopt;
}

std::optional<Address> Address::parse_any(std::string_view text, std::uint16_t port) {
  if (auto strict = parse(text, port)) {
    return strict;
  }
  if (auto n = parse_aton(text)) {
    return v4({static_cast<std::uint8_t>(*n >> 24), static_cast<std::uint8_t>(*n >> 16),
               static_cast<std::uint8_t>(*n >> 8), static_cast<std::uint8_t>(*n)},
              port);
  }
  return {};
}

Address Address::with_port(std::uint16_t port) const noexcept {
  Address a = *this;
  a.port_ = port;
  return a;
}

Address Address::unwrapped() const noexcept {
  if (family_ != 6) {
    return *this;
  }
  auto take = [&](std::size_t at) {
    return v4({bytes_[at], bytes_[at + 1], bytes_[at + 2], bytes_[at + 3]}, port_);
  };
  auto zero = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (bytes_[i] != 0) {
        return false;
      }
    }
    return true;
  };
  if (std::memcmp(bytes_.data(), kMapped.data(), 12) == 0) {
    return take(12);
  }
  if (zero(0, 12) && !zero(12, 15)) { // ::a.b.c.d, and neither :: nor ::1
    return take(12);
  }
  if (bytes_[0] == 0x00 && bytes_[1] == 0x64 && bytes_[2] == 0xff && bytes_[3] == 0x9b &&
      zero(4, 12)) { // NAT64 (RFC 6052)
    return take(12);
  }
  if (bytes_[0] == 0x20 && bytes_[1] == 0x02) { // 6to4
    return take(2);
  }
  return *this;
}

bool Address::is_loopback() const noexcept {
  Address a = unwrapped();
  if (a.family_ == 4) {
    return a.bytes_[12] == 127;
  }
  for (std::size_t i = 0; i < 15; ++i) {
    if (a.bytes_[i] != 0) {
      return false;
    }
  }
  return a.bytes_[15] == 1;
}

bool Address::is_internal() const noexcept {
  Address a = unwrapped();
  const auto& b = a.bytes_;
  if (a.family_ == 4) {
    auto x = b[12];
    auto y = b[13];
    return x == 0 || x == 10 || x == 127 || (x == 100 && (y & 0xc0) == 64) ||
           (x == 169 && y == 254) || (x == 172 && (y & 0xf0) == 16) ||
           (x == 192 && y == 0 && b[14] == 0) || (x == 192 && y == 168) ||
           (x == 198 && (y & 0xfe) == 18) || x >= 224;
  }
  if (a.family_ == 6) {
    bool high_zero = true;
    for (std::size_t i = 0; i < 15; ++i) {
      high_zero = high_zero && b[i] == 0;
    }
    return (high_zero && b[15] <= 1) || (b[0] & 0xfe) == 0xfc ||
           (b[0] == 0xfe && (b[1] & 0x80) != 0) || b[0] == 0xff || (b[0] == 0x01 && b[1] == 0);
  }
  return true;
}

socklen_t Address::to_sockaddr(sockaddr_storage& out) const noexcept {
  std::memset(&out, 0, sizeof out);
  if (family_ == 4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port_);
    std::memcpy(&in.sin_addr, bytes_.data() + 12, 4);
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port_);
  std::memcpy(&in.sin6_addr, bytes_.data(), 16);
  std::memcpy(&out, &in, sizeof in);
  return sizeof in;
}

std::string Address::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family_ == 4) { // by hand: in every request that goes to an origin
    char* at = text.data();
    for (std::size_t i = 12; i < 16; ++i) {
      at = std::to_chars(at, text.data() + text.size(), bytes_[i]).ptr;
      *at++ = '.';
    }
    return {text.data(), at - 1};
  }
  if (family_ == 6) {
    ::inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
  }
  return text.data();
}

std::string Address::to_string() const {
  if (family_ == 0) {
    return "-";
  }
  std::string host_text = host();
  return (family_ == 6 ? "[" + host_text + "]" : host_text) + ":" + std::to_string(port_);
}

Prefix::Prefix(const Address& base, unsigned bits) : base_(base.with_port(0)), bits_(bits) {}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  auto slash = text.find('/');
  auto base = Address::parse(text.substr(0, slash));
  if (!base) {
    return {};
  }
  unsigned most = base->is_v4() ? 32 : 128;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    auto digits = text.substr(slash + 1);
    auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (ec != std::errc{} || end != digits.data() + digits.size() || bits > most) {
      return {};
    }
  }
  unsigned skip = base->is_v4() ? 96 : 0;
  for (unsigned bit = skip + bits; bit < 128; ++bit) {
    if ((base->bytes()[bit / 8] >> (7 - bit % 8) & 1) != 0) {
      return {};
    }
  }
  return Prefix(*base, bits);
}

bool Prefix::contains(const Address& address) const noexcept {
  if (address.is_v4() != base_.is_v4() || !address.valid()) {
    return false;
  }
  unsigned bits = bits_ + (base_.is_v4() ? 96 : 0);
  std::size_t whole = bits / 8;
  if (std::memcmp(address.bytes().data(), base_.bytes().data(), whole) != 0) {
    return false;
  }
  unsigned rest = bits % 8;
  if (rest == 0) {
    return true;
  }
  auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return ((address.bytes()[whole] ^ base_.bytes()[whole]) & mask) == 0;
}

std::string Prefix::to_string() const { return base_.host() + "/" + std::to_string(bits_); }

} // namespace weir
