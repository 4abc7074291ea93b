// SPDX-License-Identifier: Apache-2.0
//
// PartitionReader: the rows of one partition between two row ids, in their order.  Takes its blocks
// apart, some thousand rows at a time; while the partition may still grow, the read transaction
// ends with each such page. Texts of the dictionary and rows of `common` are looked up once each.
//
// Owner: a cursor of the table `access`. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "log/block.h"
#include "log/record.h"
#include "log/sqlite_handles.h"

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
    std::int64_t number = 0; // or of the dictionary, if is_word; or where its text begins
    std::uint32_t size = 0;
    bool is_word = false;
  };
  /// Where the value of a column stands in a row, of the block or of `common`.
  struct Source {
    Column column;
    std::size_t place;
    bool in_common;
  };
  /// What a row must have: the number of the text in this dictionary, or the text itself.
  struct Condition {
    Source source;
    std::string text;
    std::int64_t number;
  };
  /// A row of `common`, its values as a block has them.
  struct Common {
    std::vector<BlockValue> values; // by place
    std::vector<std::string> texts; // what they point to
  };

  Result<void> prepare(const Scan& scan);
  Result<std::vector<Source>> find_layout();
  void choose(const Scan& scan, const std::vector<Source>& layout);
  Result<void> find_first_block();
  Result<void> find_words();
  Result<void> fill_page();
  Result<void> read_block(std::int64_t first, std::string_view rows);
  Result<void> read_row(std::int64_t rowid, const std::vector<BlockValue>& values);
  Result<const Common*> find_common(std::int64_t n);
  void add_cell(Column column, const BlockValue& value);
  Result<void> learn_words();
  const Cell& cell(Column column) const {
    return cells_[page_[at_].first_cell + slot_[static_cast<std::size_t>(column)]];
  }
  Error error() const;
  /// Of the last failure.
  std::string words() const;

  Connection db_;
  Statement blocks_;
  Statement word_;
  Statement common_;
  bool growing_ = true; // pages are read in transactions of their own
  bool stepping_ = false;
  bool ended_ = false;
  bool descending_ = false;
  std::int64_t least_ = 0;
  std::int64_t most_ = 0;
  std::int64_t from_ = 0; // the blocks that are left begin between these
  std::int64_t to_ = 0;
  std::size_t common_place_ = 0; // in a row, of the number of its row of `common`
  std::vector<Source> wanted_;   // that the scan asks for, in the order of their cells
  std::vector<std::size_t>
      slot_; // by Column: which cell of a row; 0, of those it lacks: an empty one
  std::vector<Condition> conditions_;
  bool needs_common_ = false;
  std::string trouble_; // what SQLite does not know of
  std::unordered_map<std::int64_t, Common> commons_;
  std::vector<Row> page_;
  std::vector<Cell> cells_;
  std::string texts_;
  std::vector<std::optional<std::string>> words_;
  std::vector<std::int64_t> new_words_;
  std::size_t at_ = 0;
};

} // namespace weir::log
