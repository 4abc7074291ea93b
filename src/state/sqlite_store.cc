// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "state/database.h"

namespace weir::state {

namespace {

// Where the reservation of numbers is kept: a row like any other, of a table no one else uses.
constexpr const char* kOwnTable = "state";
constexpr const char* kReservedKey = "reserved";

// EXCLUSIVE: a second weir on the same file is refused at once.
constexpr const char* kSchema = "PRAGMA locking_mode = EXCLUSIVE;"
                                "PRAGMA journal_mode = WAL;"
                                "PRAGMA synchronous = FULL;"
                                "CREATE TABLE IF NOT EXISTS row ("
                                "  name TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
                                "  number INTEGER NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID;"
                                "PRAGMA user_version = 1;";

int bind_bytes(sqlite3_stmt* statement, int at, std::string_view bytes) {
  // A null pointer would bind NULL.
  return sqlite3_bind_blob(statement, at, bytes.empty() ? "" : bytes.data(),
                           static_cast<int>(bytes.size()), SQLITE_STATIC);
}

int bind_name(sqlite3_stmt* statement, std::string_view name) {
  return sqlite3_bind_text(statement, 1, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
}

std::string column_bytes(sqlite3_stmt* statement, int at) {
  const void* data = sqlite3_column_blob(statement, at);
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, at));
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

} // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  // SQLite would create it with mode 0644; its companion files take the mode of the file.
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::fchmod(fd, 0600) != 0) {
    int error = errno;
    if (fd >= 0) {
      ::close(fd);
    }
    return fail(Code::io, Side::self, error);
  }
  ::close(fd);
  auto database = std::make_unique<Database>(Private{});
  if (sqlite3_open_v2(path.c_str(), &database->db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    return fail(database->error());
  }
  if (auto r = database->prepare(); !r) {
    return fail(r.error());
  }
  return database;
}

Result<void> Database::prepare() {
  sqlite3_extended_result_codes(db_, 1);
  if (auto r = run(kSchema); !r) {
    return r;
  }
  const std::pair<const char*, sqlite3_stmt**> statements[] = {
      {"INSERT OR REPLACE INTO row (name, key, value, number) VALUES (?1, ?2, ?3, ?4)", &put_},
      {"DELETE FROM row WHERE name = ?1 AND key = ?2 AND number <= ?3", &erase_},
      {"SELECT key, value, number FROM row WHERE name = ?1 ORDER BY number", &read_}};
  for (auto [sql, statement] : statements) {
    if (sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, nullptr) !=
        SQLITE_OK) {
      return fail(error());
    }
  }
  auto own = read(kOwnTable);
  if (!own) {
    return fail(own.error());
  }
  for (const Row& row : *own) {
    reserved_ = row.key == kReservedKey ? row.number : reserved_;
  }
  return {};
}

Database::~Database() {
  sqlite3_finalize(put_);
  sqlite3_finalize(erase_);
  sqlite3_finalize(read_);
  sqlite3_close(db_);
}

Error Database::error() const {
  int code = sqlite3_errcode(db_) & 0xff;
  Code what = Code::io;
  if (code == SQLITE_FULL) {
    what = Code::full;
  } else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
    what = Code::corrupt;
  } else if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    what = Code::exists; // another process has it
  }
  return Error{what, Side::self, Retry::no, sqlite3_system_errno(db_)};
}

Result<void> Database::run(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(error());
  }
  return {};
}

Result<std::vector<Row>> Database::read(std::string_view table) {
  std::vector<Row> rows;
  bind_name(read_, table);
  int rc = SQLITE_DONE;
  while ((rc = sqlite3_step(read_)) == SQLITE_ROW) {
    rows.push_back({column_bytes(read_, 0), column_bytes(read_, 1),
                    static_cast<std::uint64_t>(sqlite3_column_int64(read_, 2))});
  }
  sqlite3_reset(read_);
  if (rc != SQLITE_DONE) {
    return fail(error());
  }
  return rows;
}

Result<void> Database::write(const Change& change) {
  sqlite3_stmt* statement = change.erase ? erase_ : put_;
  bind_name(statement, change.table);
  bind_bytes(statement, 2, change.row.key);
  if (change.erase) {
    sqlite3_bind_int64(statement, 3, static_cast<std::int64_t>(change.not_after));
  } else {
    bind_bytes(statement, 3, change.row.value);
    sqlite3_bind_int64(statement, 4, static_cast<std::int64_t>(change.row.number));
  }
  int rc = sqlite3_step(statement);
  sqlite3_reset(statement);
  if (rc != SQLITE_DONE) {
    return fail(error());
  }
  return {};
}

Result<void> Database::commit(std::span<const Change> changes, std::uint64_t reserve) {
  auto all = [&]() -> Result<void> {
    if (auto r = run("BEGIN IMMEDIATE"); !r) {
      return r;
    }
    for (const Change& change : changes) {
      if (auto r = write(change); !r) {
        return r;
      }
    }
    if (reserve > reserved_) {
      if (auto r = write({kOwnTable, {kReservedKey, {}, reserve}}); !r) {
        return r;
      }
    }
    return run("COMMIT");
  };
  auto done = all();
  if (!done) {
    if (sqlite3_get_autocommit(db_) == 0) {
      sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    return done;
  }
  reserved_ = std::max(reserved_, reserve);
  return {};
}

} // namespace weir::state
