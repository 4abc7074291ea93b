// SPDX-License-Identifier: Apache-2.0
#include "http/uri.h"

#include <idn2.h>

#include <algorithm>
#include <array>

#include "base/address.h"
#include "http/chars.h"
#include "http/h1_writer.h"
#include "http/message.h"

namespace weir::http {

namespace {

constexpr std::size_t kLongestHost = 253; // RFC 1035 §2.3.4, as text without the last dot
constexpr std::size_t kLongestLabel = 63;

tl::unexpected<Error> malformed() { return fail(Code::malformed, Side::client); }

bool is_ascii(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

/// Letters, digits, '-', '_' in labels of 1 to 63 octets; a dot at the end is cut off.
Result<std::string_view> normalise_name(std::string_view host, Arena& arena) {
  if (!host.empty() && host.back() == '.') {
    host.remove_suffix(1);
  }
  std::size_t label = 0;
  bool upper = false;
  for (char c : host) {
    upper = upper || (c >= 'A' && c <= 'Z');
    if (!is(kHostChar, c) || (c == '.' && label == 0) || (c != '.' && label == kLongestLabel)) {
      return malformed();
    }
    label = c == '.' ? 0 : label + 1;
  }
  if (label == 0 || host.size() > kLongestHost) { // empty, or a dot is left at the end
    return malformed();
  }
  return upper ? lower_case(host, arena) : host;
}

Result<std::string_view> normalise_ipv6(std::string_view host, Arena& arena) {
  if (host.size() < 4 || host.back() != ']') {
    return malformed();
  }
  auto address = Address::parse(host.substr(1, host.size() - 2));
  if (!address || !address->is_v6()) {
    return malformed();
  }
  return arena.join({"[", address->host(), "]"});
}

Result<std::string_view> normalise_idn(std::string_view host, Arena& arena) {
  char* ascii = nullptr;
  std::string text{host};
  if (text.size() != std::char_traits<char>::length(text.c_str()) ||
      idn2_to_ascii_8z(text.c_str(), &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK) {
    return malformed();
  }
  std::string_view label = arena.copy(ascii);
  idn2_free(ascii);
  return normalise_name(label, arena);
}

/// Splits "path?query"; is_path_query() holds.
void set_path(Target& target, std::string_view text) {
  auto mark = text.find('?');
  target.path_query = text;
  target.path = text.substr(0, mark);
  target.has_query = mark != std::string_view::npos;
  target.query = target.has_query ? text.substr(mark + 1) : std::string_view{};
}

bool is_scheme(std::string_view text) noexcept {
  return !text.empty() && is(kTokenChar, text.front()) && !is_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return c == '+' || c == '-' || c == '.' || (is(kHostChar, c) && c != '_');
         });
}

Scheme scheme_of(std::string_view text) noexcept {
  return iequals(text, "http")    ? Scheme::http
         : iequals(text, "https") ? Scheme::https
                                  : Scheme::none;
}

Result<Target> parse_absolute(Method method, std::string_view text, Arena& arena) {
  auto colon = text.find("://");
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) {
    return malformed();
  }
  Target target;
  target.form = Target::Form::absolute;
  target.scheme = scheme_of(text.substr(0, colon));
  if (target.scheme == Scheme::none) {
    return fail(Code::unsupported, Side::client);
  }
  text.remove_prefix(colon + 3);
  auto end = std::min(text.find_first_of("/?"), text.size());
  auto authority = parse_authority(text.substr(0, end), arena);
  if (!authority) { // empty host (W4.3), userinfo (W4.4)
    return fail(authority.error());
  }
  target.host = authority->host;
  target.port = authority->port;
  target.has_port = authority->has_port;
  text.remove_prefix(end);
  if (text.empty()) {
    // RFC 9112 §3.2.4: the server as a whole.
    text = method == Method::options ? "*" : "/";
  } else if (text.front() == '?') {
    text = arena.join({"/", text});
  }
  set_path(target, text);
  return target;
}

/// RFC 3986 §5.2.4, for a path that begins with '/'. In place of the input buffer: an index.
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    auto end = std::min(path.find('/', 1), path.size());
    auto segment = path.substr(0, end); // with its '/' in front
    bool last = end == path.size();
    if (segment == "/.." || segment == "/.") {
      if (segment == "/..") {
        out.resize(out.empty() ? 0 : out.rfind('/'));
      }
      if (last) {
        out += '/';
      }
    } else {
      out += segment;
    }
    path.remove_prefix(end);
  }
  return out;
}

} // namespace

std::string_view name(Scheme scheme) noexcept {
  return scheme == Scheme::http ? "http" : scheme == Scheme::https ? "https" : "";
}

