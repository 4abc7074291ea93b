// SPDX-License-Identifier: Apache-2.0
//
// H1Writer: heads, chunk lines and trailers of HTTP/1.1, written into memory of the caller. What is
// forwarded is always written anew from what was parsed.
//
// No allocation. After anything that does not fit, or a name, value, method, target or reason that
// could end a line, ok() is false for good and bytes() must not be sent: the writer never emits a
// CR, LF or NUL that it did not put there itself. A value on the stack of one function.
//
//   H1Writer out(chunk->data(), chunk->capacity());
//   out.request_line("GET", "/x");
//   out.field(FieldId::host, "example.com");
//   out.fields(head.fields);
//   out.end_head();
//   if (!out.ok()) → head_too_large
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "http/fields.h"

namespace weir::http {

class H1Writer {
public:
  H1Writer(char* begin, std::size_t capacity) noexcept
      : begin_(begin), at_(begin), end_(begin + capacity) {}

  /// "GET /x HTTP/1.1\r\n".
  void request_line(std::string_view method, std::string_view target) noexcept;
  /// "HTTP/1.1 200 OK\r\n". An empty reason stands for the usual one.
  void status_line(int status, std::string_view reason = {}) noexcept;

  void field(std::string_view name, std::string_view value) noexcept;
  void field(FieldId id, std::string_view value) noexcept;
  void field(FieldId id, std::uint64_t value) noexcept;
  /// A value in pieces.
  void field(FieldId id, std::initializer_list<std::string_view> pieces) noexcept;
  /// All but those whose ids are in `without`.
  void fields(const Fields& fields, const FieldSet& without = {}) noexcept;
  void end_head() noexcept { raw("\r\n"); }

  /// "1a2b\r\n". Never 0: that would be the last chunk.
  void chunk_size(std::uint64_t size) noexcept;
  /// "\r\n", after the data of each chunk.
  void chunk_end() noexcept { raw("\r\n"); }
  /// "0\r\n", the trailers, "\r\n".
  void last_chunk() noexcept { raw("0\r\n\r\n"); }
  void last_chunk(const Fields& trailers) noexcept;

  /// Bytes that are known to be right (a stored head).
  void raw(std::string_view bytes) noexcept {
    if (room(bytes.size())) {
      put(bytes);
    }
  }

  bool ok() const noexcept { return ok_; }
  std::string_view bytes() const noexcept {
    return {begin_, static_cast<std::size_t>(at_ - begin_)};
  }
  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

private:
  bool room(std::size_t n) noexcept {
    ok_ = ok_ && static_cast<std::size_t>(end_ - at_) >= n;
    return ok_;
  }
  void put(std::string_view bytes) noexcept { // room() was asked
    if (!bytes.empty()) {
      std::memcpy(at_, bytes.data(), bytes.size());
      at_ += bytes.size();
    }
  }
  void put_value(std::string_view value) noexcept;                        // so it was here
  void put_field(std::string_view name, std::string_view value) noexcept; // the name is a token

  char* begin_;
  char* at_;
  char* end_;
  bool ok_ = true;
};

/// A number as text, for values; a view into itself.
class Decimal {
public:
  explicit Decimal(std::uint64_t value) noexcept;
  std::string_view view() const noexcept {
    return {digits_.data() + begin_, digits_.size() - begin_};
  }

private:
  std::array<char, 20> digits_; // filled from the end
  std::size_t begin_;
};

} // namespace weir::http
