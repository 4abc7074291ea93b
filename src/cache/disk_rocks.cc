// SPDX-License-Identifier: Apache-2.0
//
// The DiskDb that is RocksDB. What the settings follow from: DEPENDENCIES.md section 1, measured.
#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <mutex>

#include "cache/disk_db.h"

namespace weir::cache {

namespace {

constexpr std::array<const char*, kFamilies> kNames = {"meta", "body", "dir", "index"};

rocksdb::Slice rs(std::string_view bytes) noexcept { return {bytes.data(), bytes.size()}; }
std::string_view sv(const rocksdb::Slice& slice) noexcept { return {slice.data(), slice.size()}; }

Error error_of(const rocksdb::Status& status) noexcept {
  if (status.IsNotFound()) {
    return {Code::not_found, Side::cache};
  }
  if (status.IsCorruption()) {
    return {Code::corrupt, Side::cache};
  }
  if (status.IsNoSpace()) {
    return {Code::io, Side::cache, Retry::no, ENOSPC};
  }
  return {Code::io, Side::cache};
}

/// Tells RocksDB's compactions which rows are dead.
class DeadRows final : public rocksdb::CompactionFilter {
public:
  DeadRows(Family family, const RowJudge* judge) : family_(family), judge_(judge) {}
  const char* Name() const override { return "weir.dead-rows"; }
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    return judge_ != nullptr && judge_->dead(family_, sv(key), sv(value));
  }

private:
  Family family_;
  const RowJudge* judge_;
};

/// The reason of the last failure, whichever thread met it.
class Trouble {
public:
  void note(const rocksdb::Status& status) {
    std::lock_guard lock(mutex_);
    text_ = status.ToString();
  }
  void note(std::string text) {
    std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }

private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// Keeps what a get has read, without a copy.
class Pinned final : public Shared {
public:
  rocksdb::PinnableSlice slice;
};

class BackgroundErrors final : public rocksdb::EventListener {
public:
  explicit BackgroundErrors(Trouble& trouble) : trouble_(trouble) {}
  /// A file that could not be written leaves what was to be in it in memory. To RocksDB that is
  /// fatal, but for a disk that is full: it would never write again, whatever is asked of it. So it
  /// is told that the error can be got over; with resume() it writes those files anew.
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override {
    using rocksdb::BackgroundErrorReason;
    if (error == nullptr) {
      return;
    }
    trouble_.note(*error);
    bool of_files = reason == BackgroundErrorReason::kFlush ||
                    reason == BackgroundErrorReason::kCompaction ||
                    reason == BackgroundErrorReason::kFlushNoWAL;
    if (of_files && error->IsIOError() && error->severity() == rocksdb::Status::kFatalError) {
      *error = rocksdb::Status(*error, rocksdb::Status::kHardError);
    }
  }

private:
  Trouble& trouble_;
};

rocksdb::DBOptions db_options(const DiskDbSettings& settings) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.atomic_flush = true;
  options.max_background_jobs = 3; // a long rewriting of records must not hold up moves of bodies
  options.max_subcompactions = 1;
  options.max_open_files = -1;
  options.bytes_per_sync = 1 << 20;
  options.skip_stats_update_on_db_open = true;
  options.skip_checking_sst_file_sizes_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.max_bgerror_resume_count = 0;
  options.max_manifest_file_size = settings.notes_bytes;
  options.max_log_file_size = settings.notes_bytes / 4;
  options.keep_log_file_num = 2;
  options.info_log_level = rocksdb::WARN_LEVEL;
  return options;
}

rocksdb::ColumnFamilyOptions common_options(const DiskDbSettings& settings) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = 64 << 20; // flushed much earlier, by the storage thread
  options.arena_block_size = 1 << 20;
  options.max_write_buffer_number = 4;
  options.target_file_size_base = settings.file_bytes;
  options.soft_pending_compaction_bytes_limit = 0;
  options.hard_pending_compaction_bytes_limit = 0;
  options.compression = rocksdb::kLZ4Compression;
  return options;
}

