// SPDX-License-Identifier: Apache-2.0
//
// What each octet may be part of: one table for the http folder. Constant.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::http {

enum Char : std::uint8_t {
  kTokenChar = 1, // RFC 9110 §5.6.2
  kPathChar = 2,  // printable, but for those of W1.9: # \\ " < > ^ { } | ` and the space
  kHostChar = 4,  // letters, digits, '.', '-', '_'
  kHexChar = 8,
  kDigitChar = 16,
  kTagChar = 32, // etagc: RFC 9110 §8.8.3
};

constexpr std::array<std::uint8_t, 256> make_chars() {
  std::array<std::uint8_t, 256> table{};
  auto set = [&](std::string_view chars, unsigned bits) {
    for (char c : chars) {
      auto& entry = table[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | bits);
    }
  };
  set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
      kTokenChar | kPathChar | kHostChar);
  set("-._", kTokenChar | kPathChar | kHostChar);
  set("!#$%&'*+^`|~", kTokenChar);
  set("~!$&'()*+,;=:@/?%[]", kPathChar); // browsers leave brackets as they are
  set("0123456789abcdefABCDEF", kHexChar);
  set("0123456789", kDigitChar);
  for (unsigned c = 0x21; c < 256; ++c) {
    if (c != '"' && c != 0x7f) {
      table[c] = static_cast<std::uint8_t>(table[c] | kTagChar);
    }
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kChars = make_chars();

constexpr bool is(Char kind, char c) noexcept {
  return (kChars[static_cast<unsigned char>(c)] & kind) != 0;
}
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
/// 0 to 15; only for a kHexChar.
constexpr unsigned hex_value(char c) noexcept {
  return static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

} // namespace weir::http
