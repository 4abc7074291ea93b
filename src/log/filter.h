// SPDX-License-Identifier: Apache-2.0
//
// Filter: the filter language over access records (CLI.md): `field op value` joined by and, or, not
// and parentheses: `status >= 500 and host = *.example.com and ttfb > 200ms`.
//
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

class Filter {
public:
  /// Empty text matches every record. `now` is what relative times count from.
  static std::optional<Filter> parse(std::string_view text, WallTime now, FilterError& why);

  bool matches(const AccessRecord& record) const;
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

  bool matches(std::uint32_t node, const AccessRecord& record) const;
  static bool matches(const Test& test, const AccessRecord& record);
  static bool address_matches(const Test& test, const Address& address);
  void append_sql(std::uint32_t node, std::string& out) const;
  static void append_sql(const Test& test, std::string& out);

  std::vector<Test> tests_;
  std::vector<Node> nodes_; // the last one is the root; none: everything matches
};

} // namespace weir::log
