// SPDX-License-Identifier: Apache-2.0
//
// AccessRecord: one row of the access log, its members made from record.def.  RequestId: the name
// of a request, which holds the time it began.
//
// The Exchange owns its record and fills it in place: numbers, addresses, and views into its own
// memory that must stay valid until LogRing::push, which copies them. Values; pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"

namespace weir::log {

/// The kinds of record.def.
enum class Kind : std::uint8_t {
  id,       // RequestId
  time,     // unix µs
  integer,  // plain number, one of few
  bytes,    // number of bytes
  duration, // µs
  text,     // stored in the row
  dict,     // text stored by dictionary
  word,     // text stored by dictionary, one of few
  ip,       // address, shown without port
  endpoint, // address, shown with port
};
constexpr bool is_number(Kind k) noexcept {
  return k == Kind::time || k == Kind::integer || k == Kind::bytes || k == Kind::duration;
}
constexpr bool is_text(Kind k) noexcept {
  return k == Kind::text || k == Kind::dict || k == Kind::word;
}
constexpr bool is_address(Kind k) noexcept { return k == Kind::ip || k == Kind::endpoint; }
/// Stored as a number of the partition's dictionary (or as text once that is full).
constexpr bool in_dictionary(Kind k) noexcept {
  return k == Kind::dict || k == Kind::word || is_address(k);
}
/// Of few values: stored once for all rows in which all columns of these kinds are the same.
constexpr bool in_common(Kind k) noexcept { return k == Kind::word || k == Kind::integer; }

/// 80 bits, printed as 16 characters of base32 that sort by time: when the request began, the
/// worker, and a counter of that worker.
struct RequestId {
  std::uint64_t start_us = 0; // 52 bits: until 2112
  std::uint32_t counter = 0;  // 20 bits
  std::uint16_t worker = 0;   // 8 bits

  static constexpr std::size_t kSize = 16;
  void write(char* out16) const noexcept;
  std::string to_string() const;
  /// Any letter case. Nothing unless it is 16 characters of the alphabet.
  static std::optional<RequestId> parse(std::string_view text) noexcept;
  friend bool operator==(const RequestId&, const RequestId&) = default;
};

/// Makes the ids of one worker. That worker's thread only.
class RequestIds {
public:
  explicit RequestIds(std::uint16_t worker) noexcept : worker_(worker & 0xff) {}
  RequestId next(WallTime start) noexcept;

private:
  const std::uint16_t worker_;
  std::uint32_t counter_ = 0;
};

template <Kind> struct Member { using type = std::int64_t; };
template <> struct Member<Kind::id> { using type = RequestId; };
template <> struct Member<Kind::text> { using type = std::string_view; };
template <> struct Member<Kind::dict> { using type = std::string_view; };
template <> struct Member<Kind::word> { using type = std::string_view; };
template <> struct Member<Kind::ip> { using type = Address; };
template <> struct Member<Kind::endpoint> { using type = Address; };

struct AccessRecord {
#define COLUMN(kind, name, doc, prose) Member<Kind::kind>::type name{};
#include "log/record.def"
#undef COLUMN

  void set_time(WallTime t) noexcept { time = t.time_since_epoch().count(); }
};

enum class Column : std::uint8_t {
#define COLUMN(kind, name, doc, prose) name,
#include "log/record.def"
#undef COLUMN
  count_
};
constexpr std::size_t kColumns = static_cast<std::size_t>(Column::count_);

struct ColumnInfo {
  Kind kind;
  std::string_view name;
  std::string_view doc;
};
/// The table, indexed by Column.
extern const std::array<ColumnInfo, kColumns> kColumnTable;
inline const ColumnInfo& info(Column c) noexcept {
  return kColumnTable[static_cast<std::size_t>(c)];
}
std::optional<Column> find_column(std::string_view name) noexcept;

/// Longest text that a record keeps; what is longer is cut by push.
constexpr std::size_t kMostText = 8192;

/// The value of a column of the fitting kind; 0, empty or invalid for other kinds.
std::int64_t number_of(const AccessRecord& record, Column column) noexcept;
std::string_view text_of(const AccessRecord& record, Column column) noexcept;
const Address* address_of(const AccessRecord& record, Column column) noexcept;

/// "1.2.3.4" or "1.2.3.4:80" by kind; empty for an invalid address.
std::string print_address(const Address& address, Kind kind);
/// "2026-11-21 10:00:00.123456": 26 bytes; `separator` between date and time.
void append_time(std::int64_t unix_us, char separator, std::string& out);
/// The record as one JSON object, without newline. Empty texts are left out.
void append_json(const AccessRecord& record, std::string& out);
/// `text` between quotation marks. Bytes that are not UTF-8 stand as U+00XX.
void append_json_string(std::string_view text, std::string& out);

} // namespace weir::log
