// SPDX-License-Identifier: Apache-2.0
//
// The statements that say how a route uses its cache: what is not obeyed, tags, the key.
#include <algorithm>

#include <fmt/format.h>

#include "config/statements.h"
#include "config/values.h"

namespace weir::config {
namespace {

struct IgnoreWord {
  std::string_view word;
  Ignored what;
};
constexpr IgnoreWord kIgnoreWords[] = {
    {"freshness", Ignored::freshness},
    {"no-store", Ignored::no_store},
    {"private", Ignored::is_private},
    {"no-cache", Ignored::no_cache},
    {"must-revalidate", Ignored::must_revalidate},
    {"vary", Ignored::vary},
    {"set-cookie", Ignored::set_cookie},
};

/// The parameters that only tell who sent the visitor.
constexpr std::string_view kTracking[] = {
    "utm_*",  "gclid",      "gclsrc",    "dclid",         "gbraid",      "wbraid",     "gad_source",
    "fbclid", "msclkid",    "yclid",     "ymclid",        "twclid",      "ttclid",     "igshid",
    "igsh",   "srsltid",    "_ga",       "_gl",           "mc_cid",      "mc_eid",     "_hsenc",
    "_hsmi",  "mkt_tok",    "vero_id",   "li_fat_id",     "oly_anon_id", "oly_enc_id", "s_cid",
    "epik",   "rb_clickid", "ScCid",     "hsCtaTracking", "matomo_*",    "mtm_*",      "piwik_*",
    "pk_*",   "wickedid",   "irclickid", "cjevent",
};

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&\'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

/// One word of a list of names: -NAME takes it away, !reset all of them.
void merge_name(Reading& r, const Word& word, std::vector<std::string>& list, bool fold) {
  if (word.is("!reset")) {
    list.clear();
    return;
  }
  const bool remove = word.text.size() > 1 && word.text[0] == '-';
  const std::string_view text = std::string_view(word.text).substr(remove ? 1 : 0);
  if (!is_token(text)) {
    return bad_value(r, word, "a name has no spaces, commas or quotes");
  }
  std::string name = fold ? lower(text) : std::string(text);
  const auto found = std::find(list.begin(), list.end(), name);
  if (remove && found == list.end()) {
    r.report.error(word.at, fmt::format("'{}' takes away what is not there", word.text));
  } else if (remove) {
    list.erase(found);
  } else if (found == list.end()) {
    list.push_back(std::move(name));
  }
}

void merge_names(Reading& r, const Statement& s, Scope& scope, std::vector<std::string>& list,
                 bool fold) {
  if (has_words(r, s, scope, 1, kAny)) {
    for (std::size_t i = 1; i < s.words.size(); ++i) {
      merge_name(r, s.words[i], list, fold);
    }
  }
}

/// FIELD ...|none: what is written first takes the place of the default.
void read_fields(Reading& r, const Statement& s, Scope& scope, std::vector<std::string>& list,
                 Position& at) {
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  if (!at.written() || s.words[1].is("none")) {
    list.clear();
  }
  at = s.at();
  if (!s.words[1].is("none")) {
    merge_names(r, s, scope, list, true);
  }
}

void check_few(Reading& r, const Statement& s, const std::vector<std::string>& list) {
  if (list.size() > 8) {
    r.report.error(s.at(), "a key takes at most 8 of these");
  }
}

} // namespace

void read_ttl_status(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 2, kAny)) {
    return;
  }
  Duration ttl{};
  if (std::string wrong = read_duration(s.words.back().text, ttl); !wrong.empty()) {
    return bad_value(r, s.words.back(), std::move(wrong));
  }
  for (std::size_t i = 1; i + 1 < s.words.size(); ++i) {
    StatusTtl each;
    each.ttl = ttl;
    if (!read_statuses(s.words[i].text, each.first, each.last)) {
      bad_value(r, s.words[i], "write 404, 5xx or 500-504; the time comes last");
    } else if (each.first == each.last && (each.first == 206 || each.first == 304)) {
      bad_value(r, s.words[i], "206 and 304 are kept by their own rules");
    } else {
      scope.use.status_ttls.push_back(each);
    }
  }
  scope.use.status_at = s.at();
}

