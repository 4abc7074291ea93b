// SPDX-License-Identifier: Apache-2.0
#include "http/basic_credentials.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "http/fields.h"

namespace weir::http {

namespace {

constexpr std::string_view kScheme = "Basic";

/// The six bits of a character of base64 (RFC 4648 §4); -1: it is none.
int bits_of(char c) noexcept {
  return c >= 'A' && c <= 'Z'   ? c - 'A'
         : c >= 'a' && c <= 'z' ? c - 'a' + 26
         : c >= '0' && c <= '9' ? c - '0' + 52
         : c == '+'             ? 62
         : c == '/'             ? 63
                                : -1;
}

/// Padded, and without bits that mean nothing: one spelling for each text.
std::optional<std::string_view> decode(std::string_view text, Arena& arena) {
  if (text.empty() || text.size() % 4 != 0) {
    return {};
  }
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  char* out = arena.allocate(text.size() / 4 * 3, 1);
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::size_t filled = i + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      int bits = j < filled ? bits_of(text[i + j]) : 0;
      if (bits < 0) {
        return {};
      }
      group = group << 6U | static_cast<std::uint32_t>(bits);
    }
    for (std::size_t j = 0; j + 1 < filled; ++j) {
      out[size++] = static_cast<char>(group >> (16 - 8 * j) & 0xffU);
    }
    if ((group & ((1U << (8 * (4 - filled))) - 1)) != 0) {
      return {};
    }
  }
  return std::string_view(out, size);
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

} // namespace

bool is_basic(std::string_view value) noexcept {
  return iequals(value.substr(0, kScheme.size()), kScheme) &&
         (value.size() == kScheme.size() || value[kScheme.size()] == ' ');
}

std::optional<BasicCredentials> read_basic(std::string_view value, Arena& arena) {
  if (!is_basic(value)) {
    return {};
  }
  value.remove_prefix(kScheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  auto text = decode(value, arena);
  if (!text || std::any_of(text->begin(), text->end(), is_control)) {
    return {};
  }
  std::size_t colon = text->find(':'); // the first: a password may have more (RFC 7617 §2)
  if (colon == std::string_view::npos || colon == 0) {
    return {};
  }
  return BasicCredentials{text->substr(0, colon), text->substr(colon + 1)};
}

} // namespace weir::http