/// Chunks, written in the order of their names: every file moves down as it is, none is rewritten.
/// A trigger of 1, because files on the highest level cannot be dropped by range.
rocksdb::ColumnFamilyOptions body_options(const DiskDbSettings& settings) {
  rocksdb::ColumnFamilyOptions options = common_options(settings);
  options.compression = rocksdb::kNoCompression;
  options.level_compaction_dynamic_level_bytes = true;
  options.level0_file_num_compaction_trigger = 1;
  options.level0_slowdown_writes_trigger = 256; // they do not overlap: nothing gets slower
  options.level0_stop_writes_trigger = 512;
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 16 * 1024;
  table.format_version = 5;
  table.no_block_cache = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

/// Rows found by hash: few sorted runs (universal), filters always in memory.
rocksdb::ColumnFamilyOptions hash_options(const DiskDbSettings& settings,
                                          const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options = common_options(settings);
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.compaction_options_universal.max_size_amplification_percent = 100;
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 4 * 1024; // few are found in the cache: the rest has to be unpacked
  table.format_version = 5;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = false; // outside the cache: pinned as long as the file
  table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::ColumnFamilyOptions dir_options(const DiskDbSettings& settings) {
  rocksdb::ColumnFamilyOptions options = common_options(settings);
  options.level_compaction_dynamic_level_bytes = true;
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.no_block_cache = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

class RocksDb final : public DiskDb {
public:
  explicit RocksDb(const DiskDbSettings& settings)
      : dead_meta_(Family::meta, settings.judge), dead_dir_(Family::dir, settings.judge),
        dead_index_(Family::index, settings.judge) {}
  ~RocksDb() override { close(); }

  rocksdb::Status open(const DiskDbSettings& settings);

  Result<void> write(const DiskBatch& batch) override;
  Result<void> flush() override;
  Result<void> resume() override;
  Result<Slice> get(Family family, std::string_view key) override;
  Probe get_cached(Family family, std::string_view key, std::string& value) override;
  Result<void> scan(Family family, std::string_view from, std::string_view to,
                    const Visitor& visitor) override;
  Result<std::string> last_key(Family family) override;
  Result<void> drop(Family family, std::string_view from, std::string_view to) override;
  Result<void> merge(Family family, std::string_view from, std::string_view to) override;
  std::vector<File> files(Family family, std::string_view from, std::string_view to) override;
  std::uint64_t approximate_size(Family family, std::string_view from,
                                 std::string_view to) override;
  DiskSpace space() override;
  std::uint64_t bytes_on_disk() override;
  void finish_background() override;
  std::string reason() const override { return trouble_.text(); }

private:
  rocksdb::ColumnFamilyHandle* handle(Family family) const noexcept {
    return handles_[static_cast<std::size_t>(family) + 1]; // 0 is "default"
  }
  std::uint64_t property(Family family, const rocksdb::Slice& name) {
    std::uint64_t value = 0;
    return db_->GetIntProperty(handle(family), name, &value) ? value : 0;
  }
  static rocksdb::ReadOptions read_options(Family family) {
    rocksdb::ReadOptions options;
    options.fill_cache = family == Family::meta;
    return options;
  }
  /// Runs a call of RocksDB: its failures, exceptions too, become Errors and the reason.
  template <class F> Result<void> call(F&& f) noexcept {
    try {
      rocksdb::Status status = f();
      if (status.ok()) {
        return {};
      }
      if (!status.IsNotFound()) {
        trouble_.note(status);
      }
      return fail(error_of(status));
    } catch (const std::exception& e) {
      trouble_.note(std::string(e.what()));
      return fail(Code::io, Side::cache);
    }
  }
  void close() noexcept;

  Trouble trouble_;
  DeadRows dead_meta_;
  DeadRows dead_dir_;
  DeadRows dead_index_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

rocksdb::Status RocksDb::open(const DiskDbSettings& settings) {
  std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(settings.meta_cache_bytes);
  rocksdb::DBOptions options = db_options(settings);
  options.listeners.push_back(std::make_shared<BackgroundErrors>(trouble_));
  rocksdb::ColumnFamilyOptions meta = hash_options(settings, cache);
  meta.compaction_filter = &dead_meta_;
  rocksdb::ColumnFamilyOptions index = hash_options(settings, cache);
  index.compaction_filter = &dead_index_;
  rocksdb::ColumnFamilyOptions dir = dir_options(settings);
  dir.compaction_filter = &dead_dir_;
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, common_options(settings)},
      {kNames[0], meta},
      {kNames[1], body_options(settings)},
      {kNames[2], dir},
      {kNames[3], index}};
  rocksdb::DB* raw = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, settings.path, families, &handles_, &raw);
  db_.reset(raw);
  return status;
}

void RocksDb::close() noexcept {
  if (!db_) {
    return;
  }
  call([this] {
    for (rocksdb::ColumnFamilyHandle* each : handles_) {
      db_->DestroyColumnFamilyHandle(each).PermitUncheckedError();
    }
    return db_->Close();
  }).has_value();
  handles_.clear();
  db_.reset();
}

Result<void> RocksDb::write(const DiskBatch& batch) {
  return call([&] {
    rocksdb::WriteBatch rows(batch.bytes() + 32 * batch.rows().size());
    std::vector<rocksdb::Slice> parts;
    for (const DiskBatch::Row& row : batch.rows()) {
      rocksdb::Status status;
      if (row.erase) {
        status = rows.Delete(handle(row.family), rs(row.key));
      } else {
        parts.assign(1, rs(row.value));
        for (const Slice& slice : row.tail) {
          parts.push_back(rs(slice.view()));
        }
        rocksdb::Slice key = rs(row.key);
        status = rows.Put(handle(row.family), rocksdb::SliceParts(&key, 1),
                          rocksdb::SliceParts(parts.data(), static_cast<int>(parts.size())));
      }
      if (!status.ok()) {
        return status;
      }
    }
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return db_->Write(options, &rows);
  });
}

Result<void> RocksDb::flush() {
  return call([this] {
    std::vector<rocksdb::ColumnFamilyHandle*> all(handles_.begin() + 1, handles_.end());
    rocksdb::FlushOptions options;
    options.wait = true;
    options.allow_write_stall = true;
    return db_->Flush(options, all);
  });
}

Result<void> RocksDb::resume() {
  return call([this] { return db_->Resume(); });
}

Result<Slice> RocksDb::get(Family family, std::string_view key) {
  Ref<Pinned> pinned = make_ref<Pinned>();
  auto done =
      call([&] { return db_->Get(read_options(family), handle(family), rs(key), &pinned->slice); });
  if (!done) {
    return fail(done.error());
  }
  std::string_view bytes = sv(pinned->slice);
  return Slice(bytes, Ref<const Shared>(std::move(pinned)));
}

Probe RocksDb::get_cached(Family family, std::string_view key, std::string& value) {
  rocksdb::ReadOptions options = read_options(family);
  options.read_tier = rocksdb::kBlockCacheTier;
  bool incomplete = false;
  auto done = call([&] {
    rocksdb::Status status = db_->Get(options, handle(family), rs(key), &value);
    incomplete = status.IsIncomplete();
    return incomplete ? rocksdb::Status::OK() : status;
  });
  if (!done) {
    return done.error().code == Code::not_found ? Probe::no : Probe::maybe;
  }
  return incomplete ? Probe::maybe : Probe::here;
}

Result<void> RocksDb::scan(Family family, std::string_view from, std::string_view to,
                           const Visitor& visitor) {
  return call([&] {
    rocksdb::ReadOptions options = read_options(family);
    options.fill_cache = false;
    rocksdb::Slice end = rs(to);
    if (!to.empty()) {
      options.iterate_upper_bound = &end;
    }
    std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options, handle(family)));
    for (at->Seek(rs(from)); at->Valid(); at->Next()) {
      if (!visitor(sv(at->key()), sv(at->value()))) {
        return rocksdb::Status::OK();
      }
    }
    return at->status();
  });
}

