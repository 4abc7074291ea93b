// SPDX-License-Identifier: Apache-2.0
//
// The statements of limit, and the use of limits by routes. (By rules: read_rules.cc.)
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "config/statements.h"
#include "config/values.h"

namespace weir::config {
namespace {

constexpr std::uint32_t kMostCount = 1'000'000;
constexpr Duration kLongest = std::chrono::hours(24 * 365);

struct Per {
  std::string_view name;
  Duration time;
};
constexpr std::array<Per, 4> kPers = {{{"s", std::chrono::seconds(1)},
                                       {"min", std::chrono::minutes(1)},
                                       {"h", std::chrono::hours(1)},
                                       {"d", std::chrono::hours(24)}}};

bool read_number(std::string_view text, std::uint32_t least, std::uint32_t most,
                 std::uint32_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= least && out <= most;
}

/// BYTES/TIME; the bytes within the bounds of `row`. "" on success, else what is wrong.
std::string read_amount(std::string_view text, std::string_view row, Bytes& out,
                        std::string_view& time) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return "the time is missing";
  }
  time = text.substr(slash + 1);
  std::string wrong = read_bytes(text.substr(0, slash), out);
  return wrong.empty() ? check_bytes(*find_row(row, flag::LIMIT), out) : wrong;
}

constexpr std::array<std::string_view, 3> kQuotaTimes = {"h", "day", "month"};

/// /BITS after `client`, if it stands there.
bool read_bits(Reading& r, const Statement& s, std::size_t& i, std::uint32_t most,
               std::uint8_t& out) {
  if (i + 1 >= s.words.size() || s.words[i + 1].text.substr(0, 1) != "/") {
    return false;
  }
  const Word& word = s.words[++i];
  std::uint32_t bits = 0;
  if (!read_number(std::string_view(word.text).substr(1), 0, most, bits)) {
    bad_value(r, word, fmt::format("write from /0 to /{}: of IPv4 first, then of IPv6", most));
  }
  out = static_cast<std::uint8_t>(bits);
  return true;
}

void read_field(Reading& r, const Word& word, LimitDecl& limit) {
  if (!http::is_token(word.text)) {
    return bad_value(r, word, "this is not the name of a field");
  }
  std::string name = word.text;
  std::transform(name.begin(), name.end(), name.begin(), http::lower);
  limit.headers.push_back(std::move(name));
}

} // namespace

void read_limit(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  LimitDecl limit;
  Scope inner = scope;
  inner.limit = &limit;
  limit.name = read_name(r, s.words[1], flag::CONDITION | flag::ARGUMENT);
  limit.at = s.at();
  const bool sound = read_inner(r, s, inner, flag::LIMIT);
  check_has(r, sound, limit.key_at.written(), s, "key", "key client");
  const bool has_rate = limit.rate_at.written();
  check_has(r, sound, has_rate || limit.bandwidth_at.written() || limit.quota_at.written(), s,
            "rate, bandwidth or quota", "rate 5/min");
  if (sound && !has_rate && inner.options.limit_burst != 0) {
    r.report.error(inner.options.written_at(Scalar::limit_burst),
                   "the burst is one of requests, and there is no rate of them",
                   "write a rate, or leave the burst out: bandwidth has its own, one second");
  }
  limit.burst = inner.options.limit_burst == 0 ? limit.count : inner.options.limit_burst;
  if (limit.count != 0 && limit.per / limit.count > kLongest / limit.burst) {
    r.report.error(s.at(),
                   fmt::format("the burst of limit '{}' takes more than a year", limit.name),
                   "write a smaller burst or a larger rate");
  }
  if (!limit.name.empty()) {
    r.config.limits.push_back(std::move(limit));
  }
}

