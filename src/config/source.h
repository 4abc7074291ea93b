// SPDX-License-Identifier: Apache-2.0
//
// Where a word stands (Position), and what is said about it (Diagnostic). Values.
//
// A Position is 16 bytes and names its file by number; Config::files and Diagnostic::file have the
// name. Line 0 means "nowhere in a file": a default.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::config {

struct Position {
  std::uint32_t file = 0;
  std::uint32_t line = 0;   // from 1; 0: a default
  std::uint32_t column = 0; // from 1, in bytes
  std::uint32_t length = 0; // bytes of the word
  bool written() const noexcept { return line != 0; }
  friend bool operator==(const Position&, const Position&) = default;
};

enum class Severity : std::uint8_t { warning, error };

/// One thing that is wrong, complete in itself: JSON is made of these fields as they are.
struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;
  std::uint32_t line = 0; // 0: the file as a whole
  std::uint32_t column = 0;
  std::uint32_t length = 0;
  std::string what;   // "unknown word 'lisen' in forward"
  std::string hint;   // what would be right: "did you mean 'listen'?"; may be empty
  std::string source; // the line as it stands in the file
};

/// For a person: "file:line:column: error: what", the line, a caret under the word, the hint; then
/// a last line that counts. No colour. "" for none.
std::string print(const std::vector<Diagnostic>& diagnostics);
std::size_t count_errors(const std::vector<Diagnostic>& diagnostics) noexcept;

/// The word of `known` that is nearest to `word`, if one is near enough to have been meant.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

} // namespace weir::config
