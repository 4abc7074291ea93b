// SPDX-License-Identifier: Apache-2.0
//
// Database: the SQLite file behind Store. One table of (name, key) -> value with the number of each
// row. Every commit is durable (synchronous=FULL). Owner: Store; one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::state {

constexpr std::uint64_t kAnyNumber = INT64_MAX;

struct Row {
  std::string key;
  std::string value;
  std::uint64_t number = 0;
};

/// One thing to write.
struct Change {
  std::string table;
  Row row;
  bool erase = false;
  std::uint64_t not_after = kAnyNumber; // erase: only a row whose number is not above
};

class Database {
  struct Private {}; // only open() makes one

public:
  explicit Database(Private) {}
  /// Creates the file (mode 0600) where there is none.
  static Result<std::unique_ptr<Database>> open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// All rows of a table, in the order of their numbers.
  Result<std::vector<Row>> read(std::string_view table);
  /// All numbers up to this one may have been given out.
  std::uint64_t reserved() const noexcept { return reserved_; }
  /// All changes, and the reservation if it is higher, in one durable transaction; or none.
  Result<void> commit(std::span<const Change> changes, std::uint64_t reserve);

private:
  Result<void> prepare();
  Result<void> run(const char* sql);
  Result<void> write(const Change& change);
  Error error() const;

  sqlite3* db_ = nullptr;
  sqlite3_stmt* put_ = nullptr;
  sqlite3_stmt* erase_ = nullptr;
  sqlite3_stmt* read_ = nullptr;
  std::uint64_t reserved_ = 0;
};

} // namespace weir::state
