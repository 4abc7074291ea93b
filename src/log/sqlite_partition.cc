// SPDX-License-Identifier: Apache-2.0
#include "log/sqlite_partition.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace weir::log {

namespace {

// user_version: 1 gets rows, 2 is finished (indexes, no WAL).
constexpr int kFinished = 2;

constexpr const char* kSettings = "PRAGMA page_size = 8192;"
                                  "PRAGMA journal_mode = WAL;"
                                  "PRAGMA synchronous = NORMAL;"
                                  "PRAGMA wal_autocheckpoint = 0;"
                                  "PRAGMA journal_size_limit = 67108864;"
                                  "PRAGMA cache_size = -32768;"
                                  "PRAGMA user_version = 1;";

std::string_view sql_type(Kind kind) {
  if (in_dictionary(kind)) {
    return ""; // a number or a text: no affinity may change one into the other
  }
  return is_number(kind) ? " INTEGER" : " TEXT";
}

/// Which table holds a column.
std::string_view table_of(const ColumnInfo& c) { return in_common(c.kind) ? "common" : "row"; }

/// A column of the view: the text behind a number of the dictionary.
std::string view_column(const ColumnInfo& c) {
  if (c.kind == Kind::time) {
    return "strftime('%Y-%m-%d %H:%M:%S', (at >> 10) / 1000000, 'unixepoch') || "
           "printf('.%06d', (at >> 10) % 1000000) AS time";
  }
  if (in_dictionary(c.kind)) {
    return fmt::format("CASE typeof({1}.\"{0}\") WHEN 'integer' THEN (SELECT text FROM dict "
                       "WHERE dict.n = {1}.\"{0}\") ELSE {1}.\"{0}\" END AS \"{0}\"",
                       c.name, table_of(c));
  }
  return fmt::format("{}.\"{}\"", table_of(c), c.name);
}

std::string schema() {
  std::string row = "CREATE TABLE row (at INTEGER PRIMARY KEY";
  std::string common = "CREATE TABLE common (n INTEGER PRIMARY KEY";
  std::string view = "CREATE VIEW access AS SELECT ";
  for (const ColumnInfo& c : kColumnTable) {
    if (c.kind != Kind::time) {
      (in_common(c.kind) ? common : row) += fmt::format(", \"{}\"{}", c.name, sql_type(c.kind));
    }
    view += view_column(c) + ", ";
  }
  return row + ", common INTEGER);" + common + ");" + view +
         "at >> 10 AS time_us, at FROM row JOIN common ON common.n = row.common;" +
         "CREATE TABLE dict (n INTEGER PRIMARY KEY, text TEXT NOT NULL);"
         "INSERT INTO dict VALUES (0, '');";
}

std::string insert_sql(std::string_view table, std::size_t columns, std::size_t rows) {
  std::string row = "(?";
  for (std::size_t i = 2; i <= columns; ++i) {
    row += ",?";
  }
  row += ")";
  std::string sql = fmt::format("INSERT INTO {} VALUES {}", table, row);
  for (std::size_t i = 2; i <= rows; ++i) {
    sql += "," + row;
  }
  return sql;
}

constexpr std::int64_t kNoNumber = std::numeric_limits<std::int64_t>::min();

/// The columns of `row` and of `common` in the file, and the place of each column in its table. The
/// first of `row` is the row id, which stands for the time, and the last the number of the row of
/// `common`; the first of `common` is that number.
struct Layout {
  std::size_t row = 1;
  std::size_t common = 1;
  std::array<int, kColumns + 1> place{};
};
constexpr Layout kLayout = [] {
  Layout layout;
  std::size_t column = 0;
  auto add = [&](Kind kind) {
    if (kind != Kind::time) {
      std::size_t& next = in_common(kind) ? layout.common : layout.row;
      layout.place[column] = static_cast<int>(next++);
    }
    ++column;
  };
#define COLUMN(kind, name, doc, prose) add(Kind::kind);
#include "log/record.def"
#undef COLUMN
  layout.place[column] = static_cast<int>(layout.row++);
  return layout;
}();

/// A cheap mixture of length, head, middle and tail, for a table where a collision costs little.
std::size_t spot_of(std::string_view text) {
  auto eight = [text](std::size_t from) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, text.data() + from, std::min<std::size_t>(8, text.size() - from));
    return bits;
  };
  std::uint64_t mix = text.size();
  if (!text.empty()) {
    std::size_t tail = text.size() > 8 ? text.size() - 8 : 0;
    mix += eight(0) * 0x9e3779b97f4a7c15 + eight(text.size() / 2) * 0xc2b2ae3d27d4eb4f;
    mix = (mix ^ eight(tail)) * 0x9e3779b97f4a7c15;
  }
  return mix >> 48;
}

