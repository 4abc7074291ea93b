// SPDX-License-Identifier: Apache-2.0
//
// The virtual table `access`: all partitions of a directory as one table (an eponymous SQLite
// module), and the function ip_in. Registered with the connection of one query. See query.h.
#pragma once

#include <string>

#include "log/query.h"

struct sqlite3;

namespace weir::log {

/// What the table works on; it must outlive the connection.
struct AccessLog {
  std::string directory;
  QueryStats stats;
  std::string why; // the file that could not be read, and SQLite's words; empty: none
};

/// Registers the module and the function. SQLite's result code.
int register_access(sqlite3* db, AccessLog& log);

} // namespace weir::log