Result<std::string> RocksDb::last_key(Family family) {
  std::string key;
  auto done = call([&] {
    std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(read_options(family), handle(family)));
    at->SeekToLast();
    if (at->Valid()) {
      key = at->key().ToString();
      return rocksdb::Status::OK();
    }
    return at->status().ok() ? rocksdb::Status::NotFound() : at->status();
  });
  if (!done) {
    return fail(done.error());
  }
  return key;
}

Result<void> RocksDb::drop(Family family, std::string_view from, std::string_view to) {
  return call([&] {
    rocksdb::Slice begin = rs(from);
    rocksdb::Slice end = rs(to);
    return rocksdb::DeleteFilesInRange(db_.get(), handle(family), &begin, &end, false);
  });
}

Result<void> RocksDb::merge(Family family, std::string_view from, std::string_view to) {
  return call([&] {
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    options.allow_write_stall = true;
    rocksdb::Slice begin = rs(from);
    rocksdb::Slice end = rs(to);
    return db_->CompactRange(options, handle(family), from.empty() ? nullptr : &begin,
                             to.empty() ? nullptr : &end);
  });
}

std::vector<DiskDb::File> RocksDb::files(Family family, std::string_view from,
                                         std::string_view to) {
  std::vector<File> found;
  auto done = call([&] {
    rocksdb::ColumnFamilyMetaData all;
    db_->GetColumnFamilyMetaData(handle(family), &all);
    for (const rocksdb::LevelMetaData& level : all.levels) {
      for (const rocksdb::SstFileMetaData& file : level.files) {
        if (file.smallestkey >= from && (to.empty() || file.smallestkey < to)) {
          found.push_back({file.smallestkey, file.size});
        }
      }
    }
    std::sort(found.begin(), found.end(),
              [](const File& a, const File& b) { return a.first < b.first; });
    return rocksdb::Status::OK();
  });
  return done ? found : std::vector<File>();
}

