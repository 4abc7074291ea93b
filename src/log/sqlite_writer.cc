// SPDX-License-Identifier: Apache-2.0
#include "log/sqlite_writer.h"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/errlog.h"
#include "metrics/metrics.h"

namespace weir::log {

namespace {

constexpr std::size_t kBatch = 4'096;
constexpr Duration kShortestWait = std::chrono::milliseconds(5);
constexpr Duration kTellDrops = std::chrono::minutes(1);
constexpr std::uint64_t kNoEnd = ~std::uint64_t{0};
constexpr std::int64_t kHourUs = 3'600'000'000;

/// The id of the last row that any run wrote.
std::int64_t last_rowid_in(const std::string& directory) {
  auto partitions = list_partitions(directory);
  if (!partitions || partitions->empty()) {
    return 0;
  }
  const PartitionFile& newest = partitions->back();
  auto last = last_rowid(newest.path);
  // A partition that cannot be read began at the time of its name at least.
  return std::max(first_rowid_at(newest.start_us), last ? *last : 0);
}

} // namespace

SqliteWriter::SqliteWriter(WriterSettings settings)
    : settings_(std::move(settings)), json_(settings_.json_path) {
  if (!settings_.directory.empty()) {
    std::error_code ignored; // opening a partition says what is wrong
    std::filesystem::create_directories(settings_.directory, ignored);
    last_rowid_ = last_rowid_in(settings_.directory);
    keeper_ = std::make_unique<PartitionKeeper>(settings_.directory, settings_.retention,
                                                settings_.on_thread_start);
  }
  thread_ = std::thread([this] { work(); });
}

SqliteWriter::~SqliteWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_one();
  thread_.join();
}

LogRing& SqliteWriter::make_ring(std::size_t bytes) {
  auto ring = std::make_unique<LogRing>(bytes);
  std::lock_guard lock(mutex_);
  rings_.push_back(std::move(ring));
  return *rings_.back();
}

void SqliteWriter::flush() {
  std::unique_lock lock(mutex_);
  std::uint64_t mine = ++flush_asked_;
  wanted_.notify_one();
  flushed_.wait(lock, [&] { return flush_done_ >= mine; });
}

void SqliteWriter::settle() {
  flush();
  if (keeper_) {
    keeper_->settle();
  }
}

void SqliteWriter::reopen() noexcept {
  json_.reopen();
  wanted_.notify_one();
}

void SqliteWriter::set_retention(Retention retention) {
  if (keeper_) {
    keeper_->set_retention(retention);
  }
}

WriterStatus SqliteWriter::status() const {
  WriterStatus status;
  {
    std::lock_guard lock(mutex_);
    status = status_;
    for (const auto& ring : rings_) {
      status.dropped += ring->dropped();
    }
    if (oldest_waiting_us_ != 0) {
      auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
      status.lag = std::max(Duration(0), now - WallTime(Duration(oldest_waiting_us_)));
    }
  }
  if (keeper_) {
    auto totals = keeper_->totals();
    status.partitions = totals.partitions;
    status.bytes = totals.bytes;
  }
  return status;
}

void SqliteWriter::work() {
  ::pthread_setname_np(::pthread_self(), "weir-log");
  if (settings_.on_thread_start) {
    settings_.on_thread_start();
  }
  Duration wait = settings_.interval;
  for (;;) {
    bool last = false;
    std::uint64_t flush = 0;
    {
      std::unique_lock lock(mutex_);
      if (flush_done_ == flush_asked_ && !stopping_) {
        wanted_.wait_for(lock, wait);
      }
      last = stopping_;
      flush = flush_asked_;
    }
    std::size_t records = drain();
    json_.flush();
    subscriptions_.wake();
    tell_drops();
    // Full batches in one round: come back in the time that one batch takes to gather.
    wait = settings_.interval;
    if (records > kBatch) {
      wait = std::max(kShortestWait, wait * static_cast<std::int64_t>(kBatch) /
                                         static_cast<std::int64_t>(records));
    }
    {
      std::lock_guard lock(mutex_);
      flush_done_ = flush;
    }
    flushed_.notify_all();
    if (last) {
      close_partition();
      return;
    }
  }
}

std::size_t SqliteWriter::drain() {
  {
    std::lock_guard lock(mutex_);
    for (std::size_t i = sources_.size(); i < rings_.size(); ++i) {
      sources_.push_back({rings_[i].get(), kNoEnd});
    }
  }
  std::size_t total = 0;
  // Bounded, so that a flood does not keep the thread from its other duties.
  for (int i = 0; i < 64; ++i) {
    std::size_t n = batch(); // fewer than kBatch: the next one begins a partition, or no more
    total += n;
    if (n == 0) {
      break;
    }
  }
  std::int64_t oldest = 0;
  for (const Source& s : sources_) {
    if (const RingRecord* r = s.ring->peek(); r != nullptr) {
      oldest = oldest == 0 ? r->time : std::min(oldest, r->time);
    }
  }
  std::lock_guard lock(mutex_);
  oldest_waiting_us_ = oldest;
  return total;
}

/// Calls each(record) for at most kBatch records of all rings, the earliest first; a false ends it.
template <class F> std::size_t SqliteWriter::for_batch(F&& each) {
  std::size_t n = 0;
  for (; n < kBatch; ++n) {
    LogRing* first = nullptr;
    std::int64_t time = 0;
    for (const Source& s : sources_) {
      const RingRecord* r = s.ring->position() < s.end ? s.ring->peek() : nullptr;
      if (r != nullptr && (first == nullptr || r->time < time)) {
        first = s.ring;
        time = r->time;
      }
    }
    if (first == nullptr || !each(*first->peek())) {
      break;
    }
    first->advance();
  }
  return n;
}

