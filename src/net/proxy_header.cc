// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include <fmt/format.h>

namespace weir::net {

namespace {

using Parsed = Result<std::optional<ProxyHeader>>;

constexpr std::string_view kFirst = "PROXY ";
constexpr std::size_t kMostLine = 107; // with CRLF
constexpr std::string_view kSecond("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixed = 16; // signature, version and command, family, length

/// The word up to the next single space, which goes too; the last one ends with the line.
std::optional<std::string_view> take_word(std::string_view& line) {
  std::size_t end = line.find(' ');
  std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word.empty() ? std::nullopt : std::optional(word);
}

std::optional<std::uint16_t> port_of(std::optional<std::string_view> text) {
  if (!text || text->empty() || text->size() > 5 || (text->size() > 1 && text->front() == '0')) {
    return {};
  }
  std::uint32_t value = 0;
  for (char c : *text) {
    if (c < '0' || c > '9') {
      return {};
    }
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return value <= UINT16_MAX ? std::optional(static_cast<std::uint16_t>(value)) : std::nullopt;
}

/// An IPv4 address that a sender with IPv6 sockets wrote as ::ffff:a.b.c.d: rules must know it.
Address plain(const Address& address) {
  const auto& b = address.bytes();
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!address.is_v6() || !std::equal(kMapped.begin(), kMapped.end(), b.begin())) {
    return address;
  }
  return Address::v4({b[12], b[13], b[14], b[15]}, address.port());
}

Parsed parse_line(std::string_view bytes) {
  std::size_t feed = bytes.substr(0, kMostLine).find('\n');
  if (feed == std::string_view::npos && bytes.size() < kMostLine) {
    return std::nullopt;
  }
  if (feed == std::string_view::npos || bytes[feed - 1] != '\r') {
    return fail(Code::malformed, Side::client);
  }
  std::size_t end = feed - 1;
  ProxyHeader header;
  header.size = end + 2;
  std::string_view line = bytes.substr(kFirst.size(), end - kFirst.size());
  auto family = take_word(line);
  if (family == "UNKNOWN") {
    return header; // the rest of the line is to be ignored
  }
  bool v6 = family == "TCP6";
  if (!v6 && family != "TCP4") {
    return fail(Code::malformed, Side::client);
  }
  auto source = take_word(line);
  auto destination = take_word(line);
  auto source_port = port_of(take_word(line));
  auto destination_port =
      port_of(line.find(' ') == std::string_view::npos ? std::optional<std::string_view>(line)
                                                       : std::nullopt);
  if (!source || !destination || !source_port || !destination_port) {
    return fail(Code::malformed, Side::client);
  }
  auto from = Address::parse(*source, *source_port);
  auto to = Address::parse(*destination, *destination_port);
  if (!from || !to || from->is_v6() != v6 || to->is_v6() != v6 || source->front() == '[' ||
      destination->front() == '[') {
    return fail(Code::malformed, Side::client);
  }
  header.source = plain(*from);
  header.destination = plain(*to);
  return header;
}

std::string write_line(const Address& source, const Address& destination) {
  if (source.is_v4() && destination.is_v4()) {
    return fmt::format("PROXY TCP4 {} {} {} {}\r\n", source.host(), destination.host(),
                       source.port(), destination.port());
  }
  auto wide = [](const Address& address) {
    return (address.is_v4() ? "::ffff:" : "") + address.host();
  };
  return fmt::format("PROXY TCP6 {} {} {} {}\r\n", wide(source), wide(destination), source.port(),
                     destination.port());
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8U |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

Parsed parse_block(std::string_view bytes) {
  if (bytes.size() < kFixed) {
    return std::nullopt;
  }
  auto command = static_cast<unsigned char>(bytes[12]);
  auto family = static_cast<unsigned char>(bytes[13]);
  std::size_t length = number_at(bytes, 14);
  if ((command != 0x20 && command != 0x21) || length > kMostProxyHeader) {
    return fail(Code::malformed, Side::client);
  }
  if (bytes.size() < kFixed + length) {
    return std::nullopt;
  }
  ProxyHeader header;
  header.size = kFixed + length;
  bool local = command == 0x20;
  if (local || (family != 0x11 && family != 0x21)) { // neither TCP over IPv4 nor over IPv6
    return header;
  }
  std::size_t each = family == 0x11 ? 4 : 16;
  if (length < 2 * each + 4) {
    return fail(Code::malformed, Side::client);
  }
  std::string_view addresses = bytes.substr(kFixed);
  auto make = [&](std::size_t at, std::size_t port) {
    std::array<std::uint8_t, 16> v6{};
    std::memcpy(v6.data(), addresses.data() + at, each);
    std::uint16_t number = number_at(addresses, port);
    return each == 16 ? plain(Address::v6(v6, number))
                      : Address::v4({v6[0], v6[1], v6[2], v6[3]}, number);
  };
  header.source = make(0, 2 * each);
  header.destination = make(each, 2 * each + 2);
  return header;
}

} // namespace

Result<std::optional<ProxyHeader>> parse_proxy_header(std::string_view bytes) {
  auto begins = [&](std::string_view with) {
    return bytes.substr(0, with.size()) == with.substr(0, bytes.size());
  };
  if (begins(kFirst)) {
    return bytes.size() < kFirst.size() ? Parsed(std::nullopt) : parse_line(bytes);
  }
  if (begins(kSecond)) {
    return bytes.size() < kSecond.size() ? Parsed(std::nullopt) : parse_block(bytes);
  }
  return fail(Code::malformed, Side::client);
}

std::string write_proxy_header(ProxyVersion version, const Address& source,
                               const Address& destination) {
  bool known = source.valid() && destination.valid();
  if (version == ProxyVersion::first) {
    return known ? write_line(source, destination) : "PROXY UNKNOWN\r\n";
  }
  std::string text(kSecond);
  if (!known) {
    return text.append("\x20\0\0\0", 4);
  }
  bool v4 = source.is_v4() && destination.is_v4();
  std::size_t each = v4 ? 4 : 16;
  text += '\x21';
  text += v4 ? '\x11' : '\x21';
  text += '\0';
  text += static_cast<char>(2 * each + 4);
  for (const Address* address : {&source, &destination}) {
    const auto& bytes = address->bytes(); // an IPv4 address stands at the end
    text.append(bytes.end() - static_cast<std::ptrdiff_t>(each), bytes.end());
  }
  for (const Address* address : {&source, &destination}) {
    text += static_cast<char>(address->port() >> 8U);
    text += static_cast<char>(address->port() & 0xffU);
  }
  return text;
}

} // namespace weir::net
