// SPDX-License-Identifier: Apache-2.0
#include "config/statements.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace weir::config {
namespace {

using namespace flag; // NOLINT: the places

using ReadStatement = void (*)(Reading&, const Statement&, Scope&);
#define WEIR_READER_Duration(name) nullptr
#define WEIR_READER_Bytes(name) nullptr
#define WEIR_READER_Rate(name) nullptr
#define WEIR_READER_Count(name) nullptr
#define WEIR_READER_Percent(name) nullptr
#define WEIR_READER_Switch(name) nullptr
#define WEIR_READER_Words(name) &read_##name
constexpr ReadStatement kReaders[] = {
#define OPTION(type, name, text, min, max, flags, line, prose) WEIR_READER_##type(name),
#include "config/options.def"
#undef OPTION
};

/// Blocks whose statements may follow each other on one line: `file hosts.txt format hosts`.
constexpr Flags kRunOn = LIST | WHEN | LIMIT | LOG | ADMIN | USERS;

struct Absent {
  std::string_view word;
  Flags within; // places inside a statement where it begins something of its own
};
constexpr Absent kAbsent[] = {
    {"budget", TOP | FORWARD | POOL},
    {"by", 0},
    {"cookie", CONDITION},
    {"country", CONDITION},
    {"device", CONDITION},
    {"eject", 0},
    {"header", 0},
    {"http3", LISTEN},
    {"mime", CONDITION},
    {"on", TOP | FORWARD | POOL},
    {"parent", 0},
    {"privacy", 0},
    {"query", CONDITION},
    {"set-header", RULES},
    {"slow-start", 0},
    {"spill", SERVER},
    {"split", 0},
    {"sticky", POOL},
    {"tls", CONDITION},
};

std::vector<std::string> words_of(Flags places) {
  std::vector<std::string> words;
  for (const Row& row : rows()) {
    if (row.stands_in(places)) {
      words.push_back(row.word());
    }
  }
  return words;
}

std::string homes_of(std::string_view word) {
  std::string homes;
  for (Flags place = TOP; place <= PLACES; place <<= 1U) {
    if (find_row(word, place) != nullptr) {
      homes += fmt::format("{}{}", homes.empty() ? "" : ", ",
                           place == TOP ? "the top" : place_name(place));
    }
  }
  return homes;
}

/// Values, words without a block, words with one.
int turn_of(const Row& row) { return row.type != Type::words ? 0 : row.has(BLOCK) ? 2 : 1; }

/// The rows of one block so far, to find what stands twice.
class Seen {
public:
  bool first(Reading& r, const Row& row, const Statement& s) {
    if (row.type == Type::words && !row.has(ONCE)) {
      return true;
    }
    const auto [at, fresh] = seen_.emplace(&row, s.at());
    if (!fresh) {
      r.report.error(s.at(), fmt::format("'{}' stands twice in this block", s.words[0].text),
                     "the first is at " + r.report.where(at->second));
    }
    return fresh;
  }

private:
  std::map<const Row*, Position> seen_;
};

void read_scalar(Reading& r, const Row& row, const Statement& s, Scope& scope) {
  for (std::size_t i = 2; i < s.words.size(); ++i) {
    if (is_absent_in(s.words[i].text, scope.place)) {
      return absent_word(r, s.words[i]);
    }
  }
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  const std::string wrong = set_option(scope.options, row, s.words[1].text);
  if (!wrong.empty()) {
    r.report.error(s.words[1].at, fmt::format("{} {}: bad value", s.words[0].text, s.words[1].text),
                   wrong);
    return;
  }
  scope.options.where[static_cast<std::size_t>(row.scalar)] = s.at();
}

} // namespace

void read_row(Reading& r, const Row& row, const Statement& s, Scope& scope) {
  if (row.has(BLOCK) != s.has_block) {
    r.report.error(
        s.at(),
        fmt::format("'{}' {} a block", s.words[0].text, row.has(BLOCK) ? "needs" : "does not have"),
        row.has(BLOCK) ? fmt::format("form: {} {}", row.word(), row.text) : "");
    return;
  }
  if (row.type == Type::words) {
    kReaders[&row - rows().data()](r, s, scope);
  } else {
    read_scalar(r, row, s, scope);
  }
}

void read_block(Reading& r, const std::vector<Statement>& list, Scope& scope) {
  std::vector<Statement> parts; // of run-on lines
  const std::vector<Statement>* all = &list;
  if ((scope.place & kRunOn) != 0) {
    for (const Statement& s : list) {
      for (Statement& part : split(s, scope.place)) {
        parts.push_back(std::move(part));
      }
    }
    all = &parts;
  }
  Seen seen;
  for (int turn = 0; turn < 3; ++turn) {
    for (const Statement& s : *all) {
      const Row* row = find_row(s.words[0].text, scope.place);
      if (row == nullptr && turn == 0) {
        unknown_word(r, s.words[0], scope.place);
      } else if (row != nullptr && turn_of(*row) == turn && seen.first(r, *row, s)) {
        read_row(r, *row, s, scope);
      }
    }
  }
}

bool read_inner(Reading& r, const Statement& s, Scope& scope, Flags place) {
  const std::size_t errors = r.report.errors();
  scope.place = place;
  read_block(r, s.block, scope);
  return r.report.errors() == errors;
}

