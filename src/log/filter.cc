// SPDX-License-Identifier: Apache-2.0
#include "log/filter.h"

#include <fmt/format.h>

#include "log/filter_parser.h"

namespace weir::log {

namespace {

/// The bytes of the character at the head of `s`: one, and those that continue it in UTF-8.
std::size_t character(std::string_view s) {
  std::size_t n = 1;
  if (static_cast<unsigned char>(s[0]) >= 0xc0) {
    while (n < s.size() && (static_cast<unsigned char>(s[n]) & 0xc0) == 0x80) {
      ++n;
    }
  }
  return n;
}

/// Linear in text × pattern at worst: only the last run is ever tried again.
bool pattern_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t run = std::string_view::npos; // behind the last run seen in the pattern
  std::size_t run_text = 0;                 // where the text behind that run is tried
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == kAnyRun) {
      run = ++p;
      run_text = t;
    } else if (p < pattern.size() && pattern[p] == kAnyOne) {
      ++p;
      t += character(text.substr(t));
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (run != std::string_view::npos) {
      p = run;
      t = ++run_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == kAnyRun) {
    ++p;
  }
  return p == pattern.size();
}

void append_quoted(std::string_view text, std::string& out) {
  out.push_back('\'');
  for (char c : text) {
    out.append(c == '\'' ? 2 : 1, c);
  }
  out.push_back('\'');
}

/// As a pattern of SQLite's GLOB, which knows [classes] too.
std::string to_glob(std::string_view pattern) {
  std::string out;
  for (char c : pattern) {
    if (c == kAnyRun) {
      out.push_back('*');
    } else if (c == kAnyOne) {
      out.push_back('?');
    } else if (c == '*' || c == '?' || c == '[') {
      out.push_back('[');
      out.push_back(c);
      out.push_back(']');
    } else {
      out.push_back(c);
    }
  }
  return out;
}

} // namespace

std::optional<Filter> Filter::parse(std::string_view text, WallTime now, FilterError& why) {
  return FilterParser(text, now, why, kColumnTable).run();
}

std::optional<Filter> Filter::parse(std::string_view text, WallTime now, FilterError& why,
                                    std::span<const ColumnInfo> table) {
  return FilterParser(text, now, why, table).run();
}

bool Filter::matches(const AccessRecord& record) const {
  return nodes_.empty() || matches(static_cast<std::uint32_t>(nodes_.size() - 1), record);
}

bool Filter::matches(const FilterFacts& facts) const {
  return nodes_.empty() || matches(static_cast<std::uint32_t>(nodes_.size() - 1), facts);
}

std::optional<Filter::SingleText> Filter::single_text() const {
  if (nodes_.size() != 1 || tests_[0].op != Op::equal || tests_[0].has_wildcard ||
      is_number(table_[static_cast<std::size_t>(tests_[0].column)].kind)) {
    return std::nullopt;
  }
  return SingleText{static_cast<std::size_t>(tests_[0].column), tests_[0].text};
}

bool TextTest::matches(std::string_view text) const {
  return has_wildcard_ ? pattern_matches(text_, text) : text == text_;
}

template <class What> bool Filter::matches(std::uint32_t node, const What& record) const {
  const Node& n = nodes_[node];
  switch (n.join) {
  case Join::test:
    return matches(tests_[n.left], record);
  case Join::all:
    return matches(n.left, record) && matches(n.right, record);
  case Join::any:
    return matches(n.left, record) || matches(n.right, record);
  case Join::none:
    return !matches(n.left, record);
  }
  return false;
}

bool Filter::compare(const Test& test, std::int64_t n) {
  switch (test.op) {
  case Op::equal:
    return n == test.number;
  case Op::not_equal:
    return n != test.number;
  case Op::less:
    return n < test.number;
  case Op::less_equal:
    return n <= test.number;
  case Op::greater:
    return n > test.number;
  case Op::greater_equal:
    return n >= test.number;
  }
  return false;
}

bool Filter::matches(const Test& test, const FilterFacts& facts) const {
  auto field = static_cast<std::size_t>(test.column);
  if (is_number(table_[field].kind)) {
    return compare(test, facts.number(field));
  }
  return facts.any_text(field, {test.text, test.has_wildcard}) == (test.op == Op::equal);
}

bool Filter::matches(const Test& test, const AccessRecord& record) {
  Kind kind = info(test.column).kind;
  bool equal = false;
  if (is_number(kind)) {
    return compare(test, number_of(record, test.column));
  }
  if (kind == Kind::id) {
    equal = record.id.to_string() == test.text;
  } else if (const Address* address = address_of(record, test.column); address != nullptr) {
    equal = address_matches(test, *address);
  } else {
    std::string_view text = text_of(record, test.column);
    equal = test.has_wildcard ? pattern_matches(test.text, text) : text == test.text;
  }
  return equal == (test.op == Op::equal);
}

bool Filter::address_matches(const Test& test, const Address& address) {
  if (test.prefix) {
    return address.valid() && test.prefix->contains(address);
  }
  if (test.address) {
    return test.any_port ? address.with_port(0) == *test.address : address == *test.address;
  }
  return !address.valid();
}

std::string Filter::to_sql() const {
  std::string out;
  if (nodes_.empty()) {
    return "1";
  }
  append_sql(static_cast<std::uint32_t>(nodes_.size() - 1), out);
  return out;
}

void Filter::append_sql(std::uint32_t node, std::string& out) const {
  const Node& n = nodes_[node];
  if (n.join == Join::test) {
    append_sql(tests_[n.left], out);
    return;
  }
  if (n.join == Join::none) {
    out += "NOT ";
  }
  out.push_back('(');
  append_sql(n.left, out);
  if (n.join != Join::none) {
    out += n.join == Join::all ? " AND " : " OR ";
    append_sql(n.right, out);
  }
  out.push_back(')');
}

void Filter::append_sql(const Test& test, std::string& out) {
  static constexpr std::string_view kOps[] = {"=", "<>", "<", "<=", ">", ">="};
  const ColumnInfo& c = info(test.column);
  std::string_view op = kOps[static_cast<std::size_t>(test.op)];
  bool negated = test.op == Op::not_equal;
  auto to = std::back_inserter(out);
  if (is_number(c.kind)) {
    fmt::format_to(to, "\"{}\" {} {}", c.kind == Kind::time ? "time_us" : c.name, op, test.number);
    return;
  }
  std::string value = test.text;
  bool by_block = test.prefix || (test.address && test.any_port && c.kind == Kind::endpoint);
  if (by_block) {
    value = test.prefix ? test.prefix->to_string() : test.address->host();
    fmt::format_to(to, "{}ip_in(\"{}\", ", negated ? "NOT " : "", c.name);
    append_quoted(value, out);
    out.push_back(')');
    return;
  }
  if (test.has_wildcard) {
    fmt::format_to(to, "\"{}\" {}GLOB ", c.name, negated ? "NOT " : "");
    append_quoted(to_glob(test.text), out);
    return;
  }
  if (test.address) {
    value = print_address(*test.address, c.kind);
  }
  fmt::format_to(to, "\"{}\" {} ", c.name, op);
  append_quoted(value, out);
}

} // namespace weir::log
