// SPDX-License-Identifier: Apache-2.0
#include "log/filter_parser.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace weir::log {

namespace {

constexpr std::size_t kMostFilter = 64 * 1024;
constexpr std::size_t kMostTests = 256; // also keeps the SQL below SQLite's depth of expressions
constexpr unsigned kMostDepth = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

/// A decimal number with at most six places and one of the units, as factor × number.
std::optional<std::int64_t> parse_scaled(std::string_view text, const Unit* begin,
                                         const Unit* end) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) {
    ++digits;
  }
  if (digits == 0 || digits > 15) {
    return std::nullopt;
  }
  std::int64_t whole = 0;
  for (char c : text.substr(0, digits)) {
    whole = whole * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  std::int64_t fraction = 0;
  std::int64_t scale = 1;
  if (text.size() > 1 && text[0] == '.' && is_digit(text[1])) {
    text.remove_prefix(1);
    while (!text.empty() && is_digit(text[0]) && scale < 1'000'000) {
      fraction = fraction * 10 + (text[0] - '0');
      scale *= 10;
      text.remove_prefix(1);
    }
  }
  for (const Unit* u = begin; u != end; ++u) {
    if (u->name == text) {
      if (whole > std::numeric_limits<std::int64_t>::max() / 2 / u->factor) {
        return std::nullopt;
      }
      // The largest factor is below 2^47, the fraction below 2^20: no overflow in two steps.
      std::int64_t part = u->factor / scale * fraction + u->factor % scale * fraction / scale;
      return whole * u->factor + part;
    }
  }
  bool zero = whole == 0 && fraction == 0 && text.empty();
  return zero ? std::optional<std::int64_t>(0) : std::nullopt;
}

template <std::size_t N>
std::optional<std::int64_t> parse_scaled(std::string_view text, const std::array<Unit, N>& units) {
  return parse_scaled(text, units.data(), units.data() + N);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

/// ".5", ".123456"
bool parse_microseconds(std::string_view text, std::int64_t& us) {
  if (text.front() != '.' || text.size() < 2 || text.size() > 7) {
    return false;
  }
  std::int64_t unit = 100'000;
  for (char c : text.substr(1)) {
    if (!is_digit(c)) {
      return false;
    }
    us += (c - '0') * unit;
    unit /= 10;
  }
  return true;
}

/// What a value of this kind looks like, for errors.
std::string_view form_of(Kind kind) {
  switch (kind) {
  case Kind::id:
    return "a request id of 16 characters";
  case Kind::time:
    return "a time: 2026-11-21, 2026-11-21T10:30:00, or -1h for one hour ago";
  case Kind::integer:
    return "a number: 404, 10k";
  case Kind::bytes:
    return "a size with its unit: 512B, 10MB, 1GiB";
  case Kind::duration:
    return "a duration with its unit: 200ms, 1.5s, 2m";
  case Kind::ip:
    return "an address or a block: 10.0.0.1, 10.0.0.0/8";
  case Kind::endpoint:
    return "an address, with or without port, or a block: 10.0.0.1, [::1]:443, 10.0.0.0/8";
  case Kind::text:
  case Kind::dict:
  case Kind::word:
    return "a text";
  }
  return "a value";
}

} // namespace

