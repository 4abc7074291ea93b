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

#include "log/sqlite_handles.h"

namespace weir::log {

namespace {

// user_version: 1 gets rows, 2 is finished.
constexpr int kFinished = 2;

constexpr const char* kSettings = "PRAGMA page_size = 8192;"
                                  "PRAGMA journal_mode = WAL;"
                                  "PRAGMA synchronous = NORMAL;"
                                  "PRAGMA wal_autocheckpoint = 0;"
                                  "PRAGMA journal_size_limit = 67108864;"
                                  "PRAGMA cache_size = -4096;"
                                  "PRAGMA user_version = 1;";

std::string_view sql_type(Kind kind) {
  if (in_dictionary(kind)) {
    return ""; // a number or a text: no affinity may change one into the other
  }
  return is_number(kind) ? " INTEGER" : " TEXT";
}

/// Where each column stands: at its place in a row of a block, of which the first is the time and
/// the one behind all columns the number of the row of `common`; or in that row behind its number.
struct Layout {
  std::size_t row = 1;
  std::size_t common = 1;
  std::array<int, kColumns> place{};
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
  return layout;
}();

/// A column of the view: the text behind a number of the dictionary.
std::string view_column(std::size_t column) {
  const ColumnInfo& c = kColumnTable[column];
  if (c.kind == Kind::time) {
    return "strftime('%Y-%m-%d %H:%M:%S', (at >> 10) / 1000000, 'unixepoch') || "
           "printf('.%06d', (at >> 10) % 1000000) AS time";
  }
  std::string value = in_common(c.kind)
                          ? fmt::format("common.\"{}\"", c.name)
                          : fmt::format("json_extract(row, '$[{}]')", kLayout.place[column]);
  if (in_dictionary(c.kind)) {
    value = fmt::format("CASE typeof({0}) WHEN 'integer' THEN (SELECT text FROM dict "
                        "WHERE dict.n = {0}) ELSE {0} END",
                        value);
  }
  return fmt::format("{} AS \"{}\"", value, c.name);
}

std::string schema() {
  std::string common = "CREATE TABLE common (n INTEGER PRIMARY KEY";
  std::string layout = "INSERT INTO layout VALUES (0, 'at')";
  std::string view = "CREATE VIEW access AS SELECT ";
  for (std::size_t i = 0; i < kColumns; ++i) {
    const ColumnInfo& c = kColumnTable[i];
    if (in_common(c.kind)) {
      common += fmt::format(", \"{}\"{}", c.name, sql_type(c.kind));
    } else if (c.kind != Kind::time) {
      layout += fmt::format(", ({}, '{}')", kLayout.place[i], c.name);
    }
    view += view_column(i) + ", ";
  }
  return fmt::format(
      "CREATE TABLE block (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, rows TEXT NOT NULL);"
      "{});"
      "CREATE TABLE layout (n INTEGER PRIMARY KEY, name TEXT NOT NULL);"
      "{}, ({}, 'common');"
      "CREATE TABLE dict (n INTEGER PRIMARY KEY, text TEXT NOT NULL);"
      "INSERT INTO dict VALUES (0, '');"
      "{}at >> 10 AS time_us, at FROM "
      "(SELECT first + json_extract(each.value, '$[0]') AS at, each.value AS row "
      "FROM block, json_each(block.rows) AS each) "
      "JOIN common ON common.n = json_extract(row, '$[{}]');",
      common, layout, kLayout.row, view, kLayout.row);
}

std::string insert_sql(std::string_view table, std::size_t columns) {
  std::string sql = fmt::format("INSERT INTO {} VALUES (?", table);
  for (std::size_t i = 2; i <= columns; ++i) {
    sql += ",?";
  }
  return sql + ")";
}

/// A block with more does not fit into a page with another row.
constexpr std::size_t kBlockBytes = 7'900;

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
  Statement statement = make_statement(db, sql);
  if (!statement || sqlite3_step(statement.get()) != SQLITE_ROW) {
    return fail(error_of(db));
  }
  return sqlite3_column_int64(statement.get(), 0);
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
      {insert_sql("block", 3), &insert_block_},
      {insert_sql("common", kLayout.common), &insert_common_},
      {"INSERT INTO dict VALUES (?1, ?2)", &insert_dict_},
      {"PRAGMA page_count", &page_count_}};
  for (const auto& [sql, statement] : statements) {
    if (sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, statement, nullptr) !=
        SQLITE_OK) {
      return fail(error());
    }
  }
  return {};
}

Partition::~Partition() {
  sqlite3_finalize(insert_block_);
  sqlite3_finalize(insert_common_);
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
  block_.clear();
  return run("BEGIN");
}

Result<void> Partition::commit() {
  if (!block_.empty()) {
    if (auto r = write_block(); !r) {
      return r;
    }
  }
  return run("COMMIT");
}

Result<void> Partition::write_block() {
  if (failed_) {
    return fail(error());
  }
  std::string_view rows = block_.finish();
  sqlite3_bind_int64(insert_block_, 1, first_);
  sqlite3_bind_int64(insert_block_, 2, last_row_);
  sqlite3_bind_text(insert_block_, 3, rows.data(), static_cast<int>(rows.size()), SQLITE_STATIC);
  auto written = run(insert_block_);
  block_.clear();
  return written;
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
      failed_ = true; // write_block() says so
    }
  }
  recent = &*found;
  return recent;
}

