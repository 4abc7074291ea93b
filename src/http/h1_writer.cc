// SPDX-License-Identifier: Apache-2.0
#include "http/h1_writer.h"

#include <algorithm>

#include "http/chars.h"
#include "http/message.h"

namespace weir::http {

namespace {

bool is_target(std::string_view text) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is(kPathChar, c); });
}

} // namespace

Decimal::Decimal(std::uint64_t value) noexcept : begin_(20) {
  do {
    digits_[--begin_] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
}

/// As put(), and what could end a line makes it not ok().
void H1Writer::put_value(std::string_view value) noexcept {
  ok_ = copy_value(at_, value) && ok_;
  at_ += value.size();
}

void H1Writer::request_line(std::string_view method, std::string_view target) noexcept {
  constexpr std::string_view kEnd = " HTTP/1.1\r\n";
  ok_ = ok_ && is_token(method) && is_target(target);
  if (room(method.size() + 1 + target.size() + kEnd.size())) {
    put(method);
    put(" ");
    put(target);
    put(kEnd);
  }
}

void H1Writer::status_line(int status, std::string_view reason) noexcept {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (reason.empty()) {
    reason = reason_phrase(status);
  }
  ok_ = ok_ && status >= 100 && status <= 999;
  if (room(kVersion.size() + 4 + reason.size() + 2)) {
    put(kVersion);
    *at_++ = static_cast<char>('0' + status / 100);
    *at_++ = static_cast<char>('0' + status / 10 % 10);
    *at_++ = static_cast<char>('0' + status % 10);
    put(" ");
    put_value(reason);
    put("\r\n");
  }
}

void H1Writer::field(std::string_view name, std::string_view value) noexcept {
  ok_ = ok_ && is_token(name);
  put_field(name, value);
}

void H1Writer::put_field(std::string_view name, std::string_view value) noexcept {
  if (room(name.size() + 2 + value.size() + 2)) {
    put(name);
    put(": ");
    put_value(value);
    put("\r\n");
  }
}

void H1Writer::field(FieldId id, std::string_view value) noexcept {
  ok_ = ok_ && id != FieldId::other; // that has no name
  put_field(name(id), value);
}

void H1Writer::field(FieldId id, std::uint64_t value) noexcept { field(id, Decimal(value).view()); }

void H1Writer::field(FieldId id, std::initializer_list<std::string_view> pieces) noexcept {
  raw(name(id));
  raw(": ");
  for (std::string_view piece : pieces) {
    if (room(piece.size())) {
      put_value(piece);
    }
  }
  raw("\r\n");
}

void H1Writer::fields(const Fields& fields, const FieldSet& without) noexcept {
  for (const Field& each : fields) {
    if (!without.test(index(each.id))) {
      if (each.id != FieldId::other) {
        put_field(each.name, each.value); // a name from the table is a token
      } else {
        field(each.name, each.value);
      }
    }
  }
}

void H1Writer::chunk_size(std::uint64_t size) noexcept {
  std::array<char, 16> digits{};
  std::size_t begin = digits.size();
  ok_ = ok_ && size != 0;
  for (; size != 0; size >>= 4) {
    digits[--begin] = "0123456789abcdef"[size & 15];
  }
  if (room(digits.size() - begin + 2)) {
    put({digits.data() + begin, digits.size() - begin});
    put("\r\n");
  }
}

void H1Writer::last_chunk(const Fields& trailers) noexcept {
  raw("0\r\n");
  fields(trailers);
  raw("\r\n");
}

} // namespace weir::http
