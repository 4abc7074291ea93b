// SPDX-License-Identifier: Apache-2.0
#include "log/record.h"

#include <ctime>
#include <type_traits>

#include <fmt/format.h>

namespace weir::log {

namespace {

// Crockford's base32 in lower case: sorts like the number, and has no i, l, o, u to misread.
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";

void write_base32(std::uint64_t bits40, char* out8) noexcept {
  for (int i = 7; i >= 0; --i) {
    out8[i] = kAlphabet[bits40 & 31];
    bits40 >>= 5;
  }
}

std::optional<std::uint64_t> read_base32(std::string_view text8) noexcept {
  std::uint64_t bits = 0;
  for (char c : text8) {
    char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    auto digit = kAlphabet.find(lower);
    if (digit == std::string_view::npos) {
      return std::nullopt;
    }
    bits = bits << 5 | digit;
  }
  return bits;
}

constexpr std::uint64_t kMask52 = (std::uint64_t{1} << 52) - 1;
constexpr std::uint32_t kMask20 = (1U << 20) - 1;

/// Calls f(column, member) for the member of `column`.
template <class F> decltype(auto) visit(const AccessRecord& r, Column column, F&& f) {
  switch (column) {
#define COLUMN(kind, name, doc, prose)                                                             \
  case Column::name:                                                                               \
    return f(r.name);
#include "log/record.def"
#undef COLUMN
  case Column::count_:
    break;
  }
  return f(r.time);
}

/// Length of the UTF-8 sequence that `s` begins with (RFC 3629); 0 if it begins with none.
std::size_t utf8_length(std::string_view s) noexcept {
  auto at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  auto follows = [&](std::size_t n) {
    if (s.size() < n) {
      return false;
    }
    for (std::size_t i = 1; i < n; ++i) {
      if ((at(i) & 0xc0) != 0x80) {
        return false;
      }
    }
    return true;
  };
  unsigned char c = at(0);
  if (c < 0x80) {
    return 1;
  }
  if (c >= 0xc2 && c <= 0xdf) {
    return follows(2) ? 2 : 0;
  }
  if (c >= 0xe0 && c <= 0xef) {
    bool ok = follows(3) && !(c == 0xe0 && at(1) < 0xa0) && !(c == 0xed && at(1) > 0x9f);
    return ok ? 3 : 0;
  }
  if (c >= 0xf0 && c <= 0xf4) {
    bool ok = follows(4) && !(c == 0xf0 && at(1) < 0x90) && !(c == 0xf4 && at(1) > 0x8f);
    return ok ? 4 : 0;
  }
  return 0;
}

bool is_plain(char c) noexcept {
  auto u = static_cast<unsigned char>(c);
  return u >= 0x20 && u < 0x7f && c != '"' && c != '\\';
}

} // namespace

const std::array<ColumnInfo, kColumns> kColumnTable = {{
#define COLUMN(kind, name, doc, prose) {Kind::kind, #name, doc},
#include "log/record.def"
#undef COLUMN
}};

void RequestId::write(char* out16) const noexcept {
  std::uint64_t time = start_us & kMask52;
  write_base32(time >> 12, out16);
  write_base32((time & 0xfff) << 28 | std::uint64_t{worker & 0xffU} << 20 | (counter & kMask20),
               out16 + 8);
}

std::string RequestId::to_string() const {
  std::string text(kSize, '0');
  write(text.data());
  return text;
}

std::optional<RequestId> RequestId::parse(std::string_view text) noexcept {
  if (text.size() != kSize) {
    return std::nullopt;
  }
  auto high = read_base32(text.substr(0, 8));
  auto low = read_base32(text.substr(8));
  if (!high || !low) {
    return std::nullopt;
  }
  RequestId id;
  id.start_us = *high << 12 | *low >> 28;
  id.worker = static_cast<std::uint16_t>(*low >> 20 & 0xff);
  id.counter = static_cast<std::uint32_t>(*low & kMask20);
  return id;
}

RequestId RequestIds::next(WallTime start) noexcept {
  RequestId id;
  id.start_us = static_cast<std::uint64_t>(start.time_since_epoch().count()) & kMask52;
  id.counter = counter_;
  id.worker = worker_;
  counter_ = (counter_ + 1) & kMask20;
  return id;
}

std::optional<Column> find_column(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kColumns; ++i) {
    if (kColumnTable[i].name == name) {
      return static_cast<Column>(i);
    }
  }
  return std::nullopt;
}

std::int64_t number_of(const AccessRecord& record, Column column) noexcept {
  return visit(record, column, [](const auto& member) -> std::int64_t {
    if constexpr (std::is_same_v<std::decay_t<decltype(member)>, std::int64_t>) {
      return member;
    } else {
      return 0;
    }
  });
}

std::string_view text_of(const AccessRecord& record, Column column) noexcept {
  return visit(record, column, [](const auto& member) -> std::string_view {
    if constexpr (std::is_same_v<std::decay_t<decltype(member)>, std::string_view>) {
      return member;
    } else {
      return {};
    }
  });
}

const Address* address_of(const AccessRecord& record, Column column) noexcept {
  return visit(record, column, [](const auto& member) -> const Address* {
    if constexpr (std::is_same_v<std::decay_t<decltype(member)>, Address>) {
      return &member;
    } else {
      return nullptr;
    }
  });
}

std::string print_address(const Address& address, Kind kind) {
  if (!address.valid()) {
    return {};
  }
  return kind == Kind::endpoint ? address.to_string() : address.host();
}

void append_time(std::int64_t unix_us, char separator, std::string& out) {
  std::time_t seconds = unix_us / 1'000'000;
  std::int64_t us = unix_us % 1'000'000;
  if (us < 0) {
    us += 1'000'000;
    --seconds;
  }
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}.{:06}",
                 utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, separator, utc.tm_hour,
                 utc.tm_min, utc.tm_sec, us);
}

void append_json_string(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  while (!text.empty()) {
    std::size_t n = 0;
    while (n < text.size() && is_plain(text[n])) {
      ++n;
    }
    out.append(text.substr(0, n));
    text.remove_prefix(n);
    if (text.empty()) {
      break;
    }
    auto c = static_cast<unsigned char>(text.front());
    std::size_t length = utf8_length(text);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(text.front());
    } else if (length >= 2) {
      out.append(text.substr(0, length));
    } else {
      out.append("\\u00");
      out.push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out.push_back('"');
}

void append_json(const AccessRecord& record, std::string& out) {
  out.push_back('{');
  auto key = [&out](std::string_view name) {
    if (out.back() != '{') {
      out.push_back(',');
    }
    out.push_back('"');
    out.append(name);
    out.append("\":");
  };
  for (std::size_t i = 0; i < kColumns; ++i) {
    auto column = static_cast<Column>(i);
    const ColumnInfo& c = kColumnTable[i];
    if (c.kind == Kind::id) {
      key(c.name);
      out.push_back('"');
      out.append(record.id.to_string());
      out.push_back('"');
    } else if (c.kind == Kind::time) {
      key(c.name);
      out.push_back('"');
      append_time(record.time, 'T', out);
      out.append("Z\"");
    } else if (is_number(c.kind)) {
      key(c.name);
      fmt::format_to(std::back_inserter(out), "{}", number_of(record, column));
    } else if (const Address* address = address_of(record, column); address != nullptr) {
      if (address->valid()) {
        key(c.name);
        append_json_string(print_address(*address, c.kind), out);
      }
    } else if (std::string_view text = text_of(record, column); !text.empty()) {
      key(c.name);
      append_json_string(text, out);
    }
  }
  out.push_back('}');
}

} // namespace weir::log
