// SPDX-License-Identifier: Apache-2.0
//
// PathMatcher: one path pattern of the configuration, compiled. Value, immutable; any thread.
// PlainPath: the one spelling in which paths are matched, for rules and routes alike.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <re2/re2.h>

#include "base/result.h"
#include "config/rule_decl.h"

namespace weir::rules {

/// A path as an origin may read it: percent-decoded once, without empty and dot segments, so that a
/// rule about /admin/ is not evaded by /%61dmin/, //admin/ or /x/../admin/ (as W8.2 for hosts).
/// What goes to the origin stays as the client wrote it (W1.12). Allocates only for a path that is
/// odd.
class PlainPath {
public:
  explicit PlainPath(std::string_view path) : view_(path) {
    if (is_odd(path)) [[unlikely]] {
      rewrite(path);
    }
  }
  PlainPath(const PlainPath&) = delete;
  PlainPath& operator=(const PlainPath&) = delete;
  std::string_view view() const noexcept { return view_; }

private:
  static bool is_odd(std::string_view path) noexcept;
  void rewrite(std::string_view path);

  std::string_view view_;
  std::string owned_;
};

class PathMatcher {
public:
  /// Fails on a regular expression that RE2 does not take (config/ has refused it before).
  static Result<PathMatcher> compile(const config::PathPattern& pattern);

  /// `path` is a PlainPath's.
  bool matches(std::string_view path) const noexcept;
  const config::PathPattern& pattern() const noexcept { return pattern_; }
  /// Whether no path is left for what comes after it.
  bool matches_all() const noexcept;
  /// Whether this one is asked before `other`: the order of the routes of a site. Expressions
  /// first, then the longer of prefixes and globs (a glob's wildcards do not count).
  bool goes_before(const PathMatcher& other) const noexcept;

private:
  explicit PathMatcher(config::PathPattern pattern) : pattern_(std::move(pattern)) {}
  config::PathPattern pattern_;
  std::unique_ptr<const RE2> regex_;
};

/// `*` any run of characters, `?` one; the whole of `text`.
bool matches_glob(std::string_view glob, std::string_view text) noexcept;

/// "/a/", "~ expr".
std::string to_text(const config::PathPattern& pattern);

/// A compiled expression, or none.
std::unique_ptr<const RE2> compile_regex(const std::string& text);
bool search(const RE2& regex, std::string_view text) noexcept;

} // namespace weir::rules
