// SPDX-License-Identifier: Apache-2.0
#include "cache/policy.h"

#include <algorithm>
#include <array>

#include "http/h1_writer.h"

namespace weir::cache {

namespace {

constexpr std::size_t kMostParameters = 128; // of a query that is edited; more: it stays as it is
constexpr std::size_t kMostParts = 17; // who logs in, cookies and fields; config/ refuses more
constexpr std::size_t kMostTags = 256;
constexpr std::size_t kLongestTag = 256;

std::string_view name_of(std::string_view parameter) {
  return parameter.substr(0, parameter.find('='));
}

bool is_named(std::string_view name, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [name](const std::string& each) {
    std::string_view pattern = each;
    if (!pattern.empty() && pattern.back() == '*') {
      pattern.remove_suffix(1);
      return name.starts_with(pattern);
    }
    return name == pattern;
  });
}

} // namespace

Duration Policy::ttl_of(int status) const noexcept {
  for (auto at = status_ttls.rbegin(); at != status_ttls.rend(); ++at) {
    if (at->first <= status && status <= at->last) {
      return at->ttl;
    }
  }
  return Duration::zero();
}

void Policy::apply(http::CacheControl& cc) const noexcept {
  if (ignore.freshness) {
    cc.max_age.reset();
    cc.max_age_invalid = false;
    // s-maxage still says that the answer may be shared, and be revalidated.
    cc.is_public = cc.is_public || cc.s_maxage.has_value();
    cc.proxy_revalidate = cc.proxy_revalidate || cc.s_maxage.has_value() || cc.s_maxage_invalid;
    cc.s_maxage.reset();
    cc.s_maxage_invalid = false;
  }
  if (ignore.no_store) {
    cc.no_store = false;
  }
  if (ignore.is_private) {
    cc.is_private = false;
    cc.private_fields = false;
  }
  if (ignore.no_cache) {
    cc.no_cache = false;
    cc.no_cache_fields = false;
  }
}

std::string_view key_target(std::string_view target, const QueryRule& rule, Arena& arena) {
  std::size_t mark = target.find('?');
  if (rule.kind == QueryRule::Kind::all || mark == std::string_view::npos) {
    return target;
  }
  std::string_view path = target.substr(0, mark);
  if (rule.kind == QueryRule::Kind::none) {
    return path;
  }
  std::array<std::string_view, kMostParameters> kept;
  std::size_t count = 0;
  for (std::string_view rest = target.substr(mark + 1); !rest.empty();) {
    std::size_t end = std::min(rest.find('&'), rest.size());
    std::string_view parameter = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    bool named = is_named(name_of(parameter), rule.names);
    bool wanted =
        rule.kind == QueryRule::Kind::sort || (rule.kind == QueryRule::Kind::only ? named : !named);
    if (parameter.empty() || !wanted) {
      continue;
    }
    if (count == kept.size()) {
      return target;
    }
    kept[count++] = parameter;
  }
  // By name only: equal names keep their order, which means something to some origins.
  for (std::size_t i = 1; i < count; ++i) { // allocates nothing, and queries are short
    for (std::size_t j = i; j > 0 && name_of(kept[j]) < name_of(kept[j - 1]); --j) {
      std::swap(kept[j], kept[j - 1]);
    }
  }
  char* out = arena.allocate(target.size(), 1);
  char* at = std::copy(path.begin(), path.end(), out);
  for (std::size_t i = 0; i < count; ++i) {
    *at++ = i == 0 ? '?' : '&';
    at = std::copy(kept[i].begin(), kept[i].end(), at);
  }
  return {out, static_cast<std::size_t>(at - out)};
}

std::string_view cookie_value(const http::Fields& request, std::string_view name) {
  for (const http::Field& field : request) {
    if (field.id != http::FieldId::cookie) {
      continue;
    }
    for (std::string_view rest = field.value; !rest.empty();) {
      std::size_t end = std::min(rest.find(';'), rest.size());
      std::string_view pair = http::trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && http::trim(pair.substr(0, equals)) == name) {
        return http::trim(pair.substr(equals + 1));
      }
    }
  }
  return {};
}

Key Policy::make_key(KeyParts parts, const http::Fields* fields, const HashKey& secret,
                     Arena& arena) const {
  parts.target = key_target(parts.target, query, arena);
  if (!key_host.empty()) {
    parts.host = key_host;
  }
  std::array<std::string_view, kMostParts> extra;
  std::size_t count = 0;
  if (fields != nullptr && has_parts()) {
    for (std::string_view part : parts.extra) {
      extra[count++] = part;
    }
    for (const std::string& name : key_cookies) {
      if (count < extra.size()) {
        extra[count++] = arena.join({"c:", name, "=", cookie_value(*fields, name)});
      }
    }
    for (const std::string& name : key_headers) {
      std::string_view value;
      for (const http::Field& field : *fields) {
        if (http::iequals(field.name, name)) {
          value = value.empty() ? http::trim(field.value)
                                : arena.join({value, ",", http::trim(field.value)});
        }
      }
      if (count < extra.size()) {
        extra[count++] = arena.join({"h:", name, "=", value});
      }
    }
    parts.extra = {extra.data(), count};
  }
  return Key::make(parts, secret, arena);
}

std::vector<std::string> read_tags(const http::Fields& response,
                                   const std::vector<std::string>& names) {
  std::vector<std::string> tags;
  for (const http::Field& field : response) {
    bool named = std::any_of(names.begin(), names.end(), [&field](const std::string& name) {
      return http::iequals(field.name, name);
    });
    if (!named) {
      continue;
    }
    for (std::string_view rest = field.value; !rest.empty();) {
      std::size_t end = std::min(rest.find_first_of(", \t"), rest.size());
      std::string_view tag = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (!tag.empty() && tag.size() <= kLongestTag && tags.size() < kMostTags &&
          std::find(tags.begin(), tags.end(), tag) == tags.end()) {
        tags.emplace_back(tag);
      }
    }
  }
  return tags;
}

} // namespace weir::cache
