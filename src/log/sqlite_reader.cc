// SPDX-License-Identifier: Apache-2.0
#include "log/sqlite_reader.h"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace weir::log {

namespace {

constexpr std::size_t kPage = 2'048;
/// A dictionary larger than this is damaged.
constexpr std::int64_t kMostWords = 1 << 24;

std::string_view column_text(sqlite3_stmt* statement, int at) {
  const void* data = sqlite3_column_blob(statement, at);
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, at));
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), size);
}

} // namespace

Result<std::unique_ptr<PartitionReader>> PartitionReader::open(const std::string& path,
                                                               const Scan& scan, std::string& why) {
  auto reader = std::make_unique<PartitionReader>(Private{});
  int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
  int rc = sqlite3_open_v2(path.c_str(), &reader->db_, flags, nullptr);
  Result<void> ready;
  if (rc == SQLITE_OK) {
    sqlite3_busy_timeout(reader->db_, 5'000);
    ready = reader->prepare(scan);
  } else {
    ready = fail(reader->error());
  }
  if (!ready) {
    if (::access(path.c_str(), F_OK) != 0) {
      return fail(Code::not_found); // retention was faster
    }
    why = fmt::format("{}: {}", path, sqlite3_errmsg(reader->db_));
    return fail(ready.error());
  }
  return reader;
}

PartitionReader::~PartitionReader() {
  sqlite3_finalize(rows_);
  sqlite3_finalize(word_);
  sqlite3_close(db_);
}

Error PartitionReader::error() const {
  int code = sqlite3_errcode(db_) & 0xff;
  bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  return Error{damaged ? Code::corrupt : Code::io, Side::self, Retry::no,
               sqlite3_system_errno(db_)};
}

Result<void> PartitionReader::prepare(const Scan& scan) {
  least_ = scan.least;
  most_ = scan.most;
  descending_ = scan.descending;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db_, "PRAGMA user_version", -1, &statement, nullptr) != SQLITE_OK) {
    return fail(error());
  }
  int rc = sqlite3_step(statement);
  growing_ = rc != SQLITE_ROW || sqlite3_column_int(statement, 0) < 2;
  sqlite3_finalize(statement);
  if (rc != SQLITE_ROW) {
    return fail(error());
  }
  std::string sql = query(scan);
  if (ended_) {
    return {};
  }
  if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &rows_, nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(db_, "SELECT text FROM dict WHERE n = ?1", -1, &word_, nullptr) !=
          SQLITE_OK) {
    return fail(error());
  }
  find_words();
  return {};
}

/// Where each column stands. There may be fewer than in record.def, and in another table than now:
/// it may be an older weir's.
std::map<std::string, std::string, std::less<>> PartitionReader::find_columns() {
  std::map<std::string, std::string, std::less<>> there;
  for (std::string table : {"row", "common"}) {
    sqlite3_stmt* statement = nullptr;
    std::string sql = fmt::format("SELECT name FROM pragma_table_info('{}')", table);
    sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr);
    while (statement != nullptr && sqlite3_step(statement) == SQLITE_ROW) {
      there.emplace(column_text(statement, 0), table);
    }
    sqlite3_finalize(statement);
  }
  return there;
}

std::string PartitionReader::query(const Scan& scan) {
  auto there = find_columns();
  ended_ = there.empty(); // killed before its first row
  bool joined = false;
  auto place = [&](std::string_view name) -> std::string {
    auto found = there.find(name);
    if (found == there.end()) {
      return {};
    }
    joined = joined || found->second == "common";
    return fmt::format("{}.\"{}\"", found->second, name);
  };

  std::string sql = "SELECT at";
  for (std::size_t i = 0; i < kColumns; ++i) {
    if ((scan.columns >> i & 1) == 0) {
      continue;
    }
    if (std::string column = place(kColumnTable[i].name); !column.empty()) {
      wanted_.push_back(static_cast<Column>(i));
      sql += ", " + column;
    }
  }
  slot_.assign(kColumns, wanted_.size()); // the cell behind the row's own: 0 and empty
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    slot_[static_cast<std::size_t>(wanted_[i])] = i;
  }
  std::string where = " WHERE at BETWEEN ?1 AND ?2";
  int parameter = 4;
  for (const Scan::Equal& e : scan.equal) {
    if (std::string column = place(info(e.column).name); !column.empty()) {
      where += fmt::format(" AND {} IN (?{}, ?{})", column, parameter, parameter + 1);
      parameter += 2;
      equal_texts_.push_back(e.text);
    }
  }
  // CROSS: in this order, by row id.
  sql += joined ? " FROM row CROSS JOIN common ON common.n = row.common" : " FROM row";
  return sql + where + (scan.descending ? " ORDER BY at DESC LIMIT ?3" : " ORDER BY at LIMIT ?3");
}