std::optional<std::int64_t> parse_count(std::string_view text) {
  static constexpr std::array<Unit, 4> kUnits = {
      {{"", 1}, {"k", 1'000}, {"M", 1'000'000}, {"G", 1'000'000'000}}};
  return parse_scaled(text, kUnits);
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  static constexpr std::array<Unit, 9> kUnits = {{{"B", 1},
                                                  {"KB", 1'000},
                                                  {"MB", 1'000'000},
                                                  {"GB", 1'000'000'000},
                                                  {"TB", 1'000'000'000'000},
                                                  {"KiB", std::int64_t{1} << 10},
                                                  {"MiB", std::int64_t{1} << 20},
                                                  {"GiB", std::int64_t{1} << 30},
                                                  {"TiB", std::int64_t{1} << 40}}};
  return parse_scaled(text, kUnits);
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  static constexpr std::array<Unit, 6> kUnits = {{{"us", 1},
                                                  {"ms", 1'000},
                                                  {"s", 1'000'000},
                                                  {"m", 60'000'000},
                                                  {"h", 3'600'000'000},
                                                  {"d", 86'400'000'000}}};
  return parse_scaled(text, kUnits);
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  // Each part: what stands before it, its digits, its least and most value.
  struct Part {
    std::string_view before;
    std::size_t digits;
    int least;
    int most;
  };
  static constexpr std::array<Part, 6> kParts = {{{"", 4, 1970, 2199},
                                                  {"-", 2, 1, 12},
                                                  {"-", 2, 1, 31},
                                                  {" T", 2, 0, 23},
                                                  {":", 2, 0, 59},
                                                  {":", 2, 0, 59}}};
  std::array<int, 6> value = {0, 1, 1, 0, 0, 0};
  if (text.ends_with('Z')) {
    text.remove_suffix(1);
  }
  for (std::size_t i = 0; i < kParts.size() && (i == 0 || !text.empty()); ++i) {
    const Part& part = kParts[i];
    if (!part.before.empty()) {
      if (part.before.find(text.front()) == std::string_view::npos) {
        return std::nullopt;
      }
      text.remove_prefix(1);
    }
    if (text.size() < part.digits) {
      return std::nullopt;
    }
    int n = 0;
    for (char c : text.substr(0, part.digits)) {
      if (!is_digit(c)) {
        return std::nullopt;
      }
      n = n * 10 + (c - '0');
    }
    if (n < part.least || n > part.most) {
      return std::nullopt;
    }
    value[i] = n;
    text.remove_prefix(part.digits);
  }
  std::int64_t us = 0;
  if (!text.empty() && !parse_microseconds(text, us)) {
    return std::nullopt;
  }
  std::tm utc{};
  utc.tm_year = value[0] - 1900;
  utc.tm_mon = value[1] - 1;
  utc.tm_mday = value[2];
  utc.tm_hour = value[3];
  utc.tm_min = value[4];
  utc.tm_sec = value[5];
  std::time_t seconds = ::timegm(&utc);
  if (utc.tm_mday != value[2]) {
    return std::nullopt; // 31 February
  }
  return std::int64_t{seconds} * 1'000'000 + us;
}

std::string_view near_column(std::string_view name, std::span<const ColumnInfo> table) {
  if (name.size() > 64) {
    return {};
  }
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const ColumnInfo& c : table) {
    std::size_t d = edit_distance(name, c.name);
    bool part = name.size() >= 3 && c.name.find(name) != std::string_view::npos;
    if (part && d >= least) {
      d = least - 1;
    }
    if (d < least) {
      least = d;
      best = c.name;
    }
  }
  return best;
}

std::optional<Filter> FilterParser::run() {
  if (text_.size() > kMostFilter) {
    error(0, "the filter is too long");
    return std::nullopt;
  }
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (static_cast<unsigned char>(text_[i]) < 0x20 && !is_space(text_[i])) {
      error(i, "a control character");
      return std::nullopt;
    }
  }
  skip_space();
  if (at_ == text_.size()) {
    return std::move(filter_);
  }
  std::uint32_t root = 0;
  if (!parse_any(0, root)) {
    return std::nullopt;
  }
  if (at_ < text_.size()) {
    error(at_, "expected `and`, `or` or the end");
    return std::nullopt;
  }
  return std::move(filter_);
}

bool FilterParser::parse_any(unsigned depth, std::uint32_t& node) {
  if (!parse_all(depth, node)) {
    return false;
  }
  while (take_word("or")) {
    std::uint32_t right = 0;
    if (!parse_all(depth, right)) {
      return false;
    }
    node = add({Filter::Join::any, node, right});
  }
  return true;
}

bool FilterParser::parse_all(unsigned depth, std::uint32_t& node) {
  if (!parse_not(depth, node)) {
    return false;
  }
  while (take_word("and")) {
    std::uint32_t right = 0;
    if (!parse_not(depth, right)) {
      return false;
    }
    node = add({Filter::Join::all, node, right});
  }
  return true;
}

bool FilterParser::parse_not(unsigned depth, std::uint32_t& node) {
  if (depth >= kMostDepth) {
    return error(at_, "nested too deeply");
  }
  if (take_word("not")) {
    if (!parse_not(depth + 1, node)) {
      return false;
    }
    node = add({Filter::Join::none, node, 0});
    return true;
  }
  if (at_ < text_.size() && text_[at_] == '(') {
    ++at_;
    skip_space();
    if (!parse_any(depth + 1, node)) {
      return false;
    }
    if (at_ >= text_.size() || text_[at_] != ')') {
      return error(at_, "expected `)`");
    }
    ++at_;
    skip_space();
    return true;
  }
  return parse_test(node);
}

bool FilterParser::parse_test(std::uint32_t& node) {
  if (filter_.tests_.size() >= kMostTests) {
    return error(at_, "too many tests");
  }
  Filter::Test test;
  Value value;
  std::size_t op_at = 0;
  if (!parse_field(test.column)) {
    return false;
  }
  op_at = at_;
  if (!parse_op(test.op)) {
    return false;
  }
  bool ordered = test.op != Filter::Op::equal && test.op != Filter::Op::not_equal;
  if (ordered && !is_number(info(test.column).kind)) {
    return error(op_at,
                 fmt::format("`{}` can be compared with = and != only", info(test.column).name));
  }
  if (!parse_value(value) || !set_value(value, test)) {
    return false;
  }
  filter_.tests_.push_back(std::move(test));
  node = add({Filter::Join::test, static_cast<std::uint32_t>(filter_.tests_.size() - 1), 0});
  return true;
}

bool FilterParser::parse_field(Column& column) {
  std::string_view name = peek_word();
  if (name.empty()) {
    return error(at_, "expected a field, `not` or `(`");
  }
  auto found = std::find_if(table_.begin(), table_.end(),
                            [name](const ColumnInfo& c) { return c.name == name; });
  if (found == table_.end()) {
    std::string_view near = near_column(name, table_);
    if (!near.empty()) {
      return error(at_, fmt::format("no field `{}`; did you mean `{}`?", name, near));
    }
    std::string text = fmt::format("no field `{}`; there are", name);
    for (const ColumnInfo& c : table_) {
      text += ' ';
      text += c.name;
    }
    return error(at_, std::move(text));
  }
  column = static_cast<Column>(found - table_.begin());
  at_ += name.size();
  skip_space();
  return true;
}

bool FilterParser::parse_op(Filter::Op& op) {
  static constexpr std::array<std::pair<std::string_view, Filter::Op>, 7> kOps = {
      {{"==", Filter::Op::equal},
       {"!=", Filter::Op::not_equal},
       {"<=", Filter::Op::less_equal},
       {">=", Filter::Op::greater_equal},
       {"=", Filter::Op::equal},
       {"<", Filter::Op::less},
       {">", Filter::Op::greater}}};
  for (auto [text, value] : kOps) {
    if (text_.substr(at_).starts_with(text)) {
      op = value;
      at_ += text.size();
      skip_space();
      return true;
    }
  }
  return error(at_, "expected =, !=, <, <=, > or >=");
}

bool FilterParser::parse_value(Value& value) {
  value.at = at_;
  bool quoted = at_ < text_.size() && text_[at_] == '"';
  at_ += quoted ? 1 : 0;
  for (; at_ < text_.size(); ++at_) {
    char c = text_[at_];
    if (quoted ? c == '"' : is_space(c) || c == ')') {
      break;
    }
    if (c == '\\' && at_ + 1 < text_.size()) {
      c = text_[++at_];
    } else if (c == '*' || c == '?') {
      value.has_wildcard = true;
      c = c == '*' ? kAnyRun : kAnyOne;
    }
    value.text.push_back(is_space(c) ? ' ' : c);
  }
  if (quoted) {
    if (at_ >= text_.size()) {
      return error(value.at, "the quotation mark is not closed");
    }
    ++at_;
  } else if (value.text.empty()) {
    return error(at_, "expected a value; an empty one is \"\"");
  }
  skip_space();
  return true;
}

bool FilterParser::set_value(const Value& value, Filter::Test& test) {
  Kind kind = info(test.column).kind;
  if (is_text(kind)) {
    test.text = value.text;
    test.has_wildcard = value.has_wildcard;
    return true;
  }
  if (kind == Kind::id) {
    auto id = RequestId::parse(value.text);
    if (!id) {
      return error(value.at, fmt::format("`{}` wants {}", info(test.column).name, form_of(kind)));
    }
    test.text = id->to_string();
    return true;
  }
  return is_address(kind) ? set_address(value, test) : set_number(value, test);
}

bool FilterParser::set_address(const Value& value, Filter::Test& test) {
  Kind kind = info(test.column).kind;
  if (value.text.empty()) {
    return true;
  }
  if (auto address = Address::parse(value.text)) {
    test.address = address;
    test.any_port = true;
    return true;
  }
  if (kind == Kind::endpoint) {
    if (auto address = Address::parse_with_port(value.text)) {
      test.address = address;
      return true;
    }
  }
  if (auto prefix = Prefix::parse(value.text)) {
    test.prefix = prefix;
    return true;
  }
  return error(value.at, fmt::format("`{}` wants {}", info(test.column).name, form_of(kind)));
}

bool FilterParser::set_number(const Value& value, Filter::Test& test) {
  Kind kind = info(test.column).kind;
  std::optional<std::int64_t> number;
  if (kind == Kind::bytes) {
    number = parse_bytes(value.text);
  } else if (kind == Kind::duration) {
    number = parse_duration(value.text);
  } else if (kind == Kind::time) {
    if (value.text.starts_with('-')) {
      if (auto ago = parse_duration(std::string_view(value.text).substr(1))) {
        number = now_.time_since_epoch().count() - *ago;
      }
    } else {
      number = parse_time(value.text);
    }
  } else {
    number = parse_count(value.text);
  }
  if (!number) {
    return error(value.at, fmt::format("`{}` wants {}", info(test.column).name, form_of(kind)));
  }
  test.number = *number;
  return true;
}

void FilterParser::skip_space() {
  while (at_ < text_.size() && is_space(text_[at_])) {
    ++at_;
  }
}

std::string_view FilterParser::peek_word() const {
  std::size_t end = at_;
  while (end < text_.size() && is_name(text_[end])) {
    ++end;
  }
  return text_.substr(at_, end - at_);
}

bool FilterParser::take_word(std::string_view word) {
  if (peek_word() != word) {
    return false;
  }
  at_ += word.size();
  skip_space();
  return true;
}

bool FilterParser::error(std::size_t at, std::string text) {
  why_.at = at;
  why_.text = std::move(text);
  return false;
}

std::uint32_t FilterParser::add(Filter::Node node) {
  filter_.nodes_.push_back(node);
  return static_cast<std::uint32_t>(filter_.nodes_.size() - 1);
}

} // namespace weir::log
