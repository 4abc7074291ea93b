// SPDX-License-Identifier: Apache-2.0
#include "state/store.h"

#include <pthread.h>

#include <utility>

#include "base/errlog.h"
#include "metrics/metrics.h"

namespace weir::state {

namespace {

/// Numbers are reserved on disk before they are given out: one that was given out and never
/// committed (a crash) is not given out again, since an entry on disk may hold it by then. A start
/// gives up so many, far fewer than the microseconds that it takes: those of `above` stay behind
/// the clock.
constexpr std::uint64_t kReserve = 150'000;
/// Below half of kReserve, so that numbers do not run out between two commits.
constexpr std::size_t kMostQueued = 65'536;

} // namespace

Result<std::unique_ptr<Store>>
Store::open(const std::string& path, std::function<void()> on_thread_start, std::uint64_t above) {
  auto database = Database::open(path);
  if (!database) {
    return fail(database.error());
  }
  std::uint64_t last = (*database)->reserved();
  last = last == 0 ? above : last;
  if (auto r = (*database)->commit({}, last + kReserve); !r) {
    return fail(r.error());
  }
  return std::make_unique<Store>(Private{}, std::move(*database), last, std::move(on_thread_start));
}

Store::Store(Private, std::unique_ptr<Database> database, std::uint64_t last_number,
             std::function<void()> on_thread_start)
    : on_thread_start_(std::move(on_thread_start)), database_(std::move(database)),
      last_number_(last_number), reserved_(database_->reserved()) {
  thread_ = std::thread([this] { work(); });
}

Store::~Store() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_one();
  thread_.join();
}

Result<std::vector<Row>> Store::read(std::string_view table) {
  std::lock_guard lock(database_mutex_);
  return database_->read(table);
}

std::uint64_t Store::put(std::string table, std::string key, std::string value, Done done) {
  return submit({std::move(table), {std::move(key), std::move(value), 0}}, std::move(done));
}

std::uint64_t Store::erase(std::string table, std::string key, Done done, std::uint64_t not_after) {
  return submit({std::move(table), {std::move(key), {}, 0}, true, not_after}, std::move(done));
}

std::uint64_t Store::last_number() const {
  std::lock_guard lock(mutex_);
  return last_number_;
}

std::uint64_t Store::submit(Change change, Done done) {
  std::unique_lock lock(mutex_);
  bool room = queue_.size() < kMostQueued && last_number_ < reserved_;
  if (!room || stopping_) {
    lock.unlock();
    metrics::count(metrics::Metric::state_errors);
    if (done) {
      done(fail(Code::full));
    }
    return 0;
  }
  std::uint64_t number = ++last_number_;
  change.row.number = number;
  queue_.push_back({std::move(change), std::move(done)});
  lock.unlock();
  wanted_.notify_one();
  return number;
}

void Store::work() {
  ::pthread_setname_np(::pthread_self(), "weir-state");
  if (on_thread_start_) {
    on_thread_start_();
  }
  std::vector<Pending> batch;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wanted_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) {
        return;
      }
      batch.swap(queue_);
    }
    commit(batch);
    batch.clear();
  }
}

void Store::commit(std::vector<Pending>& batch) {
  std::vector<Change> changes;
  changes.reserve(batch.size());
  for (Pending& p : batch) {
    changes.push_back(std::move(p.change));
  }
  Result<void> result;
  {
    std::lock_guard lock(database_mutex_);
    std::uint64_t reserve = database_->reserved();
    if (changes.back().row.number + kReserve / 2 > reserve) {
      reserve = changes.back().row.number + kReserve;
    }
    result = database_->commit(changes, reserve);
    if (result) {
      std::lock_guard numbers(mutex_);
      reserved_ = reserve;
    }
  }
  if (result) {
    metrics::count(metrics::Metric::state_writes, changes.size());
  } else {
    metrics::count(metrics::Metric::state_errors, changes.size());
    log_error("state: {} changes could not be written: {}", changes.size(),
              to_string(result.error()));
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].done) {
      if (result) {
        batch[i].done(changes[i].row.number);
      } else {
        batch[i].done(fail(result.error()));
      }
    }
  }
}

} // namespace weir::state