/// The same of all its words, for texts that differ anywhere.
std::size_t spot_of_all(std::string_view text) {
  std::uint64_t mix = text.size();
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, text.data() + at, 8);
    mix = (mix ^ bits) * 0x9e3779b97f4a7c15;
    mix ^= mix >> 32;
  }
  return mix ^ spot_of(text.substr(at));
}

Error error_of(sqlite3* db) {
  int code = sqlite3_errcode(db) & 0xff;
  Code what = code == SQLITE_FULL                               ? Code::full
              : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? Code::corrupt
                                                                : Code::io;
  return Error{what, Side::self, Retry::no, sqlite3_system_errno(db)};
}

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Connection = std::unique_ptr<sqlite3, Close>;
using Statement = std::unique_ptr<sqlite3_stmt, Close>;

Result<Connection> connect(const std::string& path) {
  sqlite3* db = nullptr;
  int rc = sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Connection connection(db);
  if (rc != SQLITE_OK) {
    return fail(error_of(db));
  }
  sqlite3_busy_timeout(db, 5'000);
  return connection;
}

/// The one number that a query answers.
Result<std::int64_t> ask_number(sqlite3* db, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  int rc = sqlite3_prepare_v2(db, sql, -1, &raw, nullptr);
  Statement statement(raw);
  if (rc != SQLITE_OK || sqlite3_step(raw) != SQLITE_ROW) {
    return fail(error_of(db));
  }
  return sqlite3_column_int64(raw, 0);
}

} // namespace

Result<std::unique_ptr<Partition>> Partition::create(const std::string& path,
                                                     std::size_t dictionary_cap, std::string& why) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  struct stat st {};
  if (fd < 0 || ::fstat(fd, &st) != 0) {
    int error = errno;
    why = std::strerror(error);
    if (fd >= 0) {
      ::close(fd);
    }
    return fail(error == EEXIST ? Code::exists : Code::io, Side::self, error);
  }
  ::close(fd);
  auto partition = std::make_unique<Partition>(Private{});
  partition->path_ = path;
  partition->inode_ = st.st_ino;
  partition->dictionary_cap_ = dictionary_cap;
  partition->dictionary_.emplace("", 0);
  if (auto r = partition->prepare(); !r) {
    Error error = r.error();
    why = partition->last_error();
    partition.reset();
    ::unlink(path.c_str());
    ::unlink((path + "-wal").c_str());
    ::unlink((path + "-shm").c_str());
    return fail(error);
  }
  return partition;
}

