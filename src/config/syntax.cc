// SPDX-License-Identifier: Apache-2.0
#include "config/syntax.h"

#include <cstdlib>

#include <fmt/format.h>

namespace weir::config {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

enum class Kind : std::uint8_t { word, open, close, semicolon, newline, comment, end };

struct Token {
  Kind kind = Kind::end;
  Word word; // comment: raw
};

/// Text → tokens. Remembers what a word that touches its brace leaves for the next call.
class Lexer {
public:
  Lexer(Report& report, std::uint32_t file)
      : report_(report), text_(report.text(file)), file_(file) {
    if (text_.substr(0, 3) == "\xef\xbb\xbf") {
      next_ = line_begin_ = 3; // a byte order mark
    }
  }

  Token take() {
    skip_blank();
    Token token;
    token.word.at = here(1);
    if (next_ >= text_.size()) {
      return token;
    }
    switch (text_[next_]) {
    case '\n':
      token.kind = Kind::newline;
      ++next_;
      ++line_;
      line_begin_ = next_;
      return token;
    case ';':
      token.kind = Kind::semicolon;
      ++next_;
      return token;
    case '{':
      token.kind = Kind::open;
      ++next_;
      return token;
    case '}':
      token.kind = Kind::close;
      ++next_;
      return token;
    case '#':
      token.kind = Kind::comment;
      token.word.raw = rest_of_line();
      next_ += token.word.raw.size();
      while (!token.word.raw.empty() && is_blank(token.word.raw.back())) {
        token.word.raw.pop_back();
      }
      return token;
    default:
      token.kind = Kind::word;
      token.word.quoted = text_[next_] == '"';
      token.word.quoted ? take_quoted(token.word) : take_bare(token.word);
      return token;
    }
  }

private:
  Position here(std::size_t length) const {
    return {file_, line_, static_cast<std::uint32_t>(next_ - line_begin_ + 1),
            static_cast<std::uint32_t>(length)};
  }
  std::string rest_of_line() const {
    const std::string_view rest = text_.substr(next_);
    return std::string(rest.substr(0, rest.find('\n')));
  }
  /// Length of a line join at `at`: a backslash and the end of the line; 0: there is none.
  std::size_t join_at(std::size_t at) const {
    if (text_.substr(at, 2) == "\\\n") {
      return 2;
    }
    return text_.substr(at, 3) == "\\\r\n" ? 3 : 0;
  }

  void skip_blank() {
    while (next_ < text_.size()) {
      if (const std::size_t join = join_at(next_); join != 0) {
        next_ += join;
        ++line_;
        line_begin_ = next_;
      } else if (is_blank(text_[next_])) {
        ++next_;
      } else {
        return;
      }
    }
  }

  void finish(Word& word, std::size_t begin) {
    word.raw = std::string(text_.substr(begin, next_ - begin));
    word.at.length = static_cast<std::uint32_t>(word.raw.size());
    for (const char c : word.raw) {
      if (is_control(c)) {
        report_.bad_word(word.at, "a control character stands in this word");
        break;
      }
    }
  }

  void take_quoted(Word& word) {
    const std::size_t begin = next_;
    for (++next_; next_ < text_.size() && text_[next_] != '"' && text_[next_] != '\n'; ++next_) {
      if (text_[next_] == '\\' && next_ + 1 < text_.size() && text_[next_ + 1] != '\n') {
        ++next_;
      }
    }
    if (next_ >= text_.size() || text_[next_] != '"') {
      finish(word, begin);
      report_.bad_word(word.at, "the quote is not closed on its line",
                       "put '\"' at the end of the text; inside it a quote is written \\\"");
      return;
    }
    ++next_;
    finish(word, begin);
    if (next_ < text_.size() && !is_blank(text_[next_]) && text_[next_] != '\n' &&
        text_[next_] != ';' && join_at(next_) == 0) {
      report_.error(here(1), "white space is missing after the quote",
                    "a quoted word ends at its quote; inside it a quote is written \\\"");
      while (next_ < text_.size() && !is_blank(text_[next_]) && text_[next_] != '\n') {
        ++next_;
      }
    }
  }

