// SPDX-License-Identifier: Apache-2.0
//
// Key: what a stored response is filed under (CACHE_RULES 1, WIRE_RULES W7.2): realm, method class,
// scheme, host, port, target octet for octet, and what a route adds. Pure.
//
// The parts are separated by NUL, which none of them can hold; one that does makes no key. Every
// hit compares the whole key; the hash only finds it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/hash.h"

namespace weir::cache {

struct KeyParts {
  std::string_view realm; // the forward's name or the site's first name; empty: a shared cache
  std::string_view scheme;
  std::string_view host; // normalised
  std::uint16_t port = 0;
  std::string_view target;                   // path?query
  std::span<const std::string_view> extra{}; // what the route adds, in its order
};

struct Key {
  std::string_view bytes; // in the arena it was made in; empty: this cannot be stored
  Hash128 hash;

  /// The key under which answers to GET are filed; HEAD is answered from them (C1.2).
  static Key make(const KeyParts& parts, const HashKey& secret, Arena& arena);
};

/// The parts of a key but for `extra`: views into it.
KeyParts key_parts(std::string_view key);
/// The part of a key that its URL makes: without what a route added.
std::string_view key_url_part(std::string_view key);
/// "http://example.com/x" of a key, for people.
std::string key_url(std::string_view key);
/// The host in a key.
std::string_view key_host(std::string_view key);

} // namespace weir::cache