std::vector<Statement> split(const Statement& s, Flags places) {
  std::vector<Statement> parts(1);
  for (std::size_t i = 0; i < s.words.size(); ++i) {
    const Word& word = s.words[i];
    // What follows `header` is a name, and what follows '~' an expression, whatever they spell.
    const bool free = i == 0 || word.quoted || s.words[i - 1].is("~") ||
                      ((places & CONDITION) != 0 && i > 1 && s.words[i - 1].is("header"));
    if (!free && (find_row(word.text, places) != nullptr || is_absent_in(word.text, places))) {
      parts.emplace_back();
    }
    parts.back().words.push_back(word);
  }
  parts.front().has_block = s.has_block;
  parts.front().block = s.block;
  return parts;
}

void read_parts(Reading& r, const std::vector<Statement>& parts, Scope& inner, Flags place) {
  inner.place = place;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Row* row = find_row(parts[i].words[0].text, place);
    if (row == nullptr) {
      absent_word(r, parts[i].words[0]);
    } else {
      read_row(r, *row, parts[i], inner);
    }
  }
}

bool is_absent(std::string_view word) noexcept {
  return std::any_of(std::begin(kAbsent), std::end(kAbsent),
                     [word](const Absent& each) { return each.word == word; });
}

bool is_absent_in(std::string_view word, Flags places) noexcept {
  return std::any_of(std::begin(kAbsent), std::end(kAbsent), [word, places](const Absent& each) {
    return each.word == word && (each.within & places) != 0;
  });
}

void absent_word(Reading& r, const Word& word) {
  r.report.error(word.at, fmt::format("'{}' is not in this version", word.text),
                 "weir refuses what it would not carry out; take it out of the file");
}

void unknown_word(Reading& r, const Word& word, Flags places) {
  if (is_absent(word.text)) {
    return absent_word(r, word);
  }
  const std::string where = places == TOP ? "at the top" : "in " + std::string(place_name(places));
  if (const std::string homes = homes_of(word.text); !homes.empty()) {
    r.report.error(word.at, fmt::format("'{}' does not stand {}", word.text, where),
                   "it stands in: " + homes);
    return;
  }
  const std::vector<std::string> words = words_of(places);
  const std::string_view near = nearest(word.text, {words.begin(), words.end()});
  r.report.error(word.at, fmt::format("unknown word '{}' {}", word.text, where),
                 near.empty() ? "" : fmt::format("did you mean '{}'?", near));
}

bool has_words(Reading& r, const Statement& s, const Scope& scope, std::size_t least,
               std::size_t most) {
  const std::size_t count = s.words.size() - 1;
  if (count >= least && count <= most) {
    return true;
  }
  std::string form;
  if (const Row* row = find_row(s.words[0].text, scope.place); row != nullptr) {
    form = row->type == Type::words
               ? fmt::format("form: {} {}", row->word(), row->text)
               : fmt::format("form: {} VALUE, as in: {} {}", row->word(), row->word(), row->text);
  }
  if (count < least) {
    r.report.error(s.words.back().at, fmt::format("'{}' needs more words", s.words[0].text), form);
  } else {
    const Word& extra = s.words[most + 1];
    if (!extra.quoted && is_absent(extra.text)) {
      absent_word(r, extra);
      return false;
    }
    r.report.error(extra.at, fmt::format("'{}' is too much here", extra.text), form);
  }
  return false;
}

void check_has(Reading& r, bool sound, bool has, const Statement& s, std::string_view what,
               std::string_view hint) {
  if (!has && sound) {
    const std::string& name = s.words.size() > 1 ? s.words[1].text : s.words[0].text;
    r.report.error(s.at(), fmt::format("{} '{}' has no {}", s.words[0].text, name, what),
                   fmt::format("give it one: {}", hint));
  }
}

void bad_value(Reading& r, const Word& word, std::string hint) {
  r.report.error(word.at, fmt::format("bad value '{}'", word.text), std::move(hint));
}

std::string read_name(Reading& r, const Word& word, Flags words) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  if (word.text.empty() || word.text.size() > 64 || word.text[0] == '-' ||
      !std::all_of(word.text.begin(), word.text.end(), plain)) {
    r.report.error(word.at, fmt::format("'{}' is not a name", word.text),
                   "a name has letters, digits, '.', '_' and '-', at most 64");
    return {};
  }
  if (word.text == "none" || word.text == "no" || find_row(word.text, words) != nullptr ||
      is_absent_in(word.text, words)) {
    r.report.error(word.at, fmt::format("'{}' is a word of the language", word.text),
                   "choose another name");
    return {};
  }
  return word.text;
}

NameRef use_name(const Word& word) { return {word.text, 0, word.at}; }

std::string read_at_file(Reading& r, const Word& word) {
  if (word.text.size() < 2 || word.text[0] != '@') {
    r.report.error(word.at, fmt::format("'{}' is not a file", word.text),
                   "a file is written with its sign: @/etc/weir/NAME");
    return {};
  }
  return r.report.resolve(word.at, std::string_view(word.text).substr(1));
}

} // namespace weir::config
