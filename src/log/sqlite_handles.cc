// SPDX-License-Identifier: Apache-2.0
#include "log/sqlite_handles.h"

#include <sqlite3.h>

namespace weir::log {

void SqliteClose::operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
void SqliteClose::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Statement make_statement(sqlite3* db, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  sqlite3_prepare_v2(db, sql, -1, &raw, nullptr);
  return Statement(raw);
}

} // namespace weir::log
