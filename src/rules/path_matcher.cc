// SPDX-License-Identifier: Apache-2.0
#include "rules/path_matcher.h"

#include <algorithm>

namespace weir::rules {

namespace {

std::size_t literal_size(const config::PathPattern& pattern) {
  if (pattern.kind != config::PathPattern::Kind::glob) {
    return pattern.text.size();
  }
  return static_cast<std::size_t>(std::count_if(pattern.text.begin(), pattern.text.end(),
                                                [](char c) { return c != '*' && c != '?'; }));
}

int hex_digit(char c) {
  return c >= '0' && c <= '9'                     ? c - '0'
         : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                  : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

} // namespace

bool PlainPath::is_odd(std::string_view path) noexcept {
  char before = '\0';
  for (char c : path) {
    if (c == '%' || (before == '/' && (c == '/' || c == '.'))) {
      return true;
    }
    before = c;
  }
  return false;
}

void PlainPath::rewrite(std::string_view path) {
  std::string decoded = percent_decoded(path);
  std::string_view rest = decoded;
  bool open = true; // the last segment ends with a slash
  while (!rest.empty()) {
    std::size_t slash = std::min(rest.find('/'), rest.size());
    std::string_view segment = rest.substr(0, slash);
    open = slash < rest.size() || segment == "." || segment == "..";
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (segment == "..") {
      owned_.resize(owned_.empty() ? 0 : owned_.rfind('/'));
    } else if (!segment.empty() && segment != ".") {
      owned_ += '/';
      owned_ += segment;
    }
  }
  if (open || owned_.empty()) {
    owned_ += '/';
  }
  view_ = owned_;
}

std::unique_ptr<const RE2> compile_regex(const std::string& text) {
  RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_unique<const RE2>(text, options);
  return regex->ok() ? std::move(regex) : nullptr;
}

bool search(const RE2& regex, std::string_view text) noexcept {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex);
}

bool matches_glob(std::string_view glob, std::string_view text) noexcept {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos; // the last `*`, and how far it reaches
  std::size_t reach = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      reach = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++reach;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == std::string_view::npos;
}

Result<PathMatcher> PathMatcher::compile(const config::PathPattern& pattern) {
  PathMatcher matcher(pattern);
  if (pattern.kind == config::PathPattern::Kind::regex) {
    matcher.regex_ = compile_regex(pattern.text);
    if (!matcher.regex_) {
      return fail(Code::malformed);
    }
  }
  return matcher;
}

bool PathMatcher::matches(std::string_view path) const noexcept {
  const std::string& text = pattern_.text;
  switch (pattern_.kind) {
  case config::PathPattern::Kind::prefix:
    return path.substr(0, text.size()) == text &&
           (path.size() == text.size() || (!text.empty() && text.back() == '/') ||
            path[text.size()] == '/');
  case config::PathPattern::Kind::glob:
    return matches_glob(text, path);
  case config::PathPattern::Kind::regex:
    return search(*regex_, path);
  }
  return false;
}

bool PathMatcher::matches_all() const noexcept {
  return pattern_.kind == config::PathPattern::Kind::prefix
             ? pattern_.text == "/"
             : pattern_.kind == config::PathPattern::Kind::glob &&
                   (pattern_.text == "*" || pattern_.text == "/*");
}

bool PathMatcher::goes_before(const PathMatcher& other) const noexcept {
  bool regex = pattern_.kind == config::PathPattern::Kind::regex;
  bool other_regex = other.pattern_.kind == config::PathPattern::Kind::regex;
  if (regex != other_regex) {
    return regex;
  }
  std::size_t size = literal_size(pattern_);
  std::size_t other_size = literal_size(other.pattern_);
  if (size != other_size) {
    return size > other_size;
  }
  // Of one length: a glob is narrower than the prefix, and where both match everything it is the
  // prefix that should win.
  return !regex && pattern_.kind != other.pattern_.kind &&
         (pattern_.kind == config::PathPattern::Kind::glob) !=
             (matches_all() || other.matches_all());
}

std::string to_text(const config::PathPattern& pattern) {
  return pattern.kind == config::PathPattern::Kind::regex ? "~ " + pattern.text : pattern.text;
}

} // namespace weir::rules