std::uint16_t default_port(Scheme scheme) noexcept {
  return scheme == Scheme::http ? 80 : scheme == Scheme::https ? 443 : 0;
}

bool is_path_query(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is(kPathChar, text[i])) {
      return false;
    }
    if (text[i] == '%') {
      if (text.size() - i < 3 || !is(kHexChar, text[i + 1]) || !is(kHexChar, text[i + 2])) {
        return false;
      }
      i += 2;
    }
  }
  return true;
}

Result<Target> parse_target(Method method, std::string_view text, Arena& arena) {
  if (text.empty() || !is_path_query(text)) {
    return malformed();
  }
  Target target;
  if (method == Method::connect) { // W8.1
    auto authority = parse_authority(text, arena);
    if (!authority || !authority->has_port || authority->port == 0) {
      return malformed();
    }
    target.form = Target::Form::authority;
    target.host = authority->host;
    target.port = authority->port;
    target.has_port = true;
    return target;
  }
  if (text.front() == '/') {
    set_path(target, text);
    return target;
  }
  if (text == "*" && method == Method::options) {
    target.form = Target::Form::asterisk;
    set_path(target, text);
    return target;
  }
  return parse_absolute(method, text, arena);
}

Result<Authority> parse_authority(std::string_view text, Arena& arena) {
  // The colon of the port: behind the bracket of an IPv6 address.
  auto from = !text.empty() && text.front() == '[' ? text.find(']') : 0;
  auto colon = text.find(':', from);
  Authority authority;
  if (colon < text.size()) {
    auto digits = text.substr(colon + 1);
    if (digits.size() > 5 || !std::all_of(digits.begin(), digits.end(), is_digit)) {
      return malformed();
    }
    auto port = parse_decimal(digits).value_or(0);
    if (port > 65535) {
      return malformed();
    }
    authority.has_port = !digits.empty(); // "host:" is "host" (RFC 3986 §3.2.3)
    authority.port = static_cast<std::uint16_t>(port);
  }
  auto host = text.substr(0, colon); // ASCII only: normalise_name() takes no other
  auto normal = host.starts_with('[') ? normalise_ipv6(host, arena) : normalise_name(host, arena);
  if (!normal) {
    return fail(normal.error());
  }
  authority.host = *normal;
  return authority;
}

Result<std::string_view> normalise_host(std::string_view host, Arena& arena) {
  if (!host.empty() && host.front() == '[') {
    return normalise_ipv6(host, arena);
  }
  return is_ascii(host) ? normalise_name(host, arena) : normalise_idn(host, arena);
}

std::string_view write_authority(std::string_view host, std::uint16_t port, Scheme scheme,
                                 Arena& arena) {
  if (port == 0 || port == default_port(scheme)) {
    return host;
  }
  return arena.join({host, ":", Decimal(port).view()});
}

Result<Target> resolve_reference(const Target& base, Scheme scheme, std::string_view reference,
                                 Arena& arena) {
  reference = reference.substr(0, reference.find('#'));
  if (!is_path_query(reference)) {
    return malformed();
  }
  Target target;
  auto colon = reference.find_first_of(":/?");
  if (colon != std::string_view::npos && reference[colon] == ':' &&
      is_scheme(reference.substr(0, colon))) {
    if (scheme_of(reference.substr(0, colon)) == Scheme::none) {
      return fail(Code::unsupported, Side::client);
    }
    auto absolute = parse_absolute(Method::get, reference, arena);
    if (!absolute) {
      return absolute;
    }
    target = *absolute;
  } else if (reference.starts_with("//")) {
    auto absolute = parse_absolute(Method::get, arena.join({name(scheme), ":", reference}), arena);
    if (!absolute) {
      return absolute;
    }
    target = *absolute;
  } else {
    target = base;
    target.form = Target::Form::absolute;
    target.scheme = scheme;
    std::string_view base_path = base.path.starts_with('/') ? base.path : "/";
    if (reference.empty()) {
      set_path(target, base.path.starts_with('/') ? base.path_query : base_path);
    } else if (reference.front() == '/') {
      set_path(target, reference);
    } else if (reference.front() == '?') {
      set_path(target, arena.join({base_path, reference}));
    } else {
      set_path(target, arena.join({base_path.substr(0, base_path.rfind('/') + 1), reference}));
    }
  }
  if (target.path.find("/.") != std::string_view::npos) {
    std::string path = remove_dot_segments(target.path);
    set_path(target, arena.join({path, target.path_query.substr(target.path.size())}));
  }
  return target;
}

} // namespace weir::http
