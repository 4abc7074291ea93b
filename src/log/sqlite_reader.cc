// SPDX-License-Identifier: Apache-2.0
#include "log/sqlite_reader.h"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace weir::log {

namespace {

constexpr std::size_t kPage = 2'048;
/// A dictionary larger than this is damaged.
constexpr std::int64_t kMostWords = 1 << 24;
/// A row id beyond it is damaged; the sum of two is still a number.
constexpr std::int64_t kMostRowid = std::numeric_limits<std::int64_t>::max() / 2;
/// So many rows of `common` are remembered.
constexpr std::size_t kMostCommons = 16'384;

std::string_view column_text(sqlite3_stmt* statement, int at) {
  const void* data = sqlite3_column_blob(statement, at);
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, at));
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), size);
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Statement make_statement(sqlite3* db, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  sqlite3_prepare_v2(db, sql, -1, &raw, nullptr);
  return Statement(raw); // none: a failure of the database
}

const BlockValue kNothing;
const std::vector<BlockValue> kNoValues;

/// A row of an older weir may have fewer.
const BlockValue& value_at(const std::vector<BlockValue>& values, std::size_t place) {
  return place < values.size() ? values[place] : kNothing;
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
    why = fmt::format("{}: {}", path, reader->words());
    return fail(ready.error());
  }
  return reader;
}

PartitionReader::~PartitionReader() {
  sqlite3_finalize(blocks_);
  sqlite3_finalize(word_);
  sqlite3_finalize(common_);
  sqlite3_close(db_);
}

Error PartitionReader::error() const {
  int code = sqlite3_errcode(db_) & 0xff;
  bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  return Error{damaged ? Code::corrupt : Code::io, Side::self, Retry::no,
               sqlite3_system_errno(db_)};
}

std::string PartitionReader::words() const {
  return trouble_.empty() ? sqlite3_errmsg(db_) : trouble_;
}

Result<void> PartitionReader::damaged(std::string what) {
  trouble_ = std::move(what);
  return fail(Code::corrupt);
}

Result<void> PartitionReader::prepare(const Scan& scan) {
  least_ = scan.least;
  most_ = scan.most;
  descending_ = scan.descending;
  auto version = make_statement(db_, "PRAGMA user_version");
  if (!version || sqlite3_step(version.get()) != SQLITE_ROW) {
    return fail(error());
  }
  growing_ = sqlite3_column_int(version.get(), 0) < 2;
  version.reset();
  if (auto r = find_layout(); !r || ended_) {
    return r;
  }
  choose(scan);
  const std::pair<const char*, sqlite3_stmt**> statements[] = {
      {descending_
           ? "SELECT first, rows FROM block WHERE first BETWEEN ?1 AND ?2 ORDER BY first DESC"
           : "SELECT first, rows FROM block WHERE first BETWEEN ?1 AND ?2 ORDER BY first",
       &blocks_},
      {"SELECT text FROM dict WHERE n = ?1", &word_},
      {"SELECT * FROM common WHERE n = ?1", &common_}};
  for (const auto& [sql, statement] : statements) {
    *statement = make_statement(db_, sql).release();
    if (*statement == nullptr) {
      return fail(error());
    }
  }
  if (auto r = find_words(); !r) {
    return r;
  }
  return find_first_block();
}

/// Which columns there are and where: it may be an older weir's.
Result<void> PartitionReader::find_layout() {
  auto tables =
      make_statement(db_, "SELECT name FROM sqlite_schema WHERE name = 'layout' OR name = 'row'");
  if (!tables) {
    return fail(error());
  }
  int rc = sqlite3_step(tables.get());
  if (rc != SQLITE_ROW) {
    ended_ = rc == SQLITE_DONE; // killed before its first row
    return ended_ ? Result<void>() : fail(error());
  }
  if (column_text(tables.get(), 0) == "row") {
    return damaged("its rows are those of a weir before 0.1.0");
  }
  for (bool in_common : {false, true}) {
    auto columns =
        make_statement(db_, in_common ? "SELECT cid, name FROM pragma_table_info('common')"
                                      : "SELECT n, name FROM layout");
    if (!columns) {
      return fail(error());
    }
    while (sqlite3_step(columns.get()) == SQLITE_ROW) {
      auto place = static_cast<std::size_t>(sqlite3_column_int64(columns.get(), 0));
      std::string_view name = column_text(columns.get(), 1);
      if (auto column = find_column(name); column) {
        layout_.push_back({*column, place, in_common});
      } else if (!in_common && name == "common") {
        common_place_ = place;
      }
    }
  }
  return {};
}

/// Which of them the scan needs.
void PartitionReader::choose(const Scan& scan) {
  slot_.assign(kColumns, 0);
  std::vector<bool> there(kColumns);
  for (const Source& source : layout_) {
    auto column = static_cast<std::size_t>(source.column);
    if ((scan.columns >> column & 1) != 0) {
      slot_[column] = wanted_.size();
      there[column] = true;
      wanted_.push_back(source);
      needs_common_ = needs_common_ || source.in_common;
    }
    for (const Scan::Equal& each : scan.equal) {
      if (each.column == source.column) {
        conditions_.push_back({source, each.text, -1});
        needs_common_ = needs_common_ || source.in_common;
      }
    }
  }
  for (std::size_t i = 0; i < kColumns; ++i) {
    if (!there[i]) {
      slot_[i] = wanted_.size(); // the cell behind the row's own: 0 and empty
    }
  }
}