/// The number of each text asked for, in this partition's dictionary; the text itself stands in
/// rows that came after the dictionary was full.
void PartitionReader::find_words() {
  for (const std::string& text : equal_texts_) {
    std::int64_t n = -1;
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(db_, "SELECT n FROM dict WHERE text = ?1", -1, &statement, nullptr);
    sqlite3_bind_text(statement, 1, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW) {
      n = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    equal_.push_back(n);
  }
}

Result<bool> PartitionReader::next(std::string& why) {
  if (at_ + 1 < page_.size()) {
    ++at_;
    return true;
  }
  if (ended_) {
    return false;
  }
  if (auto r = fill_page(); !r) {
    why = fmt::format("{}: {}", sqlite3_db_filename(db_, "main"), sqlite3_errmsg(db_));
    return fail(r.error());
  }
  at_ = 0;
  return !page_.empty();
}

Result<void> PartitionReader::fill_page() {
  if (!page_.empty() && growing_) {
    std::int64_t last = page_.back().rowid;
    (descending_ ? most_ : least_) = descending_ ? last - 1 : last + 1;
  }
  page_.clear();
  cells_.clear();
  texts_.clear();
  if (!stepping_) {
    sqlite3_bind_int64(rows_, 1, least_);
    sqlite3_bind_int64(rows_, 2, most_);
    sqlite3_bind_int64(rows_, 3, growing_ ? static_cast<std::int64_t>(kPage) : -1);
    for (std::size_t i = 0; i < equal_texts_.size(); ++i) {
      // A word that comes into the dictionary later is not found; the row is younger than the
      // query.
      const std::string& text = equal_texts_[i];
      sqlite3_bind_int64(rows_, static_cast<int>(4 + 2 * i), equal_[i]);
      sqlite3_bind_text(rows_, static_cast<int>(5 + 2 * i), text.data(),
                        static_cast<int>(text.size()), SQLITE_STATIC);
    }
    stepping_ = true;
  }
  int rc = SQLITE_ROW;
  while (page_.size() < kPage && (rc = sqlite3_step(rows_)) == SQLITE_ROW) {
    read_row();
  }
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
    sqlite3_reset(rows_);
    return fail(error());
  }
  ended_ = rc == SQLITE_DONE;
  auto learned = learn_words();
  if (growing_ || ended_) {
    sqlite3_reset(rows_);
    stepping_ = false;
  }
  return learned;
}

void PartitionReader::read_row() {
  page_.push_back({sqlite3_column_int64(rows_, 0), cells_.size()});
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    int at = static_cast<int>(i) + 1;
    Kind kind = info(wanted_[i]).kind;
    Cell cell;
    if (is_number(kind)) {
      cell.number = sqlite3_column_int64(rows_, at);
    } else if (in_dictionary(kind) && sqlite3_column_type(rows_, at) == SQLITE_INTEGER) {
      cell.number = sqlite3_column_int64(rows_, at);
      cell.is_word = cell.number >= 0 && cell.number < kMostWords;
      if (cell.is_word) {
        auto n = static_cast<std::size_t>(cell.number);
        if (n >= words_.size()) {
          words_.resize(n + 1);
        }
        if (!words_[n]) {
          words_[n].emplace();
          new_words_.push_back(cell.number);
        }
      }
    } else {
      std::string_view text = column_text(rows_, at);
      cell.number = static_cast<std::int64_t>(texts_.size());
      cell.size = static_cast<std::uint32_t>(text.size());
      texts_ += text;
    }
    cells_.push_back(cell);
  }
  cells_.push_back({});
}

Result<void> PartitionReader::learn_words() {
  for (std::int64_t n : new_words_) {
    sqlite3_bind_int64(word_, 1, n);
    int rc = sqlite3_step(word_);
    if (rc == SQLITE_ROW) {
      words_[static_cast<std::size_t>(n)]->assign(column_text(word_, 0));
    }
    sqlite3_reset(word_);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
      return fail(error());
    }
  }
  new_words_.clear();
  return {};
}

std::string_view PartitionReader::text(Column column) const {
  const Cell& c = cell(column);
  if (c.is_word) {
    return *words_[static_cast<std::size_t>(c.number)];
  }
  return std::string_view(texts_).substr(static_cast<std::size_t>(c.number), c.size);
}

} // namespace weir::log
