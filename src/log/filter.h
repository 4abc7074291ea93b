// SPDX-License-Identifier: Apache-2.0
//
// Filter: the filter language over access records (CLI.md): `field op value` joined by and, or, not
// and parentheses: `status >= 500 and host = *.example.com and ttfb > 200ms`.
//
// The same language asks other things too (stored responses): a table of fields and FilterFacts.
// One parser, two back ends that agree: matches() for live records, to_sql() for the virtual table
// `access`. Fields are the columns of record.def. By their kind a value is
//   number    404, 10k                 bytes  10MB, 512KiB, 0        duration  200ms, 1.5s, 2h, 0
//   time      2026-11-21, 2026-11-21T10:30, -1h (before now)         address   10.0.0.1, 10.0.0.0/8
//   text      word or "quoted"; * and ? are wildcards, \ takes them literally
// Text, addresses and ids know = and != only. Value; pure; bounded in depth and size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "log/record.h"

namespace weir::log {

struct FilterError {
  std::size_t at = 0; // offset into the text
  std::string text;   // "no field `hots`; did you mean `host`?"
};

/// A text that a filter asks for: the whole of it, or a pattern.
class TextTest {
public:
  TextTest(std::string_view text, bool has_wildcard) : text_(text), has_wildcard_(has_wildcard) {}
  bool matches(std::string_view text) const;

private:
  std::string_view text_;
  bool has_wildcard_;
};

/// Something that is no AccessRecord, and can be asked about by the numbers of its own table.
class FilterFacts {
public:
  virtual ~FilterFacts() = default;
  virtual std::int64_t number(std::size_t field) const = 0;
  /// Whether one of the values of the field matches.
  virtual bool any_text(std::size_t field, const TextTest& test) const = 0;
};

class Filter {
public:
  /// Empty text matches every record. `now` is what relative times count from.
  static std::optional<Filter> parse(std::string_view text, WallTime now, FilterError& why);
  /// Over a table of other fields, of numbers and texts; it must outlive the filter.
  static std::optional<Filter> parse(std::string_view text, WallTime now, FilterError& why,
                                     std::span<const ColumnInfo> table);

  bool matches(const AccessRecord& record) const;
  bool matches(const FilterFacts& facts) const;
  /// `field = text` without wildcards and nothing else.
  struct SingleText {
    std::size_t field = 0;
    std::string_view text;
  };
  std::optional<SingleText> single_text() const;
  /// A condition for WHERE, over the virtual table `access` (sqlite_access.cc).
  std::string to_sql() const;

private:
  friend class FilterParser;

  enum class Op : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

  struct Test {
    Column column{};
    Op op = Op::equal;
    bool has_wildcard = false;      // text: a pattern
    bool any_port = false;          // endpoint: given without port
    std::int64_t number = 0;        // numbers
    std::string text;               // text (wildcards as kAnyRun, kAnyOne); id
    std::optional<Prefix> prefix;   // addresses: a block
    std::optional<Address> address; // addresses: one; nothing and no prefix: "" (none)
  };
  enum class Join : std::uint8_t { test, all, any, none };
  struct Node {
    Join join = Join::test;
    std::uint32_t left = 0;  // test: index into tests_; else a node
    std::uint32_t right = 0; // all, any: a node
  };

  template <class What> bool matches(std::uint32_t node, const What& what) const;
  static bool compare(const Test& test, std::int64_t n);
  bool matches(const Test& test, const FilterFacts& facts) const;
  static bool matches(const Test& test, const AccessRecord& record);
  static bool address_matches(const Test& test, const Address& address);
  void append_sql(std::uint32_t node, std::string& out) const;
  static void append_sql(const Test& test, std::string& out);

  std::span<const ColumnInfo> table_ = kColumnTable;
  std::vector<Test> tests_;
  std::vector<Node> nodes_; // the last one is the root; none: everything matches
};

} // namespace weir::log