Result<void> Partition::prepare() {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path_.c_str(), &db_, flags, nullptr) != SQLITE_OK) {
    return fail(error());
  }
  sqlite3_busy_timeout(db_, 1'000);
  std::string tables = "BEGIN;" + schema() + "COMMIT;";
  for (const char* sql : {kSettings, tables.c_str()}) {
    if (auto r = run(sql); !r) {
      return r;
    }
  }
  // Takes the place of automatic checkpoints.
  sqlite3_wal_hook(
      db_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Partition*>(self)->wal_pages_ = static_cast<std::size_t>(pages);
        return SQLITE_OK;
      },
      this);
  const std::pair<std::string, sqlite3_stmt**> statements[] = {
      {insert_sql("row", kLayout.row, 1), &one_.statement},
      {insert_sql("row", kLayout.row, kTogether), &many_.statement},
      {insert_sql("common", kLayout.common, 1), &common_.statement},
      {"INSERT INTO dict VALUES (?1, ?2)", &insert_dict_},
      {"PRAGMA page_count", &page_count_}};
  for (const auto& [sql, statement] : statements) {
    if (sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, statement, nullptr) !=
        SQLITE_OK) {
      return fail(error());
    }
  }
  make_rows(one_, 1, kLayout.row);
  make_rows(many_, kTogether, kLayout.row);
  make_rows(common_, 1, kLayout.common);
  waiting_.reserve(kTogether);
  return {};
}

/// Its parameters, all bound to what they are noted to be.
void Partition::make_rows(Insert& insert, std::size_t rows, std::size_t columns) {
  for (std::size_t i = 0; i < rows; ++i) {
    Row& row = insert.rows.emplace_back();
    row.statement = insert.statement;
    row.first = static_cast<int>(i * columns) + 1;
    for (std::size_t column = 0; column < columns; ++column) {
      sqlite3_bind_int64(row.statement, row.first + static_cast<int>(column), 0);
    }
  }
}

Partition::~Partition() {
  sqlite3_finalize(one_.statement);
  sqlite3_finalize(many_.statement);
  sqlite3_finalize(common_.statement);
  sqlite3_finalize(insert_dict_);
  sqlite3_finalize(page_count_);
  sqlite3_close(db_);
}

Error Partition::error() const { return error_of(db_); }

std::string Partition::last_error() const {
  std::string text = sqlite3_errmsg(db_);
  if (int sys = sqlite3_system_errno(db_); sys != 0) {
    text += fmt::format(" ({})", std::strerror(sys));
  }
  return text;
}

Result<void> Partition::run(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(error());
  }
  return {};
}

Result<void> Partition::run(sqlite3_stmt* statement) {
  int rc = sqlite3_step(statement);
  sqlite3_reset(statement);
  if (rc != SQLITE_DONE) {
    return fail(error());
  }
  return {};
}

Result<void> Partition::begin() {
  waiting_.clear();
  return run("BEGIN");
}

Result<void> Partition::commit() {
  for (const Waiting& waiting : waiting_) {
    bind(one_.rows.front(), waiting);
    if (auto r = run(one_); !r) {
      return r;
    }
  }
  waiting_.clear();
  return run("COMMIT");
}

