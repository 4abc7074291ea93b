// SPDX-License-Identifier: Apache-2.0
//
// PartitionReader: the rows of one partition between two row ids, in their order.  Reads some
// thousand rows at a time into memory; while the partition may still grow, the read transaction
// ends with each such page. Texts of the dictionary are looked up once each.
//
// Owner: a cursor of the table `access`. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/record.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::log {

/// What a cursor asks of every partition.
struct Scan {
  std::int64_t least = std::numeric_limits<std::int64_t>::min(); // row ids, both included
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  bool descending = false;
  std::uint64_t columns = 0; // bit = Column: which values are needed
  struct Equal {
    Column column; // in_dictionary
    std::string text;
  };
  std::vector<Equal> equal;
};
static_assert(kColumns <= 64);

class PartitionReader {
  struct Private {}; // only open() makes one

public:
  /// `why` gets SQLite's words on failure. not_found: the file is gone, or holds no table yet.
  static Result<std::unique_ptr<PartitionReader>> open(const std::string& path, const Scan& scan,
                                                       std::string& why);
  explicit PartitionReader(Private) {}
  ~PartitionReader();
  PartitionReader(const PartitionReader&) = delete;
  PartitionReader& operator=(const PartitionReader&) = delete;

  /// Goes to the next row. False: there is none.
  Result<bool> next(std::string& why);
  std::int64_t rowid() const { return page_[at_].rowid; }
  /// Of a column that the scan named.
  std::int64_t number(Column column) const { return cell(column).number; }
  std::string_view text(Column column) const;

private:
  struct Row {
    std::int64_t rowid;
    std::size_t first_cell;
  };
  struct Cell {
    std::int64_t number = 0; // or of the dictionary, if is_word; or where in texts_ it begins
    std::uint32_t size = 0;
    bool is_word = false;
  };

  Result<void> prepare(const Scan& scan);
  std::map<std::string, std::string, std::less<>> find_columns();
  std::string query(const Scan& scan);
  void find_words();
  Result<void> fill_page();
  void read_row();
  Result<void> learn_words();
  const Cell& cell(Column column) const {
    return cells_[page_[at_].first_cell + slot_[static_cast<std::size_t>(column)]];
  }
  Error error() const;

  sqlite3* db_ = nullptr;
  sqlite3_stmt* rows_ = nullptr;
  sqlite3_stmt* word_ = nullptr;
  bool growing_ = true; // pages are read in transactions of their own
  bool stepping_ = false;
  bool ended_ = false;
  bool descending_ = false;
  std::int64_t least_ = 0;
  std::int64_t most_ = 0;
  std::vector<Column> wanted_;           // that the partition has; in the order of the query
  std::vector<std::size_t> slot_;        // by Column: which cell of a row; those it lacks: the last
  std::vector<std::string> equal_texts_; // parameters from ?4 on: the number and the text of each
  std::vector<std::int64_t> equal_;      // their numbers in the dictionary, or -1
  std::vector<Row> page_;
  std::vector<Cell> cells_;
  std::string texts_;
  std::vector<std::optional<std::string>> words_;
  std::vector<std::int64_t> new_words_;
  std::size_t at_ = 0;
};

} // namespace weir::log
