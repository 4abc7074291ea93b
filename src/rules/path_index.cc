// SPDX-License-Identifier: Apache-2.0
#include "rules/path_index.h"

#include <algorithm>

namespace weir::rules {

std::optional<std::string_view> PathIndex::key_of(const config::PathPattern& pattern) noexcept {
  std::string_view text = pattern.text;
  if (pattern.kind == config::PathPattern::Kind::regex) {
    return std::nullopt;
  }
  if (pattern.kind == config::PathPattern::Kind::glob) {
    text = text.substr(0, text.find_first_of("*?"));
    text = text.substr(0, text.rfind('/') + 1); // npos + 1: nothing
  }
  return text.empty() ? std::nullopt : std::optional(text);
}

void PathIndex::add(std::string_view key, std::uint32_t number) {
  Numbers& numbers = by_text_[std::string(key)];
  if (numbers.empty() || numbers.back() != number) {
    numbers.push_back(number);
  }
  longest_ = std::max(longest_, key.size());
}

} // namespace weir::rules
