// SPDX-License-Identifier: Apache-2.0
#include "config/source.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::config {
namespace {

/// The line for a terminal: control characters but the tab are shown as '?'.
std::string printable(std::string_view line) {
  std::string out(line);
  for (char& c : out) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) {
      c = '?';
    }
  }
  return out;
}

/// As wide as the first `bytes` of the line: tabs kept, one space for each other character.
std::string blank(std::string_view line, std::size_t bytes) {
  std::string out;
  for (const char c : line.substr(0, bytes)) {
    if (c == '\t') {
      out += '\t';
    } else if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80) { // not inside a UTF-8 character
      out += ' ';
    }
  }
  return out;
}

/// Restricted Damerau-Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

} // namespace

std::string print(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& each : diagnostics) {
    const std::string_view severity = each.severity == Severity::error ? "error" : "warning";
    if (each.line == 0) {
      out += fmt::format("{}: {}: {}\n", each.file, severity, each.what);
    } else {
      out += fmt::format("{}:{}:{}: {}: {}\n", each.file, each.line, each.column, severity,
                         printable(each.what));
      const std::size_t from = std::min<std::size_t>(each.column - 1, each.source.size());
      const std::size_t length = std::min<std::size_t>(each.length, each.source.size() - from);
      const std::size_t width = blank(std::string_view(each.source).substr(from), length).size();
      out += fmt::format("    {}\n    {}{:^>{}}\n", printable(each.source),
                         blank(each.source, from), "", std::max<std::size_t>(width, 1));
    }
    if (!each.hint.empty()) {
      out += fmt::format("    {}\n", printable(each.hint));
    }
  }
  const std::size_t errors = count_errors(diagnostics);
  const std::size_t warnings = diagnostics.size() - errors;
  const auto counted = [](std::size_t n, std::string_view what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  };
  if (errors != 0) {
    out += counted(errors, "error");
  }
  if (warnings != 0) {
    out += (errors != 0 ? ", " : "") + counted(warnings, "warning");
  }
  return diagnostics.empty() ? out : out + "\n";
}

std::size_t count_errors(const std::vector<Diagnostic>& diagnostics) noexcept {
  return static_cast<std::size_t>(
      std::count_if(diagnostics.begin(), diagnostics.end(),
                    [](const Diagnostic& each) { return each.severity == Severity::error; }));
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr std::size_t kLongest = 64; // no word of the language is longer
  std::string_view best;
  if (word.size() > kLongest) {
    return best;
  }
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view each : known) {
    if (each.size() <= kLongest && each != word) {
      if (const std::size_t d = distance(word, each); d < least) {
        least = d;
        best = each;
      }
    }
  }
  return best;
}

} // namespace weir::config
