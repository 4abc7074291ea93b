// SPDX-License-Identifier: Apache-2.0
//
// Target: a request target, parsed strictly (W1.9-W1.13, W4, W8.1). Host names, normalised.
//
// Views into the text given, or into the Arena where something had to be written anew (lower case,
// A-labels, an empty path). Nothing is percent-decoded: what goes to the origin is octet for octet
// what the client sent, or the request is refused. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"

namespace weir::http {

enum class Method : std::uint8_t;

enum class Scheme : std::uint8_t { none, http, https };
std::string_view name(Scheme scheme) noexcept;
/// 80, 443; 0 for none.
std::uint16_t default_port(Scheme scheme) noexcept;

/// A host with an optional port, as in Host and in an absolute target.
struct Authority {
  std::string_view host;  // normalised (normalise_host); an IPv6 address in brackets
  std::uint16_t port = 0; // as given
  bool has_port = false;
};

struct Target {
  enum class Form : std::uint8_t {
    origin,    // "/path?query"; the authority is that of Host
    absolute,  // "http://host:port/path?query"; its authority replaces Host (W4.3)
    asterisk,  // "*": OPTIONS only
    authority, // "host:port": CONNECT only
  };
  Form form = Form::origin;
  Scheme scheme = Scheme::none; // of an absolute target; otherwise the listener knows
  std::string_view host;        // normalised; empty only for HTTP/1.0 without Host
  std::uint16_t port = 0;       // as given: see has_port, port_or_default()
  bool has_port = false;
  bool has_query = false;
  std::string_view path;       // "/a/b", "*", or empty (CONNECT)
  std::string_view query;      // without '?'
  std::string_view path_query; // what goes to the origin: path, or path?query

  std::uint16_t port_or_default(Scheme otherwise) const noexcept {
    return has_port ? port : default_port(scheme != Scheme::none ? scheme : otherwise);
  }
};

/// A request target on its own. Errors: malformed (400), unsupported (501: a scheme other than http
/// and https, W8.5).
Result<Target> parse_target(Method method, std::string_view text, Arena& arena);

/// uri-host [":" port] (W4.2): no userinfo, no path, no blank, no percent, ASCII only, not empty.
Result<Authority> parse_authority(std::string_view text, Arena& arena);

/// The host in the one spelling that keys, rules and DNS use (W8.2): lower case, one trailing dot
/// removed, IDN as A-labels, IPv6 in brackets as weir prints it. Takes UTF-8 (names in a
/// configuration, in lists); what comes from the wire is ASCII already. Percent signs, empty
/// labels, labels over 63 octets, names over 253: malformed. `host` itself when nothing had to
/// change.
Result<std::string_view> normalise_host(std::string_view host, Arena& arena);

/// "host", "host:port" without the scheme's own port: for Host and for keys.
std::string_view write_authority(std::string_view host, std::uint16_t port, Scheme scheme,
                                 Arena& arena);

/// Whether every octet may stand in a path or a query, and percent signs head two hex digits.
bool is_path_query(std::string_view text) noexcept;

/// Resolves a reference (Location, Content-Location) against the URI of its request (RFC 3986
/// §5.2, C11.2). The result has form absolute. Anything but http and https: unsupported.
Result<Target> resolve_reference(const Target& base, Scheme scheme, std::string_view reference,
                                 Arena& arena);

} // namespace weir::http