/// The number of each text asked for, in this partition's dictionary; the text itself stands in
/// rows that came after the dictionary was full.
Result<void> PartitionReader::find_words() {
  auto statement = make_statement(db_, "SELECT n FROM dict WHERE text = ?1");
  if (!statement) {
    return fail(error());
  }
  for (Condition& each : conditions_) {
    sqlite3_bind_text(statement.get(), 1, each.text.data(), static_cast<int>(each.text.size()),
                      SQLITE_STATIC);
    if (sqlite3_step(statement.get()) == SQLITE_ROW) {
      each.number = sqlite3_column_int64(statement.get(), 0);
    }
    sqlite3_reset(statement.get());
  }
  return {};
}

/// The one that holds the least row id may begin before it.
Result<void> PartitionReader::find_first_block() {
  from_ = least_;
  to_ = most_;
  auto statement =
      make_statement(db_, "SELECT first FROM block WHERE first <= ?1 ORDER BY first DESC LIMIT 1");
  if (!statement) {
    return fail(error());
  }
  sqlite3_bind_int64(statement.get(), 1, least_);
  if (sqlite3_step(statement.get()) == SQLITE_ROW) {
    from_ = sqlite3_column_int64(statement.get(), 0);
  }
  return {};
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
    why = fmt::format("{}: {}", sqlite3_db_filename(db_, "main"), words());
    return fail(r.error());
  }
  at_ = 0;
  return !page_.empty();
}

Result<void> PartitionReader::fill_page() {
  page_.clear();
  cells_.clear();
  texts_.clear();
  if (!stepping_) {
    sqlite3_bind_int64(blocks_, 1, from_);
    sqlite3_bind_int64(blocks_, 2, to_);
    stepping_ = true;
  }
  int rc = SQLITE_ROW;
  Result<void> read;
  while (read && page_.size() < kPage && (rc = sqlite3_step(blocks_)) == SQLITE_ROW) {
    std::int64_t first = sqlite3_column_int64(blocks_, 0);
    read = read_block(first, column_text(blocks_, 1));
    if (read) { // so `first` is sound
      (descending_ ? to_ : from_) = descending_ ? first - 1 : first + 1;
    }
  }
  ended_ = rc == SQLITE_DONE;
  if (read && rc != SQLITE_ROW && rc != SQLITE_DONE) {
    read = fail(error());
  }
  if (read) {
    read = learn_words();
  }
  if (!read || growing_ || ended_) {
    sqlite3_reset(blocks_);
    stepping_ = false;
  }
  return read;
}

Result<void> PartitionReader::read_block(std::int64_t first, std::string_view rows) {
  auto sound = [](std::int64_t rowid) { return rowid >= 0 && rowid <= kMostRowid; };
  BlockReader block(rows);
  auto begun = static_cast<std::ptrdiff_t>(page_.size());
  std::vector<BlockValue> values;
  while (sound(first) && block.next(values) && sound(values.front().number)) {
    std::int64_t rowid = first + values.front().number;
    if (rowid >= least_ && rowid <= most_) {
      if (auto r = read_row(rowid, values); !r) {
        return r;
      }
    }
  }
  if (!block.at_end()) {
    return damaged(fmt::format("the block of row {} is damaged", first));
  }
  if (descending_) {
    std::reverse(page_.begin() + begun, page_.end());
  }
  return {};
}

Result<void> PartitionReader::read_row(std::int64_t rowid, const std::vector<BlockValue>& values) {
  const std::vector<BlockValue>* common = &kNoValues;
  if (needs_common_) {
    auto found = find_common(value_at(values, common_place_).number);
    if (!found) {
      return fail(found.error());
    }
    common = &(*found)->values;
  }
  auto value_of = [&](const Source& source) -> const BlockValue& {
    return value_at(source.in_common ? *common : values, source.place);
  };
  for (const Condition& each : conditions_) {
    const BlockValue& value = value_of(each.source);
    if (value.is_number ? value.number != each.number : value.text != each.text) {
      return {};
    }
  }
  page_.push_back({rowid, cells_.size()});
  for (const Source& each : wanted_) {
    add_cell(each.column, value_of(each));
  }
  cells_.push_back({});
  return {};
}

auto PartitionReader::find_common(std::int64_t n) -> Result<const Common*> {
  if (auto known = commons_.find(n); known != commons_.end()) {
    return &known->second;
  }
  if (commons_.size() >= kMostCommons) {
    commons_.clear();
  }
  Common& common = commons_[n];
  sqlite3_bind_int64(common_, 1, n);
  int rc = sqlite3_step(common_);
  int columns = rc == SQLITE_ROW ? sqlite3_column_count(common_) : 0;
  common.texts.reserve(static_cast<std::size_t>(columns));
  for (int i = 0; i < columns; ++i) {
    BlockValue value;
    value.is_number = sqlite3_column_type(common_, i) == SQLITE_INTEGER;
    if (value.is_number) {
      value.number = sqlite3_column_int64(common_, i);
    } else {
      value.text = common.texts.emplace_back(column_text(common_, i));
    }
    common.values.push_back(value);
  }
  sqlite3_reset(common_);
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
    return fail(error());
  }
  return &common;
}

void PartitionReader::add_cell(Column column, const BlockValue& value) {
  Kind kind = info(column).kind;
  Cell cell;
  if (is_number(kind)) {
    cell.number = value.number;
  } else if (in_dictionary(kind) && value.is_number) {
    cell.number = value.number;
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
    cell.number = static_cast<std::int64_t>(texts_.size());
    cell.size = static_cast<std::uint32_t>(value.text.size());
    texts_ += value.text;
  }
  cells_.push_back(cell);
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
