// SPDX-License-Identifier: Apache-2.0
//
// The form of the language (CONFIG.md rule 1): text → statements of words, with every position, and
// with the comments and empty lines that format() keeps. Pure. Internal to config/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/report.h"

namespace weir::config {

struct Word {
  std::string raw;  // as written, quotes included
  std::string text; // what it means; set by expand()
  bool quoted = false;
  Position at;
  /// Only a bare word can be a word of the language in the middle of a statement.
  bool is(std::string_view word) const noexcept { return !quoted && text == word; }
};

struct Statement {
  std::vector<Word> words; // at least one
  bool has_block = false;
  std::vector<Statement> block;

  // For format() only.
  std::vector<std::string> before; // comments on lines of their own; "": an empty line
  std::string comment;             // after it, on its last line
  std::string open_comment;        // after its '{'
  std::vector<std::string> tail;   // comments before its '}'
  bool one_line = false;           // '{' and '}' stand on one line

  const Position& at() const noexcept { return words.front().at; }
};

struct Tree {
  std::vector<Statement> statements;
  std::vector<std::string> tail; // comments after the last one
};

/// Blocks deeper than this are an error.
constexpr int kDeepest = 16;

/// The statements of a file of the report. What is wrong is told to the report; what can be read
/// in spite of it is in the tree.
Tree parse(Report& report, std::uint32_t file);

/// Sets `text` of a word: quotes and their escapes resolved, ${NAME} replaced (by "env" unless
/// `environment`). Told to the report on failure.
void expand(Report& report, Word& word, bool environment);

} // namespace weir::config