auto Partition::find_text(std::size_t column, std::string_view text)
    -> const Dictionary::value_type* {
  if (text.size() > kLongestInDictionary) {
    return nullptr;
  }
  const Dictionary::value_type*& recent = recent_[column][spot_of(text) % kRecent];
  if (recent != nullptr && recent->first == text) {
    return recent;
  }
  auto found = dictionary_.find(text);
  if (found == dictionary_.end()) {
    if (share_[column] >= dictionary_cap_) {
      return nullptr;
    }
    ++share_[column];
    auto n = static_cast<std::int64_t>(dictionary_.size());
    found = dictionary_.emplace(text, n).first;
    sqlite3_bind_int64(insert_dict_, 1, n);
    sqlite3_bind_text(insert_dict_, 2, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    if (auto r = run(insert_dict_); !r) {
      failed_ = true; // insert() says so
    }
  }
  recent = &*found;
  return recent;
}

void Partition::bind_number(Row& row, std::size_t column, std::int64_t number) {
  if (row.numbers[column] != number || number == kNoNumber) {
    row.numbers[column] = number;
    sqlite3_bind_int64(row.statement, row.first + kLayout.place[column], number);
  }
}

/// `stays`: until the row is written.
void Partition::bind_text(Row& row, std::size_t column, std::string_view text, bool stays) {
  row.numbers[column] = kNoNumber;
  sqlite3_bind_text(row.statement, row.first + kLayout.place[column],
                    text.empty() ? "" : text.data(), static_cast<int>(text.size()),
                    stays ? SQLITE_STATIC : SQLITE_TRANSIENT);
}

void Partition::bind_dictionary(Row& row, std::size_t column, std::string_view text) {
  Last& last = last_[column];
  if (last.entry == nullptr || last.entry->first != text) {
    last.entry = find_text(column, text);
  }
  if (last.entry != nullptr) {
    bind_number(row, column, last.entry->second);
  } else {
    bind_text(row, column, text, true);
  }
}

void Partition::bind_address(Row& row, std::size_t column, Kind kind, const Address& address) {
  Last& last = last_[column];
  if (last.number >= 0 && last.address == address) {
    bind_number(row, column, last.number);
    return;
  }
  // Printing costs more than all the rest: first by its bytes, with what decides how it is printed.
  std::array<char, 20> bytes{};
  std::memcpy(bytes.data(), address.bytes().data(), 16);
  std::uint16_t port = kind == Kind::endpoint ? address.port() : 0;
  std::memcpy(bytes.data() + 16, &port, sizeof port);
  bytes[18] = static_cast<char>(kind);
  bytes[19] = static_cast<char>(address.is_v6() ? 6 : address.is_v4() ? 4 : 0);
  std::string_view key(bytes.data(), bytes.size());
  std::string text;
  last.number = -1;
  if (auto known = addresses_.find(key); known != addresses_.end()) {
    last.number = known->second;
  } else {
    text = print_address(address, kind);
    if (const auto* entry = find_text(column, text); entry != nullptr) {
      last.number = entry->second;
      addresses_.emplace(key, last.number);
    }
  }
  last.address = address;
  if (last.number >= 0) {
    bind_number(row, column, last.number);
  } else {
    bind_text(row, column, text, false);
  }
}

template <Kind kind, class T> void Partition::bind(Row& row, std::size_t column, const T& value) {
  if constexpr (kind == Kind::time) {
    // the row id
  } else if constexpr (is_number(kind)) {
    bind_number(row, column, value);
  } else if constexpr (kind == Kind::id) {
    value.write(row.id.data());
    bind_text(row, column, {row.id.data(), row.id.size()}, true);
  } else if constexpr (kind == Kind::text) {
    bind_text(row, column, value, true);
  } else if constexpr (is_address(kind)) {
    bind_address(row, column, kind, value);
  } else {
    bind_dictionary(row, column, value);
  }
}

template <bool common> void Partition::bind_columns(Row& row, const AccessRecord& record) {
#define COLUMN(kind, name, doc, prose)                                                             \
  if constexpr (in_common(Kind::kind) == common) {                                                 \
    bind<Kind::kind>(row, static_cast<std::size_t>(Column::name), record.name);                    \
  }
#include "log/record.def"
#undef COLUMN
}

void Partition::bind(Row& row, const Waiting& waiting) {
  sqlite3_bind_int64(row.statement, row.first, waiting.rowid);
  bind_columns<false>(row, waiting.record);
  bind_number(row, kCommon, waiting.common);
}

std::int64_t Partition::find_common(const RingRecord& record) {
  const Dictionary::value_type*& recent = recent_commons_[spot_of_all(record.common) % kRecent];
  if (recent != nullptr && recent->first == record.common) {
    return recent->second;
  }
  auto found = commons_.find(record.common);
  if (found == commons_.end()) {
    Row& row = common_.rows.front();
    sqlite3_bind_int64(row.statement, row.first, next_common_);
    bind_columns<true>(row, record);
    if (!run(common_)) {
      failed_ = true; // insert() says so
    }
    if (commons_bytes_ + record.common.size() > kCommonBytes) {
      recent_commons_.fill(nullptr);
      commons_.clear();
      commons_bytes_ = 0;
    }
    commons_bytes_ += record.common.size();
    found = commons_.emplace(record.common, next_common_++).first;
  }
  recent = &*found;
  return found->second;
}

Result<void> Partition::run(const Insert& insert) {
  if (failed_) {
    return fail(error());
  }
  return run(insert.statement);
}

Result<void> Partition::insert(std::int64_t rowid, const RingRecord& record) {
  waiting_.push_back({rowid, find_common(record), record});
  if (waiting_.size() < kTogether) {
    return {};
  }
  for (std::size_t i = 0; i < kTogether; ++i) {
    bind(many_.rows[i], waiting_[i]);
  }
  waiting_.clear();
  return run(many_);
}

std::uint64_t Partition::bytes() {
  std::uint64_t pages = 0;
  if (sqlite3_step(page_count_) == SQLITE_ROW) {
    pages = static_cast<std::uint64_t>(sqlite3_column_int64(page_count_, 0));
  }
  sqlite3_reset(page_count_);
  return pages * 8192;
}

bool Partition::in_place() const {
  struct stat st {};
  return ::stat(path_.c_str(), &st) == 0 && st.st_ino == inode_;
}

Result<std::int64_t> last_rowid(const std::string& path) {
  auto db = connect(path);
  if (!db) {
    return fail(db.error());
  }
  return ask_number(db->get(), "SELECT coalesce(max(at), 0) FROM row");
}

Result<void> checkpoint_partition(const std::string& path) {
  auto db = connect(path);
  if (!db) {
    return fail(db.error());
  }
  sqlite3_busy_timeout(db->get(), 0);
  // A connection knows of the WAL only after it has read something.
  if (auto n = ask_number(db->get(), "SELECT count(*) FROM sqlite_schema"); !n) {
    return fail(n.error());
  }
  int rc =
      sqlite3_wal_checkpoint_v2(db->get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
    return fail(error_of(db->get()));
  }
  return {};
}

Result<void> finish_partition(const std::string& path, bool indexes, const std::atomic<bool>& stop,
                              std::string& why) {
  auto db = connect(path);
  if (!db) {
    why = std::strerror(db.error().sys);
    return fail(db.error());
  }
  auto failed = [&] {
    why = sqlite3_errmsg(db->get());
    return fail(error_of(db->get()));
  };
  auto version = ask_number(db->get(), "PRAGMA user_version");
  if (!version) {
    return failed();
  }
  if (indexes && *version != kFinished) {
    // It takes seconds for a million rows: the end of the process does not wait for it.
    sqlite3_progress_handler(
        db->get(), 10'000,
        [](void* flag) { return static_cast<const std::atomic<bool>*>(flag)->load() ? 1 : 0; },
        const_cast<std::atomic<bool>*>(&stop)); // only read
    constexpr const char* kIndexes = "PRAGMA synchronous = NORMAL;"
                                     "BEGIN IMMEDIATE;"
                                     "CREATE INDEX IF NOT EXISTS row_host ON row (host);"
                                     "CREATE INDEX IF NOT EXISTS row_client ON row (client);"
                                     "PRAGMA user_version = 2;"
                                     "COMMIT;";
    int rc = sqlite3_exec(db->get(), kIndexes, nullptr, nullptr, nullptr);
    if (rc != SQLITE_OK && rc != SQLITE_INTERRUPT) {
      return failed();
    }
    sqlite3_progress_handler(db->get(), 0, nullptr, nullptr);
    if (sqlite3_get_autocommit(db->get()) == 0) {
      sqlite3_exec(db->get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
  }
  // One file without a WAL. Somebody who reads it now prevents this; then it stays as it is, and
  // closing the last connection takes the WAL away.
  sqlite3_busy_timeout(db->get(), 0);
  sqlite3_exec(db->get(), "PRAGMA journal_mode = DELETE", nullptr, nullptr, nullptr);
  return {};
}

} // namespace weir::log
