// SPDX-License-Identifier: Apache-2.0
//
// Partition: one SQLite file of the access log while rows are written to it.  Self-contained: any
// SQLite tool can open it meanwhile and read the view `access`.
//
//   block   first -> rows, up to a page full of them, as one text (block.h): of each row what it is
//           behind `first`, the columns of record.def but those in common, and the number of those.
//           first: row id (unix µs << 10 | sequence) of the first row; last: of the last
//   layout  n -> the name of what stands at place n of a row in `rows`
//   common  n -> the columns of kinds word and integer: many rows have all of them the same
//   dict    n -> text; columns of kinds dict, word, ip and endpoint hold n, or, once a column has
//           put its share into the dictionary, the text itself
//
// What SQLite does for each row of a table costs several times what all else does: hence the
// blocks.
//
// WAL, synchronous=NORMAL, 8 KiB pages, no automatic checkpoint: see PartitionKeeper. Owner and
// thread: SqliteWriter. After an error it is only closed: the rows since begin() are lost, and its
// picture of the dictionary may be wrong.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "log/block.h"
#include "log/record.h"
#include "log/ring.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::log {

/// Keyed by chance: whoever is outside chooses the texts.
struct BytesHash {
  using is_transparent = void;
  HashKey key;
  BytesHash() : key(HashKey::random()) {}
  std::size_t operator()(std::string_view s) const noexcept { return siphash64(key, s); }
};

class Partition {
  struct Private {}; // only create() makes one

public:
  /// Whoever is outside chooses hosts and user agents: a column stops adding to the dictionary
  /// after so many, and longer texts never go there.
  static constexpr std::size_t kDictionaryCap = 32'768;
  static constexpr std::size_t kLongestInDictionary = 256;
  /// The same of what rows have in common: with so many bytes of it in memory it begins anew.
  static constexpr std::size_t kCommonBytes = std::size_t{8} << 20;

  /// A new file; one that exists is an error. `why` gets SQLite's words.
  static Result<std::unique_ptr<Partition>> create(const std::string& path,
                                                   std::size_t dictionary_cap, std::string& why);
  explicit Partition(Private) {}
  ~Partition();
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  Result<void> begin();
  /// Rows go in many at a time: a failure may be told by a later call.
  Result<void> insert(std::int64_t rowid, const RingRecord& record);
  Result<void> commit();

  const std::string& path() const noexcept { return path_; }
  /// What its last operation failed with, in SQLite's words.
  std::string last_error() const;
  /// Size of the database, what still stands in the WAL included.
  std::uint64_t bytes();
  /// Whether the file is still there under its name.
  bool in_place() const;
  /// Frames in the WAL after the last commit.
  std::size_t wal_pages() const noexcept { return wal_pages_; }

private:
  using Dictionary = std::unordered_map<std::string, std::int64_t, BytesHash, std::equal_to<>>;

  Result<void> prepare();
  Result<void> run(const char* sql);
  Result<void> run(sqlite3_stmt* statement);
  Error error() const;
  /// A text of the dictionary, added if there is room; nullptr: it stands in the row itself.
  const Dictionary::value_type* find_text(std::size_t column, std::string_view text);
  /// The row of `common` with these values, added if they are new. An error is told by
  /// write_block().
  std::int64_t find_common(const RingRecord& record);
  template <bool common, class Sink> void store_columns(const AccessRecord& record, Sink&& sink);
  template <Kind kind, class T> BlockValue store(std::size_t column, const T& value);
  BlockValue store_text(std::size_t column, std::string_view text);
  BlockValue store_address(std::size_t column, Kind kind, const Address& address);
  Result<void> write_block();

  std::string path_;
  std::uint64_t inode_ = 0;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_block_ = nullptr;
  sqlite3_stmt* insert_common_ = nullptr;
  sqlite3_stmt* insert_dict_ = nullptr;
  sqlite3_stmt* page_count_ = nullptr;
  std::size_t dictionary_cap_ = 0;
  bool failed_ = false; // to add to the dictionary or to `common`
  BlockWriter block_;
  std::int64_t first_ = 0; // row ids of what is in block_
  std::int64_t last_row_ = 0;
  std::array<char, RequestId::kSize> id_{}; // what a BlockValue points to, until the next one
  std::string address_;                     // the same
  Dictionary dictionary_;
  // Texts seen lately by a column, so that few are hashed. Entries of dictionary_ stay in place.
  static constexpr std::size_t kRecent = 512;
  std::array<std::array<const Dictionary::value_type*, kRecent>, kColumns> recent_{};
  Dictionary addresses_; // bytes of addresses that the dictionary has, so that few are printed
  std::array<std::size_t, kColumns> share_{}; // texts that a column has put into the dictionary
  Dictionary commons_;                        // RingRecord::common -> n
  std::size_t commons_bytes_ = 0;
  std::int64_t next_common_ = 1;
  std::array<const Dictionary::value_type*, kRecent> recent_commons_{}; // seen lately

  // What the row before had, so that what repeats is not looked for again.
  struct Last {
    const Dictionary::value_type* entry = nullptr; // kinds dict and word
    Address address;                               // kinds of addresses
    std::int64_t number = -1;                      // of the address; negative: none
  };
  std::array<Last, kColumns> last_;
  std::size_t wal_pages_ = 0;
};

/// The greatest row id in a partition; 0 if there is none.
Result<std::int64_t> last_rowid(const std::string& path);
/// Copies what it can from the WAL into the file, without disturbing anybody.
Result<void> checkpoint_partition(const std::string& path);
/// For a partition that gets no more rows: makes it one single file without WAL. Nothing to do if
/// that was done before. `why` gets SQLite's words.
Result<void> finish_partition(const std::string& path, std::string& why);

} // namespace weir::log
