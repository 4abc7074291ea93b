// SPDX-License-Identifier: Apache-2.0
//
// The canonical form: a statement a line, four spaces a block, the second words of neighbouring
// lines in one column. A block that stands on one line stays there while it fits. Everything is
// decided by words and comments alone, so that the form of the form is itself.
#include <algorithm>

#include "config/load.h"
#include "config/syntax.h"

namespace weir::config {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kIndent = 4;
constexpr std::size_t kWidestColumn = 20; // a longer first word does not move its neighbours

std::string joined(const Statement& s) {
  std::string out;
  for (const Word& word : s.words) {
    out += (out.empty() ? "" : " ") + word.raw;
  }
  return out;
}

/// The statement with its block on one line; "" when a comment forbids it.
std::string on_one_line(const Statement& s) {
  std::string out = joined(s);
  if (!s.has_block) {
    return out;
  }
  if (!s.one_line || !s.open_comment.empty() || !s.tail.empty()) {
    return {};
  }
  out += " {";
  for (std::size_t i = 0; i < s.block.size(); ++i) {
    const Statement& inner = s.block[i];
    const std::string text = on_one_line(inner);
    if (text.empty() || !inner.comment.empty() || !inner.before.empty()) {
      return {};
    }
    // A '}' ends its statement by itself.
    const bool last = i + 1 == s.block.size();
    out += " " + text + (last || inner.has_block ? "" : ";");
  }
  return out + " }";
}

class Formatter {
public:
  std::string take() { return std::move(out_); }

  void statements(const std::vector<Statement>& list, std::size_t indent) {
    std::size_t column = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Statement& s = list[i];
      if (i == 0 || !aligned(list[i - 1], s)) {
        column = widest(list, i);
      }
      comments(s.before, indent, i == 0);
      statement(s, indent, column);
    }
  }

  void comments(const std::vector<std::string>& lines, std::size_t indent, bool first) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (!lines[i].empty()) {
        out_ += std::string(indent, ' ') + lines[i] + "\n";
      } else if (!first || i != 0) {
        out_ += "\n";
      }
    }
  }

  /// The comments at the end of a block: no empty line before the end.
  void tail(std::vector<std::string> lines, std::size_t indent, bool first) {
    while (!lines.empty() && lines.back().empty()) {
      lines.pop_back();
    }
    comments(lines, indent, first);
  }

private:
  /// Whether two neighbours share the column of their second words: no empty line is between.
  static bool aligned(const Statement& above, const Statement& s) {
    const bool apart = std::find(s.before.begin(), s.before.end(), "") != s.before.end();
    return !above.has_block && !s.has_block && !apart;
  }

  static std::size_t widest(const std::vector<Statement>& list, std::size_t from) {
    std::size_t width = 0;
    for (std::size_t i = from; i < list.size(); ++i) {
      if (i != from && !aligned(list[i - 1], list[i])) {
        break;
      }
      const std::size_t size = list[i].words.front().raw.size();
      if (!list[i].has_block && list[i].words.size() > 1 && size <= kWidestColumn) {
        width = std::max(width, size);
      }
    }
    return width;
  }

  void statement(const Statement& s, std::size_t indent, std::size_t column) {
    const std::string comment = s.comment.empty() ? "" : "  " + s.comment;
    if (const std::string line = on_one_line(s);
        s.has_block && !line.empty() && indent + line.size() <= kWidth) {
      out_ += std::string(indent, ' ') + line + comment + "\n";
      return;
    }
    words(s, indent, s.has_block ? 0 : column);
    if (!s.has_block) {
      out_ += comment + "\n";
      return;
    }
    out_ += " {" + (s.open_comment.empty() ? "" : "  " + s.open_comment) + "\n";
    statements(s.block, indent + kIndent);
    tail(s.tail, indent + kIndent, s.block.empty());
    out_ += std::string(indent, ' ') + "}" + comment + "\n";
  }

  /// A line that would be too long is joined by backslashes.
  void words(const Statement& s, std::size_t indent, std::size_t column) {
    std::size_t used = indent;
    out_ += std::string(indent, ' ');
    for (std::size_t i = 0; i < s.words.size(); ++i) {
      const std::string& raw = s.words[i].raw;
      std::size_t gap = i == 0 ? 0 : 1;
      if (i == 1 && s.words[0].raw.size() < column) {
        gap = column - s.words[0].raw.size() + 1;
      }
      if (i > 1 && used + gap + raw.size() + 2 > kWidth) {
        out_ += " \\\n" + std::string(indent + kIndent, ' ');
        used = indent + kIndent;
        gap = 0;
      }
      out_ += std::string(gap, ' ') + raw;
      used += gap + raw.size();
    }
  }

  std::string out_;
};

} // namespace

Formatted format(const std::string& name, std::string_view text) {
  Report report;
  const Tree tree = parse(report, report.add_file(name, std::string(text)));
  Formatted formatted;
  if (!report.failed()) {
    Formatter formatter;
    formatter.statements(tree.statements, 0);
    formatter.tail(tree.tail, 0, tree.statements.empty());
    formatted.text = formatter.take();
  }
  formatted.diagnostics = report.take();
  return formatted;
}

} // namespace weir::config
