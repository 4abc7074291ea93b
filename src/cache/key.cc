// SPDX-License-Identifier: Apache-2.0
#include "cache/key.h"

#include <array>
#include <charconv>

namespace weir::cache {

namespace {
constexpr std::string_view kNul{"\0", 1};

/// Part number `n` of a key.
std::string_view part(std::string_view key, int n) {
  while (n-- > 0) {
    std::size_t nul = key.find('\0');
    if (nul == std::string_view::npos) {
      return {};
    }
    key.remove_prefix(nul + 1);
  }
  return key.substr(0, key.find('\0'));
}
} // namespace

Key Key::make(const KeyParts& parts, const HashKey& secret, Arena& arena) {
  std::array<char, 8> digits;
  auto [end, ec] = std::to_chars(digits.data(), digits.data() + digits.size(), parts.port);
  std::string_view port(digits.data(), static_cast<std::size_t>(end - digits.data()));
  Key key;
  // G: answers GET and HEAD.
  key.bytes = arena.join({parts.realm, kNul, "G", kNul, parts.scheme, kNul, parts.host, kNul, port,
                          kNul, parts.target});
  key.hash = siphash128(secret, key.bytes);
  return key;
}

std::string key_url(std::string_view key) {
  std::string_view scheme = part(key, 2);
  std::string_view port = part(key, 4);
  std::string url(scheme);
  url += "://";
  url += part(key, 3);
  bool usual = (scheme == "http" && port == "80") || (scheme == "https" && port == "443");
  if (!usual) {
    url += ':';
    url += port;
  }
  url += part(key, 5);
  return url;
}

std::string_view key_host(std::string_view key) { return part(key, 3); }

} // namespace weir::cache
