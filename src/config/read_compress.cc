// SPDX-License-Identifier: Apache-2.0
//
// `compress`: its words as they are written, and what they come to for a route whose cache, site
// and own block say some of them each.
#include <algorithm>

#include <fmt/format.h>

#include "config/statements.h"
#include "config/values.h"

namespace weir::config {
namespace {

using Kind = CompressWord::Kind;

constexpr Bytes kDefaultMin = 1024;
/// What is text in one way or another; pictures, films and archives are compressed as they are.
constexpr std::string_view kDefaultTypes[] = {
    "text/*",
    "*+json",
    "*+xml",
    "application/json",
    "application/javascript",
    "application/x-javascript",
    "application/xml",
    "application/wasm",
    "application/x-ndjson",
    "application/vnd.ms-fontobject",
    "font/ttf",
    "font/otf",
    "image/bmp",
    "image/x-icon",
    "image/vnd.microsoft.icon",
};

/// "text/html", "text/*", "*+json", in lower case. "": it is none.
std::string read_type(std::string_view text) {
  std::string type;
  for (char c : text) {
    type += http::lower(c);
  }
  if (type.starts_with("*+")) {
    return http::is_token(std::string_view(type).substr(2)) ? type : std::string();
  }
  const std::size_t slash = type.find('/');
  const std::string_view first = std::string_view(type).substr(0, slash);
  const bool good = slash != std::string::npos && http::is_token(first) &&
                    http::is_token(std::string_view(type).substr(slash + 1)) && first != "*";
  return good ? type : std::string();
}

/// One word among codings or among types. False: bad, which has been told.
bool read_member(Reading& r, const Word& word, bool types, CompressWord& out) {
  out.at = word.at;
  if (word.is("!reset")) {
    out.kind = types ? Kind::no_types : Kind::no_codings;
    return true;
  }
  const bool remove = word.text.starts_with('-');
  const std::string_view text = std::string_view(word.text).substr(remove ? 1 : 0);
  if (types) {
    out.kind = remove ? Kind::no_type : Kind::type;
    out.type = read_type(text);
    if (out.type.empty()) {
      bad_value(r, word, "write text/html, text/* or *+json");
    }
    return !out.type.empty();
  }
  out.kind = remove ? Kind::no_coding : Kind::coding;
  out.coding = http::coding_of(text).value_or(http::Coding::identity);
  const bool known = out.coding != http::Coding::identity && text == http::name(out.coding);
  if (!known) {
    bad_value(r, word, "write br, gzip or zstd; sizes follow min, media types follow types");
  }
  return known;
}

/// `min` and the size after it.
bool read_min(Reading& r, const Statement& s, std::size_t at, Flags place, CompressWord& out) {
  const Word& word = s.words[at];
  out.kind = Kind::min;
  out.at = word.at;
  if (at + 1 == s.words.size()) {
    bad_value(r, word, "a size follows it: min 1KB");
    return false;
  }
  std::string wrong = read_bytes(s.words[at + 1].text, out.min);
  if (wrong.empty()) {
    wrong = check_bytes(*find_row("compress", place), out.min);
  }
  const bool good = wrong.empty();
  if (!good) {
    bad_value(r, s.words[at + 1], std::move(wrong));
  }
  return good;
}

/// Applies words to what is there.
class Resolver {
public:
  explicit Resolver(Reading& r) : r_(r) {}

  void resolve(CompressDecl& decl, const CompressDecl* outer) {
    if (outer != nullptr) {
      decl.codings = outer->codings;
      decl.min = outer->min;
      decl.types = outer->types;
      decl.at = outer->at;
    } else {
      decl.min = kDefaultMin;
      decl.types.assign(std::begin(kDefaultTypes), std::end(kDefaultTypes));
    }
    for (const CompressWord& word : decl.words) {
      apply(decl, word);
      decl.at = word.at;
    }
  }

private:
  template <class T>
  void remove(std::vector<T>& list, const T& what, std::string_view text, const Position& at) {
    if (std::erase(list, what) == 0 && std::find(told_.begin(), told_.end(), at) == told_.end()) {
      told_.push_back(at); // a site's word counts for all its routes
      r_.report.error(at, fmt::format("'-{}' takes away what is not there", text));
    }
  }
  template <class T> static void add(std::vector<T>& list, const T& what) {
    if (std::find(list.begin(), list.end(), what) == list.end()) {
      list.push_back(what);
    }
  }

  void apply(CompressDecl& decl, const CompressWord& word) {
    switch (word.kind) {
    case Kind::coding:
      return add(decl.codings, word.coding);
    case Kind::no_coding:
      return remove(decl.codings, word.coding, http::name(word.coding), word.at);
    case Kind::no_codings:
      return decl.codings.clear();
    case Kind::min:
      decl.min = word.min;
      return;
    case Kind::type:
      return add(decl.types, word.type);
    case Kind::no_type:
      return remove(decl.types, word.type, word.type, word.at);
    case Kind::no_types:
      return decl.types.clear();
    }
  }

  Reading& r_;
  std::vector<Position> told_;
};

} // namespace

void read_compress(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  bool types = false;
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    CompressWord word;
    bool good = true;
    if (s.words[i].is("types")) {
      types = true;
      continue;
    }
    if (s.words[i].is("min")) {
      good = read_min(r, s, i, scope.place, word);
      ++i;
    } else {
      good = read_member(r, s.words[i], types, word);
    }
    if (good) {
      scope.compress.push_back(std::move(word));
    }
  }
}

void resolve_compress(Reading& r) {
  Config& config = r.config;
  Resolver resolver(r);
  for (CacheDecl& cache : config.caches) {
    resolver.resolve(cache.compress, nullptr);
  }
  auto of = [&](const NameRef& cache) {
    return cache && cache.index < config.caches.size() ? &config.caches[cache.index].compress
                                                       : nullptr;
  };
  for (ForwardDecl& forward : config.forwards) {
    resolver.resolve(forward.compress, of(forward.cache));
  }
  for (SiteDecl& site : config.sites) {
    resolver.resolve(site.compress, of(site.cache));
    for (RouteDecl& route : site.routes) {
      resolver.resolve(route.compress, of(route.cache));
    }
  }
}

} // namespace weir::config
