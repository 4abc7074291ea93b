// SPDX-License-Identifier: Apache-2.0
#include "http/structured_fields.h"

#include <algorithm>

#include "http/chars.h"

namespace weir::http {

namespace {

using Type = StructuredItem::Type;

constexpr bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
constexpr bool is_alpha(char c) noexcept { return is_lower(static_cast<char>(c | 0x20)); }
constexpr bool is_key_char(char c) noexcept {
  return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*';
}
constexpr bool is_visible(char c) noexcept { return c >= 0x20 && c <= 0x7e; }

} // namespace

void DictionaryReader::skip(std::string_view octets) noexcept {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(octets), rest_.size()));
}

bool DictionaryReader::take(char c) noexcept {
  if (rest_.empty() || rest_.front() != c) {
    return false;
  }
  rest_.remove_prefix(1);
  return true;
}

std::optional<DictionaryReader::Member> DictionaryReader::fail() noexcept {
  failed_ = true;
  rest_ = {};
  return {};
}

std::optional<DictionaryReader::Member> DictionaryReader::next() noexcept {
  if (begun_ && !failed_) {
    skip(" \t");
    if (!rest_.empty()) {
      if (!take(',')) {
        return fail();
      }
      skip(" \t");
      if (rest_.empty()) { // a comma with nothing behind it
        return fail();
      }
    }
  }
  if (rest_.empty()) {
    return {};
  }
  begun_ = true;
  Member member;
  if (!take_key(member.key)) {
    return fail();
  }
  if (take('=')) {
    if (!rest_.empty() && rest_.front() == '(') {
      member.value.type = Type::inner_list;
      if (!take_inner_list()) {
        return fail();
      }
    } else if (!take_item(member.value)) {
      return fail();
    }
  }
  return take_parameters() ? std::optional(member) : fail();
}

bool DictionaryReader::take_key(std::string_view& key) noexcept {
  std::size_t n = 0;
  while (n < rest_.size() && is_key_char(rest_[n])) {
    ++n;
  }
  if (n == 0 || !(is_lower(rest_.front()) || rest_.front() == '*')) {
    return false;
  }
  key = rest_.substr(0, n);
  rest_.remove_prefix(n);
  return true;
}

bool DictionaryReader::take_item(StructuredItem& item) noexcept {
  if (rest_.empty()) {
    return false;
  }
  const char first = rest_.front();
  const std::string_view before = rest_;
  auto whole = [&] { return before.substr(0, before.size() - rest_.size()); };
  if (first == '-' || is_digit(first)) {
    return take_number(item);
  }
  switch (first) {
  case '"':
    return take_string(item);
  case ':':
    item.type = Type::bytes;
    return take_bytes();
  case '?':
    rest_.remove_prefix(1);
    item.type = Type::boolean;
    item.number = take('1') ? 1 : 0;
    return item.number == 1 || take('0');
  case '@':
    return take_date(item);
  case '%':
    item.type = Type::display;
    return take_display();
  default:
    break;
  }
  if (first != '*' && !is_alpha(first)) {
    return false;
  }
  item.type = Type::token;
  while (!rest_.empty() &&
         (is(kTokenChar, rest_.front()) || rest_.front() == ':' || rest_.front() == '/')) {
    rest_.remove_prefix(1);
  }
  item.text = whole();
  return true;
}

/// 15 digits; or 12, a point, and 3 (§4.2.4).
bool DictionaryReader::take_number(StructuredItem& item) noexcept {
  const bool negative = take('-');
  std::size_t digits = 0;
  std::int64_t value = 0;
  while (digits < rest_.size() && is_digit(rest_[digits])) {
    if (digits == 15) {
      return false;
    }
    value = value * 10 + (rest_[digits] - '0');
    ++digits;
  }
  if (digits == 0) {
    return false;
  }
  rest_.remove_prefix(digits);
  item.type = Type::integer;
  item.number = negative ? -value : value;
  if (!take('.')) {
    return true;
  }
  std::size_t fraction = 0;
  while (fraction < rest_.size() && is_digit(rest_[fraction])) {
    ++fraction;
  }
  if (digits > 12 || fraction == 0 || fraction > 3) {
    return false;
  }
  rest_.remove_prefix(fraction);
  item.type = Type::decimal;
  return true;
}

bool DictionaryReader::take_string(StructuredItem& item) noexcept {
  item.type = Type::string;
  rest_.remove_prefix(1);
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    char c = rest_[i];
    if (c == '\\') {
      ++i;
      if (i == rest_.size() || (rest_[i] != '"' && rest_[i] != '\\')) {
        return false;
      }
    } else if (c == '"') {
      item.text = rest_.substr(0, i);
      rest_.remove_prefix(i + 1);
      return true;
    } else if (!is_visible(c)) {
      return false;
    }
  }
  return false;
}

bool DictionaryReader::take_bytes() noexcept {
  rest_.remove_prefix(1);
  std::size_t end = rest_.find(':');
  if (end == std::string_view::npos) {
    return false;
  }
  std::string_view coded = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return std::all_of(coded.begin(), coded.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '/' || c == '=';
  });
}

bool DictionaryReader::take_date(StructuredItem& item) noexcept {
  rest_.remove_prefix(1);
  if (rest_.empty() || (rest_.front() != '-' && !is_digit(rest_.front())) || !take_number(item) ||
      item.type != Type::integer) {
    return false;
  }
  item.type = Type::date;
  return true;
}

bool DictionaryReader::take_display() noexcept {
  rest_.remove_prefix(1);
  if (!take('"')) {
    return false;
  }
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    char c = rest_[i];
    if (c == '"') {
      rest_.remove_prefix(i + 1);
      return true;
    }
    if (!is_visible(c)) {
      return false;
    }
    if (c == '%') {
      auto is_hex = [&](std::size_t at) {
        return at < rest_.size() && (is_digit(rest_[at]) || (rest_[at] >= 'a' && rest_[at] <= 'f'));
      };
      if (!is_hex(i + 1) || !is_hex(i + 2)) {
        return false;
      }
      i += 2;
    }
  }
  return false;
}

bool DictionaryReader::take_inner_list() noexcept {
  rest_.remove_prefix(1);
  while (true) {
    skip(" ");
    if (take(')')) {
      return true;
    }
    StructuredItem item;
    if (!take_item(item) || !take_parameters() || rest_.empty() ||
        (rest_.front() != ' ' && rest_.front() != ')')) {
      return false;
    }
  }
}

bool DictionaryReader::take_parameters() noexcept {
  while (take(';')) {
    skip(" ");
    std::string_view key;
    StructuredItem value;
    if (!take_key(key) || (take('=') && !take_item(value))) {
      return false;
    }
  }
  return true;
}

} // namespace weir::http
