// SPDX-License-Identifier: Apache-2.0
//
// FieldId: the well-known fields of fields.def.  Field: one field line.  Fields: those of a
// message, in order.  ListReader: the members of a list field over all its lines.
//
// Fields holds views and never owns bytes: names and values live in the buffer the head was read
// into, in an Arena, or in static text, at least as long as the Fields. 48 slots are inline, more
// go to the Arena given to add(); it must outlive the Fields too. Pure values, any thread.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"

namespace weir::http {

enum class FieldId : std::uint8_t {
  other = 0, // a name that is not in the table
#define FIELD(id, text, flags) id,
#include "http/fields.def"
#undef FIELD
  count_ // how many there are; not a field
};
constexpr std::size_t kFieldIds = static_cast<std::size_t>(FieldId::count_);
static_assert(kFieldIds < 128);

enum FieldFlag : std::uint8_t {
  kHop = 1,        // belongs to one connection: always removed before forwarding (W5.1, W5.2)
  kList = 2,       // value is a comma list; several lines are one list
  kSingle = 4,     // more than one line is an error
  kPinned = 8,     // framing or routing: cannot be removed by naming it in Connection (W3.7)
  kNoTrailer = 16, // dropped when it comes in a trailer (W3.12)
  kUnstored = 32,  // not hop-by-hop, but never kept by a shared cache (C2.10)
};

/// `other` for a name that is not in the table; letter case plays no part.
FieldId field_id(std::string_view name) noexcept;
/// The name as it is usually written; empty for `other`.
std::string_view name(FieldId id) noexcept;
std::uint8_t flags(FieldId id) noexcept;
inline bool has_flag(FieldId id, FieldFlag flag) noexcept { return (flags(id) & flag) != 0; }

using FieldSet = std::bitset<128>; // indexed by FieldId
constexpr std::size_t index(FieldId id) noexcept { return static_cast<std::size_t>(id); }

struct Field {
  std::string_view name;
  std::string_view value; // without blanks at its ends
  FieldId id = FieldId::other;
};
/// A field from the table, under its usual name.
inline Field make_field(FieldId id, std::string_view value) { return {name(id), value, id}; }

class Fields {
public:
  static constexpr std::size_t kInline = 48;

  Fields() noexcept {}
  Fields(Fields&& other) noexcept { take(other); }
  Fields& operator=(Fields&& other) noexcept {
    if (this != &other) {
      take(other);
    }
    return *this;
  }
  Fields(const Fields&) = delete; // assign(), copy_fields(): slots beyond 48 need an arena
  Fields& operator=(const Fields&) = delete;

  void clear() noexcept {
    size_ = 0;
    spilled_ = nullptr;
    has_.reset();
  }
  void add(const Field& field, Arena& arena) {
    if (size_ < kInline && spilled_ == nullptr) [[likely]] {
      inline_[size_++] = field;
      has_.set(index(field.id));
    } else {
      add_spilled(field, arena);
    }
  }
  void add(FieldId id, std::string_view value, Arena& arena) { add(make_field(id, value), arena); }
  /// The same views; copy_fields() (http/message.h) copies the bytes too.
  void assign(const Fields& other, Arena& arena);
  /// The first field of this id gets the value, further ones go; none: it is added.
  void set(FieldId id, std::string_view value, Arena& arena) {
    if (!replace(id, value)) {
      add(id, value, arena);
    }
  }
  /// As set(), but nothing is added. Whether there was one.
  bool replace(FieldId id, std::string_view value);

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const Field* begin() const noexcept { return spilled_ != nullptr ? spilled_ : inline_; }
  const Field* end() const noexcept { return begin() + size_; }
  const Field& operator[](std::size_t i) const noexcept { return begin()[i]; }

  /// One bit test. has(FieldId::other): there is a field that is not in the table.
  bool has(FieldId id) const noexcept { return has_.test(index(id)); }
  /// The first one, or nullptr. Valid until the next change.
  const Field* find(FieldId id) const noexcept;
  const Field* find(std::string_view name) const noexcept;
  /// The first one's value; empty if there is none.
  std::string_view value(FieldId id) const noexcept {
    const Field* field = find(id);
    return field != nullptr ? field->value : std::string_view{};
  }
  std::size_t count(FieldId id) const noexcept;
  template <class F> void for_each(FieldId id, F&& take) const {
    if (has(id)) {
      for (const Field& field : *this) {
        if (field.id == id) {
          take(field.value);
        }
      }
    }
  }