  void take_bare(Word& word) {
    const std::size_t begin = next_;
    bool opened = false;
    while (next_ < text_.size() && !is_blank(text_[next_]) && text_[next_] != '\n' &&
           text_[next_] != ';' && join_at(next_) == 0) {
      opened = opened || text_[next_] == '{';
      ++next_;
    }
    const char last = text_[next_ - 1];
    if (next_ - begin > 1 && (last == '{' || (last == '}' && !opened))) {
      --next_; // read on as if the white space were there
      report_.error(here(1), fmt::format("white space is missing before '{}'", last),
                    "braces stand alone; in quotes they are part of a word");
    }
    finish(word, begin);
    if (word.raw.back() == '\\') {
      report_.bad_word(word.at, "a backslash stands at the end of a word",
                       "it joins lines only as the last character of a line; else use quotes");
    }
    if (word.raw.find('"') != std::string::npos) {
      report_.bad_word(word.at, "a quote stands inside a word",
                       "write the whole word in quotes; inside them a quote is written \\\"");
    }
  }

  Report& report_;
  std::string_view text_;
  std::uint32_t file_;
  std::uint32_t line_ = 1;
  std::size_t line_begin_ = 0;
  std::size_t next_ = 0;
};

/// Tokens → statements.
class Parser {
public:
  Parser(Report& report, std::uint32_t file) : report_(report), lexer_(report, file) {}

  /// Up to the '}' of the block opened at `open`, or to the end of the text.
  void block(std::vector<Statement>& out, Statement* parent, std::vector<std::string>& tail,
             int depth) {
    Statement now;
    std::vector<std::string> before;
    bool fresh_line = parent == nullptr; // nothing of this block stands on this line yet
    const auto finish = [&now, &out, &before] {
      if (!now.words.empty()) {
        now.before = std::move(before);
        out.push_back(std::move(now));
        now = {};
        before.clear();
      }
    };
    bool commented = false; // a comment stands alone on this line
    for (;;) {
      Token token = lexer_.take();
      if (token.kind == Kind::newline) {
        finish();
        if (fresh_line && !commented && (before.empty() || !before.back().empty())) {
          before.emplace_back();
        }
        fresh_line = true;
        commented = false;
        continue;
      }
      if (token.kind == Kind::end || token.kind == Kind::close) {
        finish();
        end_block(token, parent, open_line_, depth);
        if (token.kind == Kind::end || depth > 0) {
          tail = std::move(before);
          return;
        }
        continue; // a '}' too many
      }
      step(token, now, out, parent, before, fresh_line, depth, finish);
      commented = token.kind == Kind::comment && fresh_line;
      fresh_line = commented;
    }
  }

private:
  template <class Finish>
  void step(Token& token, Statement& now, std::vector<Statement>& out, Statement* parent,
            std::vector<std::string>& before, bool fresh_line, int depth, Finish finish) {
    switch (token.kind) {
    case Kind::word:
      now.words.push_back(std::move(token.word));
      return;
    case Kind::semicolon:
      finish();
      return;
    case Kind::comment:
      comment(token.word.raw, now, out, parent, before, fresh_line);
      return;
    case Kind::open:
      open(token, now, depth);
      finish();
      return;
    case Kind::close:
    case Kind::newline:
    case Kind::end:
      return;
    }
  }

  static void comment(std::string& text, Statement& now, std::vector<Statement>& out,
                      Statement* parent, std::vector<std::string>& before, bool fresh_line) {
    if (!now.words.empty()) {
      now.comment = std::move(text);
    } else if (fresh_line) {
      before.push_back(std::move(text));
    } else if (!out.empty()) {
      out.back().comment = std::move(text);
    } else if (parent != nullptr) {
      parent->open_comment = std::move(text);
    } else {
      before.push_back(std::move(text));
    }
  }

