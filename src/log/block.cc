// SPDX-License-Identifier: Apache-2.0
#include "log/block.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace weir::log {

namespace {

constexpr std::size_t kLongestNumber = 20;
constexpr std::size_t kLongestEscape = 6;
constexpr std::string_view kHex = "0123456789abcdef";

constexpr bool needs_escape(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// The same of any of eight bytes: each test sets the highest bit of a byte that it finds, and of
/// others only behind one.
constexpr bool any_needs_escape(std::uint64_t eight) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighest = 0x8080808080808080;
  auto below = [](std::uint64_t bytes, std::uint64_t n) { return (bytes - kOnes * n) & ~bytes; };
  std::uint64_t found =
      below(eight, 0x20) | below(eight ^ kOnes * '"', 1) | below(eight ^ kOnes * '\\', 1);
  return (found & kHighest) != 0;
}

char* escape(char c, char* to) noexcept {
  *to++ = '\\';
  if (static_cast<unsigned char>(c) >= 0x20) {
    *to++ = c;
    return to;
  }
  for (char each : {'u', '0', '0', kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]}) {
    *to++ = each;
  }
  return to;
}

/// How many bytes the escape takes with which `text` begins; 0: it is none of ours.
std::size_t escape_size(std::string_view text) noexcept {
  if (text.size() >= 2 && (text[1] == '"' || text[1] == '\\')) {
    return 2;
  }
  bool control = text.size() >= kLongestEscape && text.substr(1, 3) == "u00" &&
                 (text[4] == '0' || text[4] == '1') && kHex.find(text[5]) != kHex.npos;
  return control ? kLongestEscape : 0;
}

} // namespace

char* BlockWriter::room(std::size_t bytes) {
  if (capacity_ - size_ < bytes) {
    capacity_ = std::max(2 * capacity_, size_ + bytes);
    auto larger = std::make_unique<char[]>(capacity_);
    std::copy_n(bytes_.get(), size_, larger.get());
    bytes_ = std::move(larger);
  }
  return bytes_.get() + size_;
}

void BlockWriter::begin_row() {
  char* to = room(2);
  *to++ = empty() ? '[' : ',';
  *to++ = '[';
  wrote(to);
}

void BlockWriter::number(std::int64_t value) {
  char* to = room(kLongestNumber + 1);
  if (value >= 0 && value < 10) { // most of them
    *to++ = static_cast<char>('0' + value);
  } else {
    to = std::to_chars(to, to + kLongestNumber, value).ptr;
  }
  *to++ = ',';
  wrote(to);
}

void BlockWriter::text(std::string_view value) {
  char* to = room(kLongestEscape * value.size() + 3);
  *to++ = '"';
  while (value.size() >= 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, value.data(), 8);
    if (any_needs_escape(eight)) {
      break;
    }
    std::memcpy(to, &eight, 8);
    to += 8;
    value.remove_prefix(8);
  }
  for (char c : value) {
    if (needs_escape(c)) {
      to = escape(c, to);
    } else {
      *to++ = c;
    }
  }
  *to++ = '"';
  *to++ = ',';
  wrote(to);
}

void BlockWriter::value(const BlockValue& value) {
  if (value.is_number) {
    number(value.number);
  } else {
    text(value.text);
  }
}

void BlockWriter::end_row() {
  bytes_[size_ - 1] = ']'; // in the place of the last comma
}

std::string_view BlockWriter::finish() {
  *room(1) = ']';
  return {bytes_.get(), size_ + 1};
}

bool BlockReader::take(char c) noexcept {
  if (rest_.empty() || rest_.front() != c) {
    return false;
  }
  rest_.remove_prefix(1);
  return true;
}

bool BlockReader::next(std::vector<BlockValue>& values) {
  values.clear();
  resolved_.clear();
  if (at_ == At::row && rest_ == "]") {
    at_ = At::end;
  }
  if (at_ == At::end || at_ == At::damage) {
    return false;
  }
  const char before = at_ == At::begin ? '[' : ',';
  at_ = At::damage; // until the row is there
  if (!take(before) || !take('[')) {
    return false;
  }
  do {
    if (!take_value(values.emplace_back())) {
      return false;
    }
  } while (take(','));
  if (!take(']')) {
    return false;
  }
  at_ = At::row;
  return true;
}

bool BlockReader::take_value(BlockValue& value) {
  value.is_number = !take('"');
  return value.is_number ? take_number(value.number) : take_text(value.text);
}

bool BlockReader::take_number(std::int64_t& number) noexcept {
  auto digit = [this](std::size_t i) {
    return i < rest_.size() && rest_[i] >= '0' && rest_[i] <= '9';
  };
  if (digit(0) && !digit(1)) { // most of them
    number = rest_[0] - '0';
    rest_.remove_prefix(1);
    return true;
  }
  auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
  rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
  return error == std::errc();
}

bool BlockReader::take_text(std::string_view& text) {
  std::size_t size = rest_.find('"');
  if (size == rest_.npos) {
    return false;
  }
  text = rest_.substr(0, size);
  if (text.find('\\') == text.npos) {
    rest_.remove_prefix(size + 1);
    return true;
  }
  for (size = 0; size < rest_.size() && rest_[size] != '"';) {
    std::size_t step = rest_[size] == '\\' ? escape_size(rest_.substr(size)) : 1;
    if (step == 0) {
      return false;
    }
    size += step;
  }
  text = resolve(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return take('"');
}

std::string_view BlockReader::resolve(std::string_view escaped) {
  resolved_.reserve(size_); // what was handed out stays where it is
  std::size_t begun = resolved_.size();
  while (!escaped.empty()) {
    if (escaped.front() != '\\') {
      resolved_ += escaped.front();
      escaped.remove_prefix(1);
      continue;
    }
    std::size_t size = escape_size(escaped);
    resolved_ +=
        size == kLongestEscape
            ? static_cast<char>((escaped[4] - '0') << 4 | static_cast<int>(kHex.find(escaped[5])))
            : escaped[1];
    escaped.remove_prefix(size);
  }
  return std::string_view(resolved_).substr(begun);
}

} // namespace weir::log
