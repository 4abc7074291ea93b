// SPDX-License-Identifier: Apache-2.0
#include "http/preference.h"

#include <algorithm>

#include "http/fields.h"

namespace weir::http {

namespace {

/// 0[.ddd] or 1[.000].
std::optional<std::uint16_t> read_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
      (text.size() > 1 && text[1] != '.')) {
    return {};
  }
  unsigned weight = text[0] == '1' ? 1000 : 0;
  unsigned unit = 100;
  for (char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') {
      return {};
    }
    weight += static_cast<unsigned>(c - '0') * unit;
    unit /= 10;
  }
  return weight <= 1000 ? std::optional(static_cast<std::uint16_t>(weight)) : std::nullopt;
}

} // namespace

std::optional<Preference> read_preference(std::string_view member) noexcept {
  Preference read;
  std::size_t semicolon = member.find(';');
  read.what = trim(member.substr(0, semicolon));
  if (!is_token(read.what)) {
    return {};
  }
  if (semicolon != std::string_view::npos) {
    std::string_view rest = trim(member.substr(semicolon + 1));
    if (rest.size() < 2 || lower(rest[0]) != 'q' || rest[1] != '=') {
      return {};
    }
    auto weight = read_weight(rest.substr(2));
    if (!weight) {
      return {};
    }
    read.weight = *weight;
  }
  return read;
}

} // namespace weir::http
