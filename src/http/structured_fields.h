// SPDX-License-Identifier: Apache-2.0
//
// Structured Fields (RFC 9651 §4.2): a reader for dictionaries. Strict: an error anywhere makes the
// whole field unusable, so who reads asks failed() after the last member. Pure, allocates nothing;
// values are views into the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http {

struct StructuredItem {
  enum class Type : std::uint8_t {
    integer,
    decimal,
    string, // text: between the quotes, escapes left in
    token,
    bytes,
    boolean, // number: 0 or 1
    date,    // number: seconds since 1970
    display,
    inner_list,
  };
  Type type = Type::boolean;
  std::int64_t number = 1;
  std::string_view text; // as it stands in the field
};

class DictionaryReader {
public:
  explicit DictionaryReader(std::string_view text) noexcept : rest_(text) { skip(" "); }

  struct Member {
    std::string_view key;
    StructuredItem value; // parameters are read and forgotten
  };
  /// In the order of the text; of several with one key the last one counts, and that is the
  /// caller's to see. Nothing: the end, or an error.
  std::optional<Member> next() noexcept;
  bool failed() const noexcept { return failed_; }

private:
  std::optional<Member> fail() noexcept;
  void skip(std::string_view octets) noexcept;
  bool take(char c) noexcept;
  bool take_key(std::string_view& key) noexcept;
  bool take_item(StructuredItem& item) noexcept;
  bool take_number(StructuredItem& item) noexcept;
  bool take_string(StructuredItem& item) noexcept;
  bool take_bytes() noexcept;
  bool take_date(StructuredItem& item) noexcept;
  bool take_display() noexcept;
  bool take_inner_list() noexcept;
  bool take_parameters() noexcept;

  std::string_view rest_;
  bool begun_ = false;
  bool failed_ = false;
};

} // namespace weir::http
