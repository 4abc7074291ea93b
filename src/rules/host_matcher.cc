// SPDX-License-Identifier: Apache-2.0
#include "rules/host_matcher.h"

#include "rules/list_reader.h"
#include "rules/path_matcher.h"

namespace weir::rules {

using config::HostPattern;

Result<HostMatcher> HostMatcher::compile(const std::vector<HostPattern>& patterns) {
  HostMatcher matcher;
  std::vector<PrefixEntry> addresses;
  std::vector<Pattern> names;
  for (std::uint32_t number = 0; number < patterns.size(); ++number) {
    const HostPattern& pattern = patterns[number];
    switch (pattern.kind) {
    case HostPattern::Kind::any:
      matcher.any_ = std::min(matcher.any_, number);
      break;
    case HostPattern::Kind::regex: {
      auto regex = compile_regex(pattern.text);
      if (!regex) {
        return fail(Code::malformed);
      }
      matcher.regexes_.push_back({std::move(regex), number});
      break;
    }
    case HostPattern::Kind::exact:
      if (auto prefix = read_prefix(pattern.text)) {
        addresses.push_back({*prefix, number});
        break;
      }
      names.push_back({pattern.text, true, false, number});
      break;
    case HostPattern::Kind::subdomains:
      names.push_back({pattern.text, false, true, number});
      break;
    case HostPattern::Kind::both:
      names.push_back({pattern.text, true, true, number});
      break;
    }
  }
  if (names.size() <= kFew) {
    matcher.few_ = std::move(names);
  } else {
    for (const auto& name : names) {
      Numbers& numbers = matcher.many_[name.text];
      numbers.exact = name.exact ? std::min(numbers.exact, name.number) : numbers.exact;
      numbers.under = name.under ? std::min(numbers.under, name.number) : numbers.under;
    }
  }
  matcher.addresses_ = PrefixSet(std::move(addresses));
  return matcher;
}

std::uint32_t HostMatcher::find(std::string_view host) const noexcept {
  for (const auto& pattern : few_) {
    const std::string& text = pattern.text;
    if (host.size() == text.size()
            ? pattern.exact && host == text
            : pattern.under && host.size() > text.size() && host.ends_with(text) &&
                  host[host.size() - text.size() - 1] == '.') {
      return pattern.number;
    }
  }
  if (!many_.empty()) {
    bool self = true;
    for (std::string_view rest = host;;) {
      if (auto found = many_.find(rest); found != many_.end()) {
        std::uint32_t number = self ? found->second.exact : found->second.under;
        if (number != kNone) {
          return number;
        }
      }
      std::size_t dot = rest.find('.');
      if (dot == std::string_view::npos) {
        break;
      }
      rest.remove_prefix(dot + 1);
      self = false;
    }
  }
  for (const auto& regex : regexes_) {
    if (search(*regex.regex, host)) {
      return regex.number;
    }
  }
  return any_;
}

std::string to_text(const HostPattern& pattern) {
  switch (pattern.kind) {
  case HostPattern::Kind::exact:
    return pattern.text;
  case HostPattern::Kind::subdomains:
    return "*." + pattern.text;
  case HostPattern::Kind::both:
    return "." + pattern.text;
  case HostPattern::Kind::any:
    return "*";
  case HostPattern::Kind::regex:
    return "~ " + pattern.text;
  }
  return {};
}

} // namespace weir::rules