auto Partition::store_text(std::size_t column, std::string_view text) -> BlockValue {
  Last& last = last_[column];
  if (last.entry == nullptr || last.entry->first != text) {
    last.entry = find_text(column, text);
  }
  return last.entry != nullptr ? BlockValue{true, last.entry->second, {}}
                               : BlockValue{false, 0, text};
}

auto Partition::store_address(std::size_t column, Kind kind, const Address& address) -> BlockValue {
  Last& last = last_[column];
  if (last.number >= 0 && last.address == address) {
    return {true, last.number, {}};
  }
  // Printing costs more than all the rest: first by its bytes, with what decides how it is printed.
  std::array<char, 20> bytes{};
  std::memcpy(bytes.data(), address.bytes().data(), 16);
  std::uint16_t port = kind == Kind::endpoint ? address.port() : 0;
  std::memcpy(bytes.data() + 16, &port, sizeof port);
  bytes[18] = static_cast<char>(kind);
  bytes[19] = static_cast<char>(address.is_v6() ? 6 : address.is_v4() ? 4 : 0);
  std::string_view key(bytes.data(), bytes.size());
  last.number = -1;
  if (auto known = addresses_.find(key); known != addresses_.end()) {
    last.number = known->second;
  } else {
    address_ = print_address(address, kind);
    if (const auto* entry = find_text(column, address_); entry != nullptr) {
      last.number = entry->second;
      addresses_.emplace(key, last.number);
    }
  }
  last.address = address;
  return last.number >= 0 ? BlockValue{true, last.number, {}} : BlockValue{false, 0, address_};
}

template <Kind kind, class T>
auto Partition::store(std::size_t column, const T& value) -> BlockValue {
  if constexpr (is_number(kind)) {
    return {true, value, {}};
  } else if constexpr (kind == Kind::id) {
    value.write(id_.data());
    return {false, 0, {id_.data(), id_.size()}};
  } else if constexpr (kind == Kind::text) {
    return {false, 0, value};
  } else if constexpr (is_address(kind)) {
    return store_address(column, kind, value);
  } else {
    return store_text(column, value);
  }
}

/// Hands sink(place, BlockValue) what is in common, or what is not.
template <bool common, class Sink>
void Partition::store_columns(const AccessRecord& record, Sink&& sink) {
#define COLUMN(kind, name, doc, prose)                                                             \
  if constexpr (Kind::kind != Kind::time && in_common(Kind::kind) == common) {                     \
    constexpr auto column = static_cast<std::size_t>(Column::name);                                \
    sink(kLayout.place[column], store<Kind::kind>(column, record.name));                           \
  }
#include "log/record.def"
#undef COLUMN
}

std::int64_t Partition::find_common(const RingRecord& record) {
  const Dictionary::value_type*& recent = recent_commons_[spot_of_all(record.common) % kRecent];
  if (recent != nullptr && recent->first == record.common) {
    return recent->second;
  }
  auto found = commons_.find(record.common);
  if (found == commons_.end()) {
    sqlite3_bind_int64(insert_common_, 1, next_common_);
    store_columns<true>(record, [this](int place, const BlockValue& value) {
      if (value.is_number) {
        sqlite3_bind_int64(insert_common_, place + 1, value.number);
      } else {
        sqlite3_bind_text(insert_common_, place + 1, value.text.empty() ? "" : value.text.data(),
                          static_cast<int>(value.text.size()), SQLITE_STATIC);
      }
    });
    if (!run(insert_common_)) {
      failed_ = true; // write_block() says so
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

Result<void> Partition::insert(std::int64_t rowid, const RingRecord& record) {
  if (block_.empty()) {
    first_ = rowid;
  }
  last_row_ = rowid;
  std::int64_t common = find_common(record);
  block_.begin_row();
  block_.number(rowid - first_);
  store_columns<false>(record, [this](int, const BlockValue& value) { block_.value(value); });
  block_.number(common);
  block_.end_row();
  return block_.bytes() < kBlockBytes ? Result<void>() : write_block();
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
  return ask_number(db->get(),
                    "SELECT coalesce((SELECT last FROM block ORDER BY first DESC LIMIT 1), 0)");
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

Result<void> finish_partition(const std::string& path, std::string& why) {
  auto db = connect(path);
  if (!db) {
    why = std::strerror(db.error().sys);
    return fail(db.error());
  }
  auto version = ask_number(db->get(), "PRAGMA user_version");
  if (!version ||
      (*version != kFinished &&
       sqlite3_exec(db->get(), fmt::format("PRAGMA user_version = {}", kFinished).c_str(), nullptr,
                    nullptr, nullptr) != SQLITE_OK)) {
    why = sqlite3_errmsg(db->get());
    return fail(error_of(db->get()));
  }
  // One file without a WAL. Somebody who reads it now prevents this; then it stays as it is, and
  // closing the last connection takes the WAL away.
  sqlite3_busy_timeout(db->get(), 0);
  sqlite3_exec(db->get(), "PRAGMA journal_mode = DELETE", nullptr, nullptr, nullptr);
  return {};
}

} // namespace weir::log
