// SPDX-License-Identifier: Apache-2.0
//
// Queries over the access log, without the daemon: any SELECT on the virtual table `access`, which
// stands for the rows of all partitions.  Used by weirctl (log sql, log req, tail --since).
//
// Bounds on time, time_us and rowid are pushed down: only partitions that they touch are opened,
// read-only, one at a time, and read in short transactions, so that the daemon's WAL can go. Also
// pushed down: `=` on host, client and the other columns of the dictionary; ORDER BY time either
// way. Only one read-only statement is taken. Beside SQLite's functions there is
// ip_in(address, block). Any thread; nothing is kept between calls.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"

namespace weir::log {

/// NULL, INTEGER, REAL, or TEXT and BLOB as bytes that are valid during the call.
using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string_view>;

/// Takes the answer. columns() comes first, once, also when there are no rows.
class RowSink {
public:
  virtual ~RowSink() = default;
  virtual void columns(std::span<const std::string_view> names) = 0;
  /// False: enough, no more rows.
  virtual bool row(std::span<const SqlValue> values) = 0;
};

struct QueryStats {
  std::size_t partitions = 0; // opened, once for each time that the table was gone through
  std::uint64_t rows = 0;     // read from them
};

/// `why` gets a text for the user on failure: SQLite's words, or the file that cannot be read.
/// Code::malformed: not valid SQL; denied: not one read-only statement; not_found: no directory;
/// timeout: it took longer than `most_time` (0: it may take any).
Result<void> run_sql(const std::string& directory, std::string_view sql, RowSink& sink,
                     std::string& why, QueryStats* stats = nullptr, Duration most_time = {});

/// The row of a request id, all columns; searched from the time in the id on. not_found: no such id
/// in the log, or not an id at all.
Result<void> find_request(const std::string& directory, std::string_view id, RowSink& sink,
                          std::string& why, QueryStats* stats = nullptr);

} // namespace weir::log