void SqliteWriter::rewind() {
  for (const Source& s : sources_) {
    s.ring->rewind();
  }
}

std::size_t SqliteWriter::batch() {
  std::size_t rows = 0;
  bool written = !keeper_ || write_rows(rows);
  if (!written) {
    // At once again, in a new partition: the file or its directory may have been exchanged.
    rewind();
    written = write_rows(rows);
  }
  if (!written || !keeper_) {
    rewind();
    rows = for_batch([](const AccessRecord&) { return true; });
  }
  if (json_.wanted() || !subscriptions_.empty()) {
    pass_on();
  }
  for (const Source& s : sources_) {
    s.ring->release();
  }
  if (keeper_ && rows > 0) {
    if (written) {
      metrics::count(metrics::Metric::log_rows, rows);
    } else {
      lost_since_failure_ += rows;
      metrics::count(metrics::Metric::log_dropped, rows);
    }
    std::lock_guard lock(mutex_);
    (written ? status_.rows : status_.dropped) += rows;
  }
  return rows;
}

/// The records of this batch once more, for the JSON file and live subscriptions.
void SqliteWriter::pass_on() {
  for (Source& s : sources_) {
    s.end = s.ring->position();
  }
  rewind();
  for_batch([this](const AccessRecord& record) {
    if (json_.wanted()) {
      json_.append(record);
    }
    if (!subscriptions_.empty()) {
      subscriptions_.offer(record);
    }
    return true;
  });
  for (Source& s : sources_) {
    s.end = kNoEnd;
  }
}

bool SqliteWriter::write_rows(std::size_t& rows) {
  bool begun = false;
  bool broken = false;
  rows = for_batch([&](const RingRecord& record) {
    if (!begun) {
      broken = !open_partition(record.time) || !partition_->begin();
      begun = !broken;
    } else if (record.time / kHourUs > partition_hour_) {
      return false; // for the next batch, and partition
    }
    if (!broken) {
      last_rowid_ = std::max(first_rowid_at(record.time), last_rowid_ + 1);
      broken = !partition_->insert(last_rowid_, record);
    }
    return !broken;
  });
  if (!broken && begun) {
    broken = !partition_->commit();
  }
  if (broken) {
    if (partition_) {
      failed(partition_->last_error());
      close_partition();
    }
    return false;
  }
  if (begun) {
    keeper_->written(partition_->wal_pages());
    recovered();
  }
  return true;
}

bool SqliteWriter::partition_is_full(std::int64_t time_us) {
  MonoTime now = Clock::read_mono();
  if (now >= look_at_) {
    look_at_ = now + settings_.retry;
    if (!partition_->in_place()) {
      failed("the file that was written is gone");
      return true;
    }
  }
  // The smaller, so that retention by bytes has partitions to choose from.
  std::uint64_t most = settings_.partition_bytes;
  if (settings_.retention.max_bytes > 0) {
    most = std::min(most, std::max<std::uint64_t>(settings_.retention.max_bytes / 8, 1 << 20));
  }
  // A clock that went back stays in the hour; one that stands is caught by the partition's age.
  return time_us / kHourUs > partition_hour_ ||
         now - partition_opened_ >= settings_.partition_age || partition_->bytes() >= most;
}

bool SqliteWriter::open_partition(std::int64_t time_us) {
  if (partition_ && !partition_is_full(time_us)) {
    return true;
  }
  close_partition();
  MonoTime now = Clock::read_mono();
  if (now < retry_at_) {
    return false;
  }
  // A name of its own: later than every row before it.
  std::int64_t start = std::max(time_us, time_of_rowid(last_rowid_) + 1);
  std::string why;
  for (int i = 0; i < 100; ++i, ++start) {
    std::string path = settings_.directory + '/' + partition_name(start);
    auto created = Partition::create(path, settings_.dictionary_cap, why);
    if (created) {
      partition_ = std::move(*created);
      break;
    }
    if (created.error().code != Code::exists) {
      break;
    }
  }
  if (!partition_) {
    retry_at_ = now + settings_.retry;
    failed(why);
    return false;
  }
  last_rowid_ = std::max(last_rowid_, first_rowid_at(start) - 1);
  partition_hour_ = start / kHourUs;
  partition_opened_ = now;
  look_at_ = now + settings_.retry;
  keeper_->opened(partition_->path());
  std::lock_guard lock(mutex_);
  status_.partition = partition_->path();
  return true;
}

void SqliteWriter::close_partition() {
  if (!partition_) {
    return;
  }
  partition_.reset();
  keeper_->opened({});
  std::lock_guard lock(mutex_);
  status_.partition.clear();
}

void SqliteWriter::failed(std::string_view why) {
  metrics::count(metrics::Metric::log_errors);
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = !std::exchange(status_.failing, true);
    status_.last_error = why;
  }
  if (first) {
    log_error("log: the access log cannot be written in {}: {}; requests go on without it",
              settings_.directory, why);
  }
}

void SqliteWriter::recovered() {
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(status_.failing, false)) {
      return;
    }
  }
  log_warn("log: the access log is written again; {} rows were lost",
           std::exchange(lost_since_failure_, 0));
}

void SqliteWriter::tell_drops() {
  std::uint64_t drops = 0;
  {
    std::lock_guard lock(mutex_);
    for (const auto& ring : rings_) {
      drops += ring->dropped();
    }
  }
  MonoTime now = Clock::read_mono();
  if (drops > told_drops_ && now >= tell_drops_at_) {
    log_warn("log: {} access records were lost: the log cannot keep up", drops - told_drops_);
    told_drops_ = drops;
    tell_drops_at_ = now + kTellDrops;
  }
}

} // namespace weir::log
