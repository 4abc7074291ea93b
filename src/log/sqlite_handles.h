// SPDX-License-Identifier: Apache-2.0
//
// What SQLite gives and wants back, owned: a connection, and a statement of one, which must go
// before it.  Values; the thread of whoever holds them.
#pragma once

#include <memory>

struct sqlite3;
struct sqlite3_stmt;

namespace weir::log {

struct SqliteClose {
  void operator()(sqlite3* db) const noexcept;
  void operator()(sqlite3_stmt* statement) const noexcept;
};
using Connection = std::unique_ptr<sqlite3, SqliteClose>;
using Statement = std::unique_ptr<sqlite3_stmt, SqliteClose>;

/// None: SQLite has refused it, and sqlite3_errmsg(db) says why.
Statement make_statement(sqlite3* db, const char* sql);

} // namespace weir::log