void read_ignore(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  scope.use.ignore_at = s.at();
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    const Word& word = s.words[i];
    if (word.is("!reset")) {
      scope.use.ignored = 0;
      continue;
    }
    const bool remove = word.text.substr(0, 1) == "-";
    const std::string_view name = std::string_view(word.text).substr(remove ? 1 : 0);
    const auto known = std::find_if(std::begin(kIgnoreWords), std::end(kIgnoreWords),
                                    [name](const IgnoreWord& each) { return each.word == name; });
    if (known == std::end(kIgnoreWords)) {
      bad_value(
          r, word,
          "write freshness, no-store, private, no-cache, must-revalidate, vary or set-cookie");
      continue;
    }
    const auto bit = static_cast<std::uint16_t>(known->what);
    scope.use.ignored =
        static_cast<std::uint16_t>(remove ? scope.use.ignored & ~bit : scope.use.ignored | bit);
  }
}

void read_tags(Reading& r, const Statement& s, Scope& scope) {
  read_fields(r, s, scope, scope.use.tag_fields, scope.use.tags_at);
}

void read_targeted_fields(Reading& r, const Statement& s, Scope& scope) {
  read_fields(r, s, scope, scope.use.targeted, scope.use.targeted_at);
}

void read_key_query(Reading& r, const Statement& s, Scope& scope) {
  constexpr std::string_view kWords[] = {"all", "none", "sort", "only", "drop"};
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  const auto word = std::find(std::begin(kWords), std::end(kWords), s.words[1].text);
  if (word == std::end(kWords)) {
    return bad_value(r, s.words[1], "write all, none, sort, only or drop");
  }
  const auto query = static_cast<KeyQuery>(word - std::begin(kWords));
  const bool names = query == KeyQuery::only || query == KeyQuery::drop;
  if (names == (s.words.size() == 2)) {
    r.report.error(s.words.back().at,
                   fmt::format("'{}' {} names", *word, names ? "needs" : "does not have"));
    return;
  }
  scope.use.query = query;
  scope.use.query_names.clear();
  scope.use.query_at = s.at();
  for (std::size_t i = 2; i < s.words.size(); ++i) {
    if (s.words[i].is("tracking")) {
      scope.use.query_names.insert(scope.use.query_names.end(), std::begin(kTracking),
                                   std::end(kTracking));
    } else {
      scope.use.query_names.push_back(s.words[i].text);
    }
  }
}

void read_key_cookie(Reading& r, const Statement& s, Scope& scope) {
  merge_names(r, s, scope, scope.use.key_cookies, false);
  check_few(r, s, scope.use.key_cookies);
  scope.use.cookies_at = s.at();
}

void read_key_header(Reading& r, const Statement& s, Scope& scope) {
  merge_names(r, s, scope, scope.use.key_headers, true);
  check_few(r, s, scope.use.key_headers);
  scope.use.headers_at = s.at();
}

void read_key_host(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  HostPattern host;
  if (std::string wrong = read_host_pattern(s.words[1].text, host);
      !wrong.empty() || host.kind != HostPattern::Kind::exact) {
    return bad_value(r, s.words[1], "write one host name: www.example.com");
  }
  scope.use.key_host = host.text;
  scope.use.host_at = s.at();
}

std::string write_ignored(std::uint16_t ignored) {
  std::string out;
  for (const IgnoreWord& each : kIgnoreWords) {
    if ((ignored & static_cast<std::uint16_t>(each.what)) != 0) {
      out += (out.empty() ? "" : " ") + std::string(each.word);
    }
  }
  return out.empty() ? "none" : out;
}

} // namespace weir::config
