// SPDX-License-Identifier: Apache-2.0
//
// What each octet may be part of: one table for the http folder; scans by 16 octets. Pure.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

#ifdef __SSE2__
/// One bit for each of the first N octets at `at` that is a control octet but TAB.
template <std::size_t N = 16> unsigned control_mask(const char* at) noexcept {
  __m128i bytes = _mm_set1_epi8(' ');
  std::memcpy(&bytes, at, N);
  __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  control = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')), control);
  control = _mm_or_si128(control, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
  return static_cast<unsigned>(_mm_movemask_epi8(control));
}
#endif

/// The position of the first octet that may not stand in a field value, or of the end.
inline std::size_t find_control(const char* begin, const char* end) noexcept {
  const char* at = begin;
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    if (unsigned mask = control_mask(at); mask != 0) {
      return static_cast<std::size_t>(at - begin) + static_cast<unsigned>(std::countr_zero(mask));
    }
  }
  if (end - begin >= 16) { // the rest once more with octets that are known to be good
    unsigned mask = control_mask(end - 16);
    at = mask != 0 ? end - 16 + std::countr_zero(mask) : end;
    return static_cast<std::size_t>(at - begin);
  }
  if (end - begin >= 8) {
    auto rest = static_cast<unsigned>(end - begin) - 8;
    unsigned mask = control_mask<8>(begin) | control_mask<8>(end - 8) << rest;
    return mask != 0 ? static_cast<unsigned>(std::countr_zero(mask)) : rest + 8;
  }
#endif
  for (; at != end; ++at) {
    auto c = static_cast<unsigned char>(*at);
    if ((c < 0x20 && c != '\t') || c == 0x7f) {
      break;
    }
  }
  return static_cast<std::size_t>(at - begin);
}

/// Copies a field value to where there is room. False: it has an octet that may not stand there.
inline bool copy_value(char* to, std::string_view value) noexcept {
  const char* from = value.data();
  const std::size_t size = value.size();
#ifdef __SSE2__
  // The last part may overlap the one before it.
  if (size >= 16) {
    unsigned mask = 0;
    for (std::size_t i = 0; i + 16 < size; i += 16) {
      mask |= control_mask(from + i);
      std::memcpy(to + i, from + i, 16);
    }
    mask |= control_mask(from + size - 16);
    std::memcpy(to + size - 16, from + size - 16, 16);
    return mask == 0;
  }
  if (size >= 8) {
    std::memcpy(to, from, 8);
    std::memcpy(to + size - 8, from + size - 8, 8);
    return (control_mask<8>(from) | control_mask<8>(from + size - 8)) == 0;
  }
#endif
  bool good = true;
  for (std::size_t i = 0; i < size; ++i) {
    auto c = static_cast<unsigned char>(from[i]);
    good = good && (c >= 0x20 || c == '\t') && c != 0x7f;
    to[i] = from[i];
  }
  return good;
}

/// The first colon, or `end`.
inline const char* find_colon(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    __m128i bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':'))));
    if (mask != 0) {
      return at + std::countr_zero(mask);
    }
  }
#endif
  while (at != end && *at != ':') {
    ++at;
  }
  return at;
}

} // namespace weir::http
