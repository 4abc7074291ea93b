// SPDX-License-Identifier: Apache-2.0
//
// HostMatcher: the host patterns of one condition, compiled. Value, immutable; any thread.
//
// A few patterns are compared one by one; many stand in a table, one look-up a parent of the host.
// A pattern that is an address matches it in any spelling, as the host itself or as what the host
// resolves to (WIRE_RULES W8.2).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <re2/re2.h>

#include "base/address.h"
#include "base/result.h"
#include "config/rule_decl.h"
#include "rules/prefix_set.h"

namespace weir::rules {

/// For maps that are asked with views.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

class HostMatcher {
public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// Fails on a regular expression that RE2 does not take (config/ has refused it before).
  static Result<HostMatcher> compile(const std::vector<config::HostPattern>& patterns);

  /// The number of the pattern that matches a host without brackets and last dot; else kNone.
  std::uint32_t find(std::string_view host) const noexcept;
  bool has_addresses() const noexcept { return !addresses_.empty(); }
  std::uint32_t find(const Address& address) const noexcept {
    const PrefixEntry* entry = addresses_.find(address);
    return entry != nullptr ? entry->line : kNone;
  }

private:
  struct Pattern {
    std::string text;
    bool exact = false;
    bool under = false;
    std::uint32_t number = 0;
  };
  struct Numbers { // of patterns; kNone: none
    std::uint32_t exact = kNone;
    std::uint32_t under = kNone;
  };
  struct Regex {
    std::unique_ptr<const RE2> regex;
    std::uint32_t number;
  };
  static constexpr std::size_t kFew = 8;

  std::uint32_t any_ = kNone; // the number of `*`
  std::vector<Pattern> few_;
  std::unordered_map<std::string, Numbers, TextHash, std::equal_to<>> many_;
  std::vector<Regex> regexes_;
  PrefixSet addresses_;
};

/// ".example.com", "*.example.com", "~ expr".
std::string to_text(const config::HostPattern& pattern);

} // namespace weir::rules
