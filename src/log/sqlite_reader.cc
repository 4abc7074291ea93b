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
  sqlite3* db = nullptr;
  int rc = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  reader->db_.reset(db);
  Result<void> ready;
  if (rc == SQLITE_OK) {
    sqlite3_busy_timeout(db, 5'000);
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

Error PartitionReader::error() const {
  int code = sqlite3_errcode(db_.get()) & 0xff;
  bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  return Error{damaged ? Code::corrupt : Code::io, Side::self, Retry::no,
               sqlite3_system_errno(db_.get())};
}

std::string PartitionReader::words() const {
  return trouble_.empty() ? sqlite3_errmsg(db_.get()) : trouble_;
}

Result<void> PartitionReader::prepare(const Scan& scan) {
  least_ = scan.least;
  most_ = scan.most;
  descending_ = scan.descending;
  auto version = make_statement(db_.get(), "PRAGMA user_version");
  if (!version || sqlite3_step(version.get()) != SQLITE_ROW) {
    return fail(error());
  }
  growing_ = sqlite3_column_int(version.get(), 0) < 2;
  version.reset();
  auto layout = find_layout();
  if (!layout) {
    return fail(layout.error());
  }
  ended_ = layout->empty(); // killed before its first row
  if (ended_) {
    return {};
  }
  choose(scan, *layout);
  const std::pair<const char*, Statement*> statements[] = {
      {descending_
           ? "SELECT first, rows FROM block WHERE first BETWEEN ?1 AND ?2 ORDER BY first DESC"
           : "SELECT first, rows FROM block WHERE first BETWEEN ?1 AND ?2 ORDER BY first",
       &blocks_},
      {"SELECT text FROM dict WHERE n = ?1", &word_},
      {"SELECT * FROM common WHERE n = ?1", &common_}};
  for (const auto& [sql, statement] : statements) {
    *statement = make_statement(db_.get(), sql);
    if (!*statement) {
      return fail(error());
    }
  }
  if (auto r = find_words(); !r) {
    return r;
  }
  return find_first_block();
}

/// Which columns there are and where: it may be an older weir's.
auto PartitionReader::find_layout() -> Result<std::vector<Source>> {
  std::vector<Source> layout;
  auto tables = make_statement(
      db_.get(), "SELECT name FROM sqlite_schema WHERE name = 'layout' OR name = 'row'");
  if (!tables) {
    return fail(error());
  }
  int rc = sqlite3_step(tables.get());
  if (rc != SQLITE_ROW) {
    return rc == SQLITE_DONE ? Result<std::vector<Source>>(layout) : fail(error());
  }
  if (column_text(tables.get(), 0) == "row") {
    trouble_ = "its rows are those of a weir before 0.1.0";
    return fail(Code::corrupt);
  }
  for (bool in_common : {false, true}) {
    auto columns =
        make_statement(db_.get(), in_common ? "SELECT cid, name FROM pragma_table_info('common')"
                                            : "SELECT n, name FROM layout");
    if (!columns) {
      return fail(error());
    }
    while (sqlite3_step(columns.get()) == SQLITE_ROW) {
      auto place = static_cast<std::size_t>(sqlite3_column_int64(columns.get(), 0));
      std::string_view name = column_text(columns.get(), 1);
      if (auto column = find_column(name); column) {
        layout.push_back({*column, place, in_common});
      } else if (!in_common && name == "common") {
        common_place_ = place;
      }
    }
  }
  return layout;
}

/// Which of them the scan needs.
void PartitionReader::choose(const Scan& scan, const std::vector<Source>& layout) {
  slot_.assign(kColumns, 0);
  for (const Source& source : layout) {
    auto column = static_cast<std::size_t>(source.column);
    if ((scan.columns >> column & 1) != 0) {
      wanted_.push_back(source);
      slot_[column] = wanted_.size();
      needs_common_ = needs_common_ || source.in_common;
    }
    for (const Scan::Equal& each : scan.equal) {
      if (each.column == source.column) {
        conditions_.push_back({source, each.text, -1});
        needs_common_ = needs_common_ || source.in_common;
      }
    }
  }
}

/// The number of each text asked for, in this partition's dictionary; the text itself stands in
/// rows that came after the dictionary was full.
Result<void> PartitionReader::find_words() {
  auto statement = make_statement(db_.get(), "SELECT n FROM dict WHERE text = ?1");
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
  auto statement = make_statement(
      db_.get(), "SELECT first FROM block WHERE first <= ?1 ORDER BY first DESC LIMIT 1");
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
    why = fmt::format("{}: {}", sqlite3_db_filename(db_.get(), "main"), words());
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
    sqlite3_bind_int64(blocks_.get(), 1, from_);
    sqlite3_bind_int64(blocks_.get(), 2, to_);
    stepping_ = true;
  }
  int rc = SQLITE_ROW;
  Result<void> read;
  while (read && page_.size() < kPage && (rc = sqlite3_step(blocks_.get())) == SQLITE_ROW) {
    std::int64_t first = sqlite3_column_int64(blocks_.get(), 0);
    read = read_block(first, column_text(blocks_.get(), 1));
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
    sqlite3_reset(blocks_.get());
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
    trouble_ = fmt::format("the block of row {} is damaged", first);
    return fail(Code::corrupt);
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
  cells_.push_back({}); // of the columns that there are not
  for (const Source& each : wanted_) {
    add_cell(each.column, value_of(each));
  }
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
  sqlite3_bind_int64(common_.get(), 1, n);
  int rc = sqlite3_step(common_.get());
  int columns = rc == SQLITE_ROW ? sqlite3_column_count(common_.get()) : 0;
  common.texts.reserve(static_cast<std::size_t>(columns));
  for (int i = 0; i < columns; ++i) {
    BlockValue value;
    value.is_number = sqlite3_column_type(common_.get(), i) == SQLITE_INTEGER;
    if (value.is_number) {
      value.number = sqlite3_column_int64(common_.get(), i);
    } else {
      value.text = common.texts.emplace_back(column_text(common_.get(), i));
    }
    common.values.push_back(value);
  }
  sqlite3_reset(common_.get());
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
    sqlite3_bind_int64(word_.get(), 1, n);
    int rc = sqlite3_step(word_.get());
    if (rc == SQLITE_ROW) {
      words_[static_cast<std::size_t>(n)]->assign(column_text(word_.get(), 0));
    }
    sqlite3_reset(word_.get());
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
