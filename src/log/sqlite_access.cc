// SPDX-License-Identifier: Apache-2.0
#include "log/sqlite_access.h"

#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/address.h"
#include "log/filter_parser.h"
#include "log/partition_files.h"
#include "log/sqlite_reader.h"

namespace weir::log {

namespace {

constexpr int kTimeUs = static_cast<int>(kColumns); // the hidden column behind those of record.def
constexpr int kRowid = -1;
constexpr int kDescending = 1; // in idxNum
/// idxStr: the columns used, as 16 hex digits; then two characters for each argument of xFilter:
/// its column and its operator.
constexpr char kColumnBase = 32;
constexpr std::size_t kPlanHead = 16;

struct AccessTable : sqlite3_vtab {
  AccessLog* log = nullptr;
};

struct AccessCursor : sqlite3_vtab_cursor {
  AccessLog* log = nullptr;
  Scan scan;
  std::vector<PartitionFile> partitions;
  std::size_t next_partition = 0;
  std::unique_ptr<PartitionReader> reader; // none: at the end
};

AccessCursor& cursor_of(sqlite3_vtab_cursor* c) { return *static_cast<AccessCursor*>(c); }

int connect(sqlite3* db, void* log, int, const char* const*, sqlite3_vtab** out, char** why) {
  std::string sql = "CREATE TABLE access (";
  for (const ColumnInfo& c : kColumnTable) {
    bool number = is_number(c.kind) && c.kind != Kind::time;
    sql += fmt::format("\"{}\" {}, ", c.name, number ? "INTEGER" : "TEXT");
  }
  sql += "time_us INTEGER HIDDEN)";
  int rc = sqlite3_declare_vtab(db, sql.c_str());
  if (rc != SQLITE_OK) {
    *why = sqlite3_mprintf("%s", sqlite3_errmsg(db));
    return rc;
  }
  auto table = std::make_unique<AccessTable>();
  table->log = static_cast<AccessLog*>(log);
  *out = table.release();
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  std::unique_ptr<AccessTable> owned(static_cast<AccessTable*>(table));
  return SQLITE_OK;
}

bool is_time(int column) {
  return column == kRowid || column == kTimeUs || column == static_cast<int>(Column::time);
}

bool is_word(int column) {
  return column >= 0 && column < kTimeUs &&
         in_dictionary(kColumnTable[static_cast<std::size_t>(column)].kind);
}

/// The operator as a character of idxStr; 0: not one that is pushed down.
char operator_of(unsigned char op) {
  switch (op) {
  case SQLITE_INDEX_CONSTRAINT_EQ:
    return '=';
  case SQLITE_INDEX_CONSTRAINT_GT:
  case SQLITE_INDEX_CONSTRAINT_GE:
    return '>';
  case SQLITE_INDEX_CONSTRAINT_LT:
  case SQLITE_INDEX_CONSTRAINT_LE:
    return '<';
  default:
    return 0;
  }
}

/// SQLite checks every constraint again itself (omit stays 0): pushing down may only leave out rows
/// that cannot match.
int best_index(sqlite3_vtab*, sqlite3_index_info* index) {
  std::string plan = fmt::format("{:016x}", index->colUsed);
  double cost = 1e9;
  for (int i = 0; i < index->nConstraint; ++i) {
    const auto& constraint = index->aConstraint[i];
    char op = operator_of(constraint.op);
    bool time = is_time(constraint.iColumn);
    bool word = is_word(constraint.iColumn) && op == '=' &&
                std::strcmp(sqlite3_vtab_collation(index, i), "BINARY") == 0;
    if (constraint.usable == 0 || op == 0 || (!time && !word)) {
      continue;
    }
    plan.push_back(static_cast<char>(kColumnBase + 1 + constraint.iColumn));
    plan.push_back(op);
    index->aConstraintUsage[i].argvIndex = static_cast<int>((plan.size() - kPlanHead) / 2);
    cost /= op == '=' ? (time ? 1e6 : 20) : 10;
  }
  index->estimatedCost = std::max(1.0, cost);
  index->estimatedRows = static_cast<sqlite3_int64>(index->estimatedCost / 10) + 1;
  index->idxNum = 0;
  if (index->nOrderBy == 1 && is_time(index->aOrderBy[0].iColumn)) {
    index->orderByConsumed = 1;
    index->idxNum = index->aOrderBy[0].desc != 0 ? kDescending : 0;
  }
  index->idxStr = sqlite3_mprintf("%s", plan.c_str());
  index->needToFreeIdxStr = 1;
  return index->idxStr == nullptr ? SQLITE_NOMEM : SQLITE_OK;
}

int open_cursor(sqlite3_vtab* table, sqlite3_vtab_cursor** out) {
  auto cursor = std::make_unique<AccessCursor>();
  cursor->log = static_cast<AccessTable*>(table)->log;
  *out = cursor.release();
  return SQLITE_OK;
}

int close_cursor(sqlite3_vtab_cursor* c) {
  std::unique_ptr<AccessCursor> owned(static_cast<AccessCursor*>(c));
  return SQLITE_OK;
}

int give_up(AccessCursor& cursor, const std::string& why) {
  cursor.log->why = why;
  cursor.reader.reset();
  sqlite3_free(cursor.pVtab->zErrMsg);
  cursor.pVtab->zErrMsg = sqlite3_mprintf("%s", why.c_str());
  return SQLITE_IOERR;
}

/// Narrows the scan by one argument, if the value is of a kind that says something.
void narrow(Scan& scan, int column, char op, sqlite3_value* value) {
  int type = sqlite3_value_type(value);
  auto text = [value] {
    const void* data = sqlite3_value_blob(value);
    auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
    return data == nullptr ? std::string_view()
                           : std::string_view(static_cast<const char*>(data), size);
  };
  if (is_word(column)) {
    if (type == SQLITE_TEXT) {
      scan.equal.push_back({static_cast<Column>(column), std::string(text())});
    }
    return;
  }
  std::int64_t least = 0;
  std::int64_t most = 0;
  constexpr std::int64_t kMostTime = std::numeric_limits<std::int64_t>::max() >> kRowidShift;
  if (column == static_cast<int>(Column::time)) {
    // A text that is a beginning of a time: what stands before it in the order of texts was before.
    auto us = type == SQLITE_TEXT ? parse_time(text()) : std::nullopt;
    if (!us || *us > kMostTime) {
      return;
    }
    least = first_rowid_at(*us);
    most = last_rowid_at(*us);
  } else if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
    std::int64_t floor = sqlite3_value_int64(value);
    std::int64_t ceiling = floor;
    if (type == SQLITE_FLOAT) {
      double number = sqlite3_value_double(value);
      if (std::abs(number) > 9e18) {
        return;
      }
      floor = static_cast<std::int64_t>(std::floor(number));
      ceiling = static_cast<std::int64_t>(std::ceil(number));
    }
    if (column == kTimeUs) {
      least = first_rowid_at(std::clamp(floor, -kMostTime, kMostTime));
      most = last_rowid_at(std::clamp(ceiling, -kMostTime, kMostTime));
    } else {
      least = floor;
      most = ceiling;
    }
  } else {
    return;
  }
  if (op != '<') {
    scan.least = std::max(scan.least, least);
  }
  if (op != '>') {
    scan.most = std::min(scan.most, most);
  }
}

/// Row ids only grow: those of a partition lie before the first of the next.
bool touches(const AccessCursor& cursor, std::size_t i) {
  const auto& all = cursor.partitions;
  bool before = first_rowid_at(all[i].start_us) > cursor.scan.most;
  bool after = i + 1 < all.size() && first_rowid_at(all[i + 1].start_us) <= cursor.scan.least;
  return !before && !after;
}

int next(sqlite3_vtab_cursor* c) {
  AccessCursor& cursor = cursor_of(c);
  std::string why;
  for (;;) {
    if (cursor.reader) {
      auto more = cursor.reader->next(why);
      if (!more) {
        return give_up(cursor, why);
      }
      if (*more) {
        ++cursor.log->stats.rows;
        return SQLITE_OK;
      }
      cursor.reader.reset();
    }
    if (cursor.next_partition == cursor.partitions.size()) {
      return SQLITE_OK;
    }
    std::size_t i = cursor.next_partition++;
    if (cursor.scan.descending) {
      i = cursor.partitions.size() - 1 - i;
    }
    if (!touches(cursor, i)) {
      continue;
    }
    auto reader = PartitionReader::open(cursor.partitions[i].path, cursor.scan, why);
    if (reader) {
      ++cursor.log->stats.partitions;
      cursor.reader = std::move(*reader);
    } else if (reader.error().code != Code::not_found) {
      return give_up(cursor, why);
    }
  }
}

int filter(sqlite3_vtab_cursor* c, int number, const char* plan, int argc, sqlite3_value** argv) {
  AccessCursor& cursor = cursor_of(c);
  cursor.scan = Scan{};
  cursor.scan.descending = (number & kDescending) != 0;
  std::from_chars(plan, plan + kPlanHead, cursor.scan.columns, 16);
  plan += kPlanHead;
  for (int i = 0; i < argc; ++i) {
    narrow(cursor.scan, plan[2 * i] - kColumnBase - 1, plan[2 * i + 1], argv[i]);
  }
  cursor.reader.reset();
  cursor.next_partition = 0;
  auto partitions = list_partitions(cursor.log->directory);
  if (!partitions) {
    return give_up(cursor, fmt::format("{}: {}", cursor.log->directory,
                                       std::strerror(partitions.error().sys)));
  }
  cursor.partitions = std::move(*partitions);
  return next(c);
}

int at_end(sqlite3_vtab_cursor* c) { return cursor_of(c).reader ? 0 : 1; }

int rowid(sqlite3_vtab_cursor* c, sqlite3_int64* out) {
  *out = cursor_of(c).reader->rowid();
  return SQLITE_OK;
}

int column(sqlite3_vtab_cursor* c, sqlite3_context* out, int i) {
  const PartitionReader& reader = *cursor_of(c).reader;
  if (i == kTimeUs) {
    sqlite3_result_int64(out, time_of_rowid(reader.rowid()));
    return SQLITE_OK;
  }
  auto which = static_cast<Column>(i);
  Kind kind = info(which).kind;
  std::string time;
  std::string_view text;
  if (kind == Kind::time) {
    append_time(time_of_rowid(reader.rowid()), ' ', time);
    text = time;
  } else if (is_number(kind)) {
    sqlite3_result_int64(out, reader.number(which));
    return SQLITE_OK;
  } else {
    text = reader.text(which);
  }
  sqlite3_result_text(out, text.empty() ? "" : text.data(), static_cast<int>(text.size()),
                      SQLITE_TRANSIENT);
  return SQLITE_OK;
}

/// ip_in('10.1.2.3', '10.0.0.0/8'): 1 or 0; an address may have a port.
void ip_in(sqlite3_context* out, int, sqlite3_value** argv) {
  auto text = [](sqlite3_value* value) {
    const void* data = sqlite3_value_text(value);
    auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
    return data == nullptr ? std::string_view()
                           : std::string_view(static_cast<const char*>(data), size);
  };
  auto prefix = Prefix::parse(text(argv[1]));
  if (!prefix) {
    sqlite3_result_error(out, "ip_in: the second argument is an address block: 10.0.0.0/8", -1);
    return;
  }
  auto address = Address::parse(text(argv[0]));
  if (!address) {
    address = Address::parse_with_port(text(argv[0]));
  }
  sqlite3_result_int(out, address && prefix->contains(*address) ? 1 : 0);
}

sqlite3_module make_module() {
  sqlite3_module m{};
  m.iVersion = 0;
  m.xCreate = nullptr; // eponymous only: nobody can create another
  m.xConnect = connect;
  m.xBestIndex = best_index;
  m.xDisconnect = disconnect;
  m.xOpen = open_cursor;
  m.xClose = close_cursor;
  m.xFilter = filter;
  m.xNext = next;
  m.xEof = at_end;
  m.xColumn = column;
  m.xRowid = rowid;
  return m;
}

const sqlite3_module kModule = make_module();

} // namespace

int register_access(sqlite3* db, AccessLog& log) {
  int rc = sqlite3_create_module_v2(db, "access", &kModule, &log, nullptr);
  if (rc != SQLITE_OK) {
    return rc;
  }
  return sqlite3_create_function_v2(db, "ip_in", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
                                    ip_in, nullptr, nullptr, nullptr);
}

} // namespace weir::log
