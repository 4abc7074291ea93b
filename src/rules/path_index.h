// SPDX-License-Identifier: Apache-2.0
//
// PathIndex: many path patterns by what a path must begin with, so that finding those that may
// match costs a look-up a segment, whatever their number. Value, immutable once filled; any thread.
//
// A prefix is found by itself, a glob by its folders before the first wildcard. Expressions, and
// globs that begin with a wildcard, have no such text: they are not taken.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/rule_decl.h"
#include "rules/host_matcher.h"

namespace weir::rules {

/// Numbers of patterns, in ascending order.
using Numbers = std::vector<std::uint32_t>;
using NumbersByText = std::unordered_map<std::string, Numbers, TextHash, std::equal_to<>>;

class PathIndex {
public:
  /// What a path that matches begins with; none: nothing that the index could use.
  static std::optional<std::string_view> key_of(const config::PathPattern& pattern) noexcept;

  /// Numbers must come in ascending order. `key` is one of key_of().
  void add(std::string_view key, std::uint32_t number);

  /// Gives `take` the numbers under each text that `path` (a PlainPath's) begins with, up to a
  /// slash or with it. Allocates nothing, and reads no more of a path than its longest key has.
  template <class Take> void find(std::string_view path, Take&& take) const {
    if (longest_ == 0) {
      return;
    }
    for (std::size_t end = 0; end < path.size() && end <= longest_; ++end) {
      if (path[end] == '/') {
        if (end != 0 && path[end - 1] != '/') {
          give(path.substr(0, end), take);
        }
        give(path.substr(0, end + 1), take);
      }
    }
    if (!path.empty() && path.back() != '/') {
      give(path, take);
    }
  }

private:
  template <class Take> void give(std::string_view text, Take&& take) const {
    if (text.size() > longest_) {
      return;
    }
    if (auto found = by_text_.find(text); found != by_text_.end()) {
      take(std::span<const std::uint32_t>(found->second));
    }
  }

  NumbersByText by_text_;
  std::size_t longest_ = 0;
};

} // namespace weir::rules
