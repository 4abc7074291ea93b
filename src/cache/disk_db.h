// SPDX-License-Identifier: Apache-2.0
//
// DiskDb: what the disk tier needs of a database: rows in four ordered families, batches, ranges
// that are dropped whole. RocksDB (disk_rocks.cc), or memory (disk_memory_db.cc: tests, and thread
// sanitizers, which do not see into RocksDB).
//
// Owner: DiskTier. write, flush, drop, merge: the storage thread only. get, get_cached, scan: any
// thread. Slices that get() gave must die before the DiskDb.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/chunk.h"
#include "base/result.h"

namespace weir::cache {

enum class Family : std::uint8_t {
  meta,  // records of keys and variants, found by hash
  body,  // chunks in the order they were written
  dir,   // what a segment holds
  index, // what carries a tag or belongs to a host
};
constexpr std::size_t kFamilies = 4;

/// Rows to write together.
class DiskBatch {
public:
  struct Row {
    Family family;
    bool erase;
    std::string key;
    std::string value;       // the value is this ...
    std::vector<Slice> tail; // ... and these
  };
  void put(Family family, std::string key, std::string value, std::vector<Slice> tail = {}) {
    bytes_ += key.size() + value.size();
    for (const Slice& slice : tail) {
      bytes_ += slice.size;
    }
    rows_.push_back({family, false, std::move(key), std::move(value), std::move(tail)});
  }
  void erase(Family family, std::string key) {
    bytes_ += key.size();
    rows_.push_back({family, true, std::move(key), {}, {}});
  }
  const std::vector<Row>& rows() const noexcept { return rows_; }
  bool empty() const noexcept { return rows_.empty(); }
  std::uint64_t bytes() const noexcept { return bytes_; }

private:
  std::vector<Row> rows_;
  std::uint64_t bytes_ = 0;
};

/// Says which rows may go when files are rewritten. Any thread.
class RowJudge {
public:
  virtual ~RowJudge() = default;
  virtual bool dead(Family family, std::string_view key, std::string_view value) const noexcept = 0;
};

/// The answer of a look that does no I/O.
enum class Probe : std::uint8_t {
  no,    // certainly not there
  here,  // there, and read
  maybe, // only a read can tell
};

struct DiskSpace {
  std::uint64_t total = 0;      // bytes of all files with rows
  std::uint64_t records = 0;    // of these: meta, dir and index
  std::uint64_t body_files = 0; // how many files hold bodies
};

class DiskDb {
public:
  using Visitor = std::function<bool(std::string_view key, std::string_view value)>;

  virtual ~DiskDb() = default;

  /// All rows or none; visible at once, durable after flush().
  virtual Result<void> write(const DiskBatch& batch) = 0;
  virtual Result<void> flush() = 0;
  /// After a failure: writes again what was not written. Fails while the cause is there, and always
  /// where the system refused more than room.
  virtual Result<void> resume() = 0;
  /// Code::not_found, Code::corrupt (the bytes are damaged), Code::io.
  virtual Result<Slice> get(Family family, std::string_view key) = 0;
  virtual Probe get_cached(Family family, std::string_view key, std::string& value) = 0;
  /// Rows of [from, to) in order until the visitor says false; an empty `to`: to the end.
  virtual Result<void> scan(Family family, std::string_view from, std::string_view to,
                            const Visitor& visitor) = 0;
  /// Code::not_found: the family is empty.
  virtual Result<std::string> last_key(Family family) = 0;

  /// Takes away the files that lie wholly in [from, to): at once, without writing.
  virtual Result<void> drop(Family family, std::string_view from, std::string_view to) = 0;
  /// Rewrites the files of [from, to) as few (both empty: all).
  virtual Result<void> merge(Family family, std::string_view from, std::string_view to) = 0;
  /// The files of [from, to), in order.
  struct File {
    std::string first;
    std::uint64_t bytes = 0;
  };
  virtual std::vector<File> files(Family family, std::string_view from, std::string_view to) = 0;
  virtual std::uint64_t approximate_size(Family family, std::string_view from,
                                         std::string_view to) = 0;
  virtual DiskSpace space() = 0;
  /// Of all files there are, those too that are no longer of use and not yet removed.
  virtual std::uint64_t bytes_on_disk() = 0;
  /// Waits until nothing is written in the background, and what that kept has been removed.
  virtual void finish_background() = 0;
  /// What the database said about the last failure; empty: none.
  virtual std::string reason() const = 0;
};

struct DiskDbSettings {
  std::string path;
  std::uint64_t file_bytes = 64 << 20;       // what a merge aims at
  std::uint64_t meta_cache_bytes = 32 << 20; // block cache for records
  std::uint64_t notes_bytes = 4 << 20;       // of the database's journal of its own files
  const RowJudge* judge = nullptr;           // outlives the database
};

/// Code::corrupt: damaged or of a foreign layout (destroy_rocks, then again); Code::io: the system
/// refuses. `why` gets the text.
Result<std::unique_ptr<DiskDb>> open_rocks(const DiskDbSettings& settings, std::string& why);
/// Removes the database's own files in `path`, nothing else.
Result<void> destroy_rocks(const std::string& path, std::string& why);

} // namespace weir::cache