  void open(const Token& token, Statement& now, int depth) {
    if (now.words.empty()) {
      report_.error(token.word.at, "a block without a statement before it",
                    "'{' stands on the line of its statement");
      now.words.push_back(token.word); // read the block all the same
      now.words.back().raw = "{";
    } else if (depth + 1 == kDeepest) {
      report_.error(token.word.at, "blocks are nested too deeply");
    }
    now.has_block = true;
    if (depth + 1 > kDeepest) {
      return skip();
    }
    const Position outer = open_line_;
    open_line_ = token.word.at;
    Statement inner; // filled apart, since `now` is still being made
    block(now.block, &inner, now.tail, depth + 1);
    now.open_comment = std::move(inner.open_comment);
    now.one_line = inner.one_line;
    open_line_ = outer;
  }

  /// Over a block that nobody will read.
  void skip() {
    for (int depth = 1; depth > 0;) {
      const Kind kind = lexer_.take().kind;
      depth += kind == Kind::open ? 1 : kind == Kind::close ? -1 : 0;
      if (kind == Kind::end) {
        return;
      }
    }
  }

  void end_block(const Token& token, Statement* parent, const Position& opened, int depth) {
    if (token.kind == Kind::end && depth > 0) {
      report_.error(opened, "the block is not closed", "'}' is missing");
    } else if (token.kind == Kind::close && depth == 0) {
      report_.error(token.word.at, "'}' without a block that it would close");
    } else if (parent != nullptr) {
      parent->one_line = token.word.at.line == opened.line;
    }
  }

  Report& report_;
  Lexer lexer_;
  Position open_line_;
};

bool is_name(char c, bool first) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         (!first && c >= '0' && c <= '9');
}

/// ${NAME} at the front of `rest`: its value is appended, its length answered; 0: malformed.
std::size_t expand_variable(Report& report, const Word& word, std::string_view rest,
                            bool environment, std::string& out) {
  std::size_t end = 2;
  while (end < rest.size() && is_name(rest[end], end == 2)) {
    ++end;
  }
  if (end == 2 || end >= rest.size() || rest[end] != '}') {
    return 0;
  }
  const std::string name(rest.substr(2, end - 2));
  const char* value = environment ? std::getenv(name.c_str()) : "env";
  if (value == nullptr) {
    report.bad_word(word.at, fmt::format("the environment variable {} is not set", name));
  } else {
    out += value;
  }
  return end + 1;
}

} // namespace

Tree parse(Report& report, std::uint32_t file) {
  Tree tree;
  Parser parser(report, file);
  parser.block(tree.statements, nullptr, tree.tail, 0);
  return tree;
}

void expand(Report& report, Word& word, bool environment) {
  std::string_view rest = word.raw;
  word.text.clear();
  if (word.quoted) {
    rest.remove_prefix(1);
    if (!rest.empty() && rest.back() == '"') {
      rest.remove_suffix(1);
    }
  }
  while (!rest.empty()) {
    if (word.quoted && rest.size() > 1 && rest[0] == '\\') {
      const char c = rest[1];
      const bool escape = c == '"' || c == '\\' || c == '$' || c == 'n' || c == 't';
      if (!escape) {
        word.text += '\\'; // for expressions: \. stays as it is
      }
      word.text += c == 'n' ? '\n' : c == 't' ? '\t' : c;
      rest.remove_prefix(2);
    } else if (rest.substr(0, 2) == "${") {
      const std::size_t length = expand_variable(report, word, rest, environment, word.text);
      if (length == 0) {
        report.bad_word(word.at, "'${' begins the name of an environment variable",
                        "write ${NAME}, or \"\\${\" in quotes where it is meant as it stands");
        return;
      }
      rest.remove_prefix(length);
    } else {
      word.text += rest[0];
      rest.remove_prefix(1);
    }
  }
}

} // namespace weir::config
