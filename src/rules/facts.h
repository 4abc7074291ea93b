// SPDX-License-Identifier: Apache-2.0
//
// Facts: what is known of a request when the rules are asked. Views into the request's head and its
// Arena; made anew for each question. A fact that is not known yet is not guessed (CONFIG.md rule
// 14): the verdict names it, and the rules are asked again when it has come.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/address.h"

namespace weir::http {
class Fields;
}

namespace weir::rules {

enum class Direction : std::uint8_t { forward, site, l4 };

struct Facts {
  Address client;
  std::string_view host;  // normalised (http::normalise_host); IPv6 with or without brackets
  std::uint16_t port = 0; // of the request target
  std::string_view path;  // without query; empty: a tunnel
  std::string_view query;
  std::string_view method; // as it stands in the request
  std::string_view scheme; // "http", "https"; a tunnel: "https"
  const http::Fields* fields = nullptr;
  /// What the host resolves to, or the addresses an Entry was fetched from.
  std::span<const Address> addresses;
  bool addresses_known = false;
  /// In the TLS of an l4's client, or inside a CONNECT: normalised; empty: none.
  std::string_view sni;
  bool sni_known = false;
  std::string_view user;               // who has logged in; empty: nobody
  std::span<const std::string> groups; // of the user
  /// Of the client's certificate, verified: subject, then alternative names (net::TlsFacts::names).
  std::span<const std::string> certificate;
  std::string_view place; // the name of the forward or l4, the site's first name
};

/// Facts that may come later, as bits.
using FactSet = std::uint8_t;
constexpr FactSet kAddressFact = 1;
constexpr FactSet kSniFact = 2;
/// "address"; of several, the first.
constexpr std::string_view name_of_facts(FactSet facts) {
  return (facts & kAddressFact) != 0 ? "address" : (facts & kSniFact) != 0 ? "sni" : "";
}

} // namespace weir::rules