std::uint64_t RocksDb::approximate_size(Family family, std::string_view from, std::string_view to) {
  std::uint64_t bytes = 0;
  auto done = call([&] {
    rocksdb::Range range(rs(from), rs(to));
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = true;
    return db_->GetApproximateSizes(options, handle(family), &range, 1, &bytes);
  });
  return done ? bytes : 0;
}

DiskSpace RocksDb::space() {
  DiskSpace space;
  auto done = call([&] {
    for (Family family : {Family::meta, Family::dir, Family::index}) {
      space.records += property(family, rocksdb::DB::Properties::kTotalSstFilesSize);
    }
    space.total =
        space.records + property(Family::body, rocksdb::DB::Properties::kTotalSstFilesSize);
    for (int level = 0; level < db_->NumberLevels(handle(Family::body)); ++level) {
      std::string files;
      std::string name = rocksdb::DB::Properties::kNumFilesAtLevelPrefix + std::to_string(level);
      if (db_->GetProperty(handle(Family::body), name, &files)) {
        space.body_files += std::stoul(files);
      }
    }
    return rocksdb::Status::OK();
  });
  return done ? space : DiskSpace{};
}

std::uint64_t RocksDb::bytes_on_disk() {
  std::uint64_t sum = 0;
  (void)call([&] {
    std::vector<rocksdb::Env::FileAttributes> files;
    rocksdb::Status status = db_->GetEnv()->GetChildrenFileAttributes(db_->GetName(), &files);
    for (const rocksdb::Env::FileAttributes& file : files) {
      sum += file.size_bytes;
    }
    return status;
  });
  return sum;
}

void RocksDb::finish_background() {
  (void)call([&] {
    rocksdb::Status status = db_->PauseBackgroundWork();
    return status.ok() ? db_->ContinueBackgroundWork() : status;
  });
}

} // namespace

Result<std::unique_ptr<DiskDb>> open_rocks(const DiskDbSettings& settings, std::string& why) {
  try {
    auto db = std::make_unique<RocksDb>(settings);
    rocksdb::Status status = db->open(settings);
    if (status.ok()) {
      return std::unique_ptr<DiskDb>(std::move(db));
    }
    why = status.ToString();
    // A file that is missing, a layout that is not weir's or of a later version: as bad as damage.
    bool damaged = status.IsCorruption() || status.IsPathNotFound() || status.IsInvalidArgument() ||
                   status.IsNotSupported();
    return fail(damaged ? Error{Code::corrupt, Side::cache} : error_of(status));
  } catch (const std::exception& e) {
    why = e.what();
    return fail(Code::io, Side::cache);
  }
}

Result<void> destroy_rocks(const std::string& path, std::string& why) {
  try {
    rocksdb::Status status = rocksdb::DestroyDB(path, rocksdb::Options());
    if (!status.ok()) {
      why = status.ToString();
      return fail(error_of(status));
    }
    return {};
  } catch (const std::exception& e) {
    why = e.what();
    return fail(Code::io, Side::cache);
  }
}

} // namespace weir::cache
