// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "log/partition_files.h"
#include "log/query.h"
#include "log/record.h"
#include "log/sqlite_access.h"
#include "log/sqlite_handles.h"

namespace weir::log {

namespace {

/// Reading is all that a query may do: no file, no other database, no setting.
int authorize(void*, int action, const char*, const char* name, const char*, const char*) {
  switch (action) {
  case SQLITE_SELECT:
  case SQLITE_READ:
  case SQLITE_RECURSIVE:
    return SQLITE_OK;
  case SQLITE_FUNCTION:
    return name != nullptr && std::strcmp(name, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
  default:
    return SQLITE_DENY;
  }
}

SqlValue value_of(sqlite3_stmt* statement, int at) {
  switch (sqlite3_column_type(statement, at)) {
  case SQLITE_INTEGER:
    return std::int64_t{sqlite3_column_int64(statement, at)};
  case SQLITE_FLOAT:
    return sqlite3_column_double(statement, at);
  case SQLITE_NULL:
    return std::monostate{};
  default: {
    const void* data = sqlite3_column_blob(statement, at);
    auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, at));
    return data == nullptr ? std::string_view()
                           : std::string_view(static_cast<const char*>(data), size);
  }
  }
}

/// Whether something but blanks, semicolons and comments follows the statement.
bool more_follows(sqlite3* db, std::string_view rest) {
  sqlite3_stmt* statement = nullptr;
  while (!rest.empty()) {
    const char* end = nullptr;
    int rc = sqlite3_prepare_v2(db, rest.data(), static_cast<int>(rest.size()), &statement, &end);
    sqlite3_finalize(statement);
    if (rc != SQLITE_OK || statement != nullptr) {
      return true;
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  }
  return false;
}

constexpr int kStepsBetweenLooks = 10'000;

/// For SQLite's progress handler: not 0 ends the query.
int is_late(void* deadline) {
  return Clock::read_mono() > *static_cast<const MonoTime*>(deadline) ? 1 : 0;
}

Result<void> step_all(sqlite3* db, sqlite3_stmt* statement, RowSink& sink, AccessLog& log,
                      std::string& why) {
  int count = sqlite3_column_count(statement);
  std::vector<std::string_view> names;
  for (int i = 0; i < count; ++i) {
    names.emplace_back(sqlite3_column_name(statement, i));
  }
  sink.columns(names);
  std::vector<SqlValue> values(static_cast<std::size_t>(count));
  int rc = SQLITE_DONE;
  while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
    for (int i = 0; i < count; ++i) {
      values[static_cast<std::size_t>(i)] = value_of(statement, i);
    }
    if (!sink.row(values)) {
      return {};
    }
  }
  if (rc == SQLITE_INTERRUPT) {
    why = "the query took too long";
    return fail(Code::timeout);
  }
  if (rc != SQLITE_DONE) {
    bool ours = !log.why.empty();
    why = ours ? log.why : sqlite3_errmsg(db);
    return fail(ours ? Code::io : Code::malformed);
  }
  return {};
}

} // namespace

Result<void> run_sql(const std::string& directory, std::string_view sql, RowSink& sink,
                     std::string& why, QueryStats* stats, Duration most_time) {
  if (auto there = list_partitions(directory); !there) {
    why = fmt::format("{}: {}", directory, std::strerror(there.error().sys));
    return fail(there.error());
  }
  AccessLog log{directory, {}, {}};
  sqlite3* raw = nullptr;
  int rc = sqlite3_open_v2(":memory:", &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Connection db(raw);
  if (rc == SQLITE_OK) {
    rc = register_access(raw, log);
  }
  if (rc == SQLITE_OK) {
    // Using it once makes the table; that counts as CREATE TABLE, which is denied below.
    rc = sqlite3_exec(raw, "SELECT 1 FROM access LIMIT 0", nullptr, nullptr, nullptr);
  }
  if (rc != SQLITE_OK) {
    why = sqlite3_errmsg(raw);
    return fail(Code::internal);
  }
  sqlite3_set_authorizer(raw, authorize, nullptr);
  sqlite3_stmt* raw_statement = nullptr;
  const char* end = nullptr;
  rc = sqlite3_prepare_v2(raw, sql.data(), static_cast<int>(sql.size()), &raw_statement, &end);
  Statement statement(raw_statement);
  if (rc != SQLITE_OK) {
    bool denied = rc == SQLITE_AUTH;
    why = denied ? "only SELECT is possible here" : sqlite3_errmsg(raw);
    return fail(denied ? Code::denied : Code::malformed);
  }
  if (statement == nullptr) {
    why = "there is no statement";
    return fail(Code::malformed);
  }
  auto read = static_cast<std::size_t>(end - sql.data());
  if (sqlite3_stmt_readonly(raw_statement) == 0 || sqlite3_column_count(raw_statement) == 0 ||
      more_follows(raw, sql.substr(read))) {
    why = "only one SELECT is possible here";
    return fail(Code::denied);
  }
  MonoTime deadline = Clock::read_mono() + most_time;
  if (most_time > Duration::zero()) {
    sqlite3_progress_handler(raw, kStepsBetweenLooks, is_late, &deadline);
  }
  auto result = step_all(raw, raw_statement, sink, log, why);
  if (stats != nullptr) {
    *stats = log.stats;
  }
  return result;
}

Result<void> find_request(const std::string& directory, std::string_view id, RowSink& sink,
                          std::string& why, QueryStats* stats) {
  auto parsed = RequestId::parse(id);
  if (!parsed) {
    why = fmt::format("`{}` is not a request id (16 letters and digits)", id);
    return fail(Code::not_found);
  }
  // Counts the rows on their way.
  class Counting final : public RowSink {
  public:
    explicit Counting(RowSink& to) : to_(to) {}
    void columns(std::span<const std::string_view> names) override { to_.columns(names); }
    bool row(std::span<const SqlValue> values) override {
      ++rows;
      return to_.row(values);
    }
    int rows = 0;

  private:
    RowSink& to_;
  };
  Counting counting(sink);
  // A minute before: the clock may have been set back while the request ran.
  std::int64_t from = static_cast<std::int64_t>(parsed->start_us) - 60'000'000;
  std::string sql = fmt::format("SELECT * FROM access WHERE time_us >= {} AND id = '{}' LIMIT 1",
                                from, parsed->to_string());
  if (auto r = run_sql(directory, sql, counting, why, stats); !r) {
    return r;
  }
  if (counting.rows == 0) {
    why = fmt::format("no request {} in the log", parsed->to_string());
    return fail(Code::not_found);
  }
  return {};
}

} // namespace weir::log
