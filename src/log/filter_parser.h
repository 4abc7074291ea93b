// SPDX-License-Identifier: Apache-2.0
//
// FilterParser: text -> Filter, by recursive descent. FilterValue: the values of the filter
// language. Used by Filter::parse only. Bounded: kMostTests tests, kMostDepth parentheses and nots.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "log/filter.h"

namespace weir::log {

/// Stand for * and ? in a parsed text; control characters never get past the parser.
constexpr char kAnyRun = '\x01';
constexpr char kAnyOne = '\x02';

/// Values as text; nothing if they do not parse.
std::optional<std::int64_t> parse_count(std::string_view text);    // 404, 10k, 3M
std::optional<std::int64_t> parse_bytes(std::string_view text);    // 10MB, 512KiB, 0
std::optional<std::int64_t> parse_duration(std::string_view text); // 200ms, 1.5s: in µs
/// UTC; from the year alone to microseconds, separated by 'T' or ' ', Z allowed: in µs since 1970.
std::optional<std::int64_t> parse_time(std::string_view text);

/// The name in the table nearest to a mistyped one; empty if none is near.
std::string_view near_column(std::string_view name,
                             std::span<const ColumnInfo> table = kColumnTable);

class FilterParser {
public:
  FilterParser(std::string_view text, WallTime now, FilterError& why,
               std::span<const ColumnInfo> table)
      : text_(text), now_(now), why_(why), table_(table) {
    filter_.table_ = table;
  }
  std::optional<Filter> run();

private:
  struct Value {
    std::string text; // wildcards marked, backslashes gone
    bool has_wildcard = false;
    std::size_t at = 0;
  };

  bool parse_any(unsigned depth, std::uint32_t& node);
  bool parse_all(unsigned depth, std::uint32_t& node);
  bool parse_not(unsigned depth, std::uint32_t& node);
  bool parse_test(std::uint32_t& node);
  bool parse_field(Column& column);
  bool parse_op(Filter::Op& op);
  bool parse_value(Value& value);
  bool set_value(const Value& value, Filter::Test& test);
  bool set_address(const Value& value, Filter::Test& test);
  bool set_number(const Value& value, Filter::Test& test);

  const ColumnInfo& info(Column column) const noexcept {
    return table_[static_cast<std::size_t>(column)];
  }
  void skip_space();
  bool take_word(std::string_view word);
  std::string_view peek_word() const;
  bool error(std::size_t at, std::string text);
  std::uint32_t add(Filter::Node node);

  const std::string_view text_;
  const WallTime now_;
  FilterError& why_;
  const std::span<const ColumnInfo> table_;
  std::size_t at_ = 0;
  Filter filter_;
};

} // namespace weir::log