void read_limit_key(Reading& r, const Statement& s, Scope& scope) {
  LimitDecl& limit = *scope.limit;
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  limit.key_at = s.at();
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    const Word& word = s.words[i];
    if (word.is("client") && !limit.by_client) {
      limit.by_client = true;
      if (read_bits(r, s, i, 32, limit.v4_bits)) {
        read_bits(r, s, i, 128, limit.v6_bits);
      }
    } else if (word.is("path") && !limit.by_path) {
      limit.by_path = true;
    } else if (word.is("header") && i + 1 < s.words.size() && !s.words[i + 1].text.empty()) {
      read_field(r, s.words[++i], limit);
    } else if (word.is("user") && !limit.by_user) {
      limit.by_user = true;
    } else {
      bad_value(r, word, "write client, user, header NAME or path, each once");
    }
  }
}

void read_limit_rate(Reading& r, const Statement& s, Scope& scope) {
  LimitDecl& limit = *scope.limit;
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  limit.rate_at = s.at();
  const std::string_view text = s.words[1].text;
  const std::size_t slash = text.find('/');
  const auto* const per = std::find_if(kPers.begin(), kPers.end(), [text, slash](const Per& each) {
    return slash != std::string_view::npos && each.name == text.substr(slash + 1);
  });
  if (per == kPers.end() || !read_number(text.substr(0, slash), 1, kMostCount, limit.count)) {
    limit.count = 0;
    return bad_value(r, s.words[1], "write how many in which time: 10/s, 5/min, 100/h or 1000/d");
  }
  limit.per = per->time;
}

void read_limit_bandwidth(Reading& r, const Statement& s, Scope& scope) {
  LimitDecl& limit = *scope.limit;
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  limit.bandwidth_at = s.at();
  std::string_view time;
  std::string wrong = read_amount(s.words[1].text, "bandwidth", limit.bandwidth, time);
  if (wrong.empty() && time != "s") {
    wrong = "bytes in a second";
  }
  if (!wrong.empty()) {
    limit.bandwidth = 0;
    bad_value(r, s.words[1], wrong + ": write 2MB/s");
  }
}

void read_limit_quota(Reading& r, const Statement& s, Scope& scope) {
  LimitDecl& limit = *scope.limit;
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  limit.quota_at = s.at();
  std::string_view time;
  std::string wrong = read_amount(s.words[1].text, "quota", limit.quota, time);
  const auto* const found = std::find(kQuotaTimes.begin(), kQuotaTimes.end(), time);
  if (wrong.empty() && found == kQuotaTimes.end()) {
    wrong = "bytes in an hour, a day or a month";
  }
  if (!wrong.empty()) {
    limit.quota = 0;
    return bad_value(r, s.words[1], wrong + ": write 500MB/h, 5GB/day or 100GB/month");
  }
  limit.quota_time = static_cast<QuotaTime>(found - kQuotaTimes.begin());
}

void read_route_limit(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    RuleDecl rule;
    rule.action = ActionKind::limit;
    rule.limit = use_name(s.words[i]);
    rule.text = "limit " + s.words[i].text;
    rule.at = s.words[i].at;
    scope.route->limits.push_back(std::move(rule));
  }
}

std::string write_limit_key(const LimitDecl& limit) {
  std::string out;
  if (limit.by_client) {
    out = fmt::format(" client /{} /{}", limit.v4_bits, limit.v6_bits);
  }
  out += limit.by_user ? " user" : "";
  for (const std::string& each : limit.headers) {
    out += " header " + each;
  }
  out += limit.by_path ? " path" : "";
  return out.substr(out.empty() ? 0 : 1);
}

std::string write_limit_rate(const LimitDecl& limit) {
  const auto* const per = std::find_if(
      kPers.begin(), kPers.end(), [&limit](const Per& each) { return each.time == limit.per; });
  if (limit.count == 0) {
    return "none";
  }
  return fmt::format("{}/{}", limit.count, per == kPers.end() ? "?" : per->name);
}

std::string write_limit_bandwidth(const LimitDecl& limit) {
  return limit.bandwidth == 0 ? "none" : write_bytes(limit.bandwidth) + "/s";
}

std::string_view name(QuotaTime time) noexcept {
  return kQuotaTimes[static_cast<std::size_t>(time)];
}

std::string write_limit_quota(const LimitDecl& limit) {
  return limit.quota == 0 ? "none"
                          : fmt::format("{}/{}", write_bytes(limit.quota), name(limit.quota_time));
}

} // namespace weir::config