  /// How many went. Order is kept.
  template <class Predicate> std::size_t remove_if(Predicate&& is_unwanted) {
    Field* to = data();
    FieldSet left;
    for (std::size_t i = 0; i < size_; ++i) {
      const Field& field = data()[i];
      if (!is_unwanted(field)) {
        left.set(index(field.id));
        *to++ = field;
      }
    }
    auto gone = size_ - static_cast<std::size_t>(to - data());
    size_ -= gone;
    has_ = left;
    return gone;
  }
  std::size_t remove(FieldId id);
  std::size_t remove(std::string_view name);
  std::size_t remove(const FieldSet& ids);
  /// All but the first one of this id go.
  void keep_first(FieldId id);

  /// The bytes moved as they are from `from` to `to`: every view into [from, from + size) follows.
  void rebase(const char* from, std::size_t size, const char* to) noexcept;

private:
  friend void remove_hop_by_hop(Fields& fields);
  Field* data() noexcept { return spilled_ != nullptr ? spilled_ : inline_; }
  void take(Fields& other) noexcept;
  void add_spilled(const Field& field, Arena& arena);

  std::size_t size_ = 0;
  Field* spilled_ = nullptr; // all fields, in an Arena, once there were more than kInline
  std::size_t spilled_capacity_ = 0;
  FieldSet has_;
  union { // so that an empty Fields initialises no slot
    Field inline_[kInline];
  };
};

/// Removes what belongs to this connection only: kHop fields and all that Connection and
/// Proxy-Connection name, but for kPinned ones (W3.7, W5.1, W5.2). Whoever needs TE, Upgrade or
/// what Cache-Control says looks before.
void remove_hop_by_hop(Fields& fields);
/// The same without a copy, for who only writes the others: the ids that go. Empty where Connection
/// names a field that is here and not in the table: then it takes remove_hop_by_hop() on a copy.
std::optional<FieldSet> hop_by_hop_ids(const Fields& fields) noexcept;
/// Those with kHop.
const FieldSet& hop_by_hop_fields() noexcept;
/// The fields that must not stand in a trailer go (W3.12).
void remove_forbidden_trailers(Fields& trailers);

/// The members of a comma list, over all lines of a field, in order: trimmed, empty ones skipped,
/// commas in quoted strings not seen as such (backslash escapes count). Quotes are left on.
class ListReader {
public:
  ListReader(const Fields& fields, FieldId id) noexcept
      : at_(fields.has(id) ? fields.begin() : nullptr), end_(fields.end()), id_(id) {}
  explicit ListReader(std::string_view line) noexcept : rest_(line) {}

  /// The next member, or nothing at the end.
  std::optional<std::string_view> next() noexcept;

private:
  const Field* at_ = nullptr;
  const Field* end_ = nullptr;
  FieldId id_ = FieldId::other;
  std::string_view rest_;
};

/// Whether a member of the list is this token, letter case apart.
bool has_token(const Fields& fields, FieldId id, std::string_view token) noexcept;

/// ASCII letter case apart.
bool iequals(std::string_view a, std::string_view b) noexcept;
constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
/// `text` in lower case, in the arena; itself if it is so already.
std::string_view lower_case(std::string_view text, Arena& arena);
/// Without SP and TAB at its ends.
inline std::string_view trim(std::string_view text) noexcept {
  const char* begin = text.data();
  const char* end = begin + text.size();
  while (begin != end && (*begin == ' ' || *begin == '\t')) {
    ++begin;
  }
  while (begin != end && (end[-1] == ' ' || end[-1] == '\t')) {
    --end;
  }
  return {begin, static_cast<std::size_t>(end - begin)};
}

/// RFC 9110 §5.6.2; not empty.
bool is_token(std::string_view text) noexcept;
bool is_token_char(char c) noexcept;
/// No control octet but TAB (W2.2, W2.5).
bool is_field_value(std::string_view text) noexcept;
/// 1*DIGIT up to 2^63 - 1 (W3.1); nothing otherwise.
std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept;

} // namespace weir::http
