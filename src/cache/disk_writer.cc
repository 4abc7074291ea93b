// SPDX-License-Identifier: Apache-2.0
#include "cache/disk_writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>

#include "base/errlog.h"
#include "metrics/metrics.h"

namespace weir::cache {

using metrics::Metric;

std::string DiskFault::reason() const {
  std::lock_guard lock(mutex_);
  return reason_;
}

void DiskFault::fail(const Error& error, const std::string& what) noexcept {
  metrics::count(Metric::disk_errors);
  {
    std::lock_guard lock(mutex_);
    if (failed()) {
      return;
    }
    reason_ = what.empty() ? to_string(error) : what;
    failed_.store(true, std::memory_order_release);
  }
  if (error.code == Code::corrupt) {
    given_up_ = true;
    mark_damage();
  }
  log_error("disk: the tier in {} is off {}: {}", path_,
            given_up_ ? "until the next start" : "and tried again from time to time", reason());
}

void DiskFault::give_up(const std::string& what) noexcept {
  given_up_ = true;
  mark_damage();
  std::lock_guard lock(mutex_);
  reason_ = what;
  log_error("disk: the tier in {} is off until the next start: {}", path_, what);
}

void DiskFault::mark_damage() const noexcept {
  if (path_.empty()) {
    return;
  }
  int fd = ::open((path_ + kMark).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) {
    ::close(fd);
  }
}

void DiskFault::clear() noexcept {
  std::lock_guard lock(mutex_);
  reason_.clear();
  failed_.store(false, std::memory_order_release);
  log_info("disk: the tier in {} is in use again", path_);
}

DiskWriter::DiskWriter(DiskStorage& storage, DiskDb& db, DiskFault& fault, Settings settings)
    : storage_(storage), db_(db), fault_(fault), settings_(std::move(settings)),
      retry_(settings_.retry), thread_([this] { work(); }) {}

DiskWriter::~DiskWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_one();
  thread_.join();
}

bool DiskWriter::submit(AppendOp op) {
  if (fault_.failed()) {
    return false;
  }
  {
    std::lock_guard lock(mutex_);
    if (queued_bytes_ + op.slice.size > settings_.queue_bytes) {
      metrics::count(Metric::queue_full_storage);
      return false;
    }
    queued_bytes_ += op.slice.size;
    queue_.push_back({std::move(op), nullptr});
  }
  wanted_.notify_one();
  return true;
}

void DiskWriter::submit(DiskOp op) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(op));
  }
  wanted_.notify_one();
}

std::uint64_t DiskWriter::queued_bytes() const {
  std::lock_guard lock(mutex_);
  return queued_bytes_;
}

void DiskWriter::work() {
  ::pthread_setname_np(::pthread_self(), "storage");
  if (settings_.on_thread_start) {
    settings_.on_thread_start();
  }
  for (;;) {
    if (std::optional<DiskOp> op = next()) {
      carry_out(*op);
    } else {
      std::lock_guard lock(mutex_);
      if (stopping_ && queue_.empty()) {
        break;
      }
    }
    idle();
    tell_flushed();
  }
  if (!fault_.failed()) {
    judge(storage_.flush());
  }
  tell_flushed();
}

std::optional<DiskOp> DiskWriter::next() {
  std::unique_lock lock(mutex_);
  while (queue_.empty() && !stopping_) {
    if (scanning_) {
      return std::nullopt;
    }
    // With nothing due it looks from time to time: a reader may have found a fault.
    SteadyTime look = std::chrono::steady_clock::now() + settings_.retry;
    SteadyTime until = (fault_.failed() ? retry_at_ : flush_at_).value_or(look);
    if (wanted_.wait_until(lock, until) == std::cv_status::timeout) {
      return std::nullopt;
    }
  }
  if (queue_.empty()) {
    return std::nullopt;
  }
  DiskOp op = std::move(queue_.front());
  queue_.pop_front();
  return op;
}

void DiskWriter::carry_out(DiskOp& op) {
  std::uint64_t bytes = 0;
  if (auto* append = std::get_if<AppendOp>(&op.what)) {
    bytes = append->slice.size;
  }
  Result<void> result = fail(Code::io, Side::cache);
  if (!fault_.failed()) {
    result = std::visit([this](auto& what) { return apply(what); }, op.what);
    judge(result);
  }
  if (!result && fault_.failed()) {
    note_missed(op);
  }
  if (bytes > 0) {
    std::lock_guard lock(mutex_);
    queued_bytes_ -= bytes;
  }
  if (!op.done) {
    return;
  }
  if (std::holds_alternative<WhenFlushedOp>(op.what)) {
    when_flushed_.push_back(std::move(op.done));
  } else {
    op.done(std::move(result));
  }
}

void DiskWriter::judge(const Result<void>& result) {
  if (!result && (result.error().code == Code::io || result.error().code == Code::corrupt)) {
    fault_.fail(result.error(), db_.reason());
  }
}

void DiskWriter::note_missed(const DiskOp& op) {
  if (const auto* append = std::get_if<AppendOp>(&op.what)) {
    storage_.abandon(*append->body); // it has a hole
  } else if (const auto* commit = std::get_if<CommitOp>(&op.what)) {
    storage_.abandon(*commit->body);
    missed_.note(storage_.key_of(*commit->body));
  } else if (const auto* remove = std::get_if<RemoveOp>(&op.what)) {
    missed_.note(remove->key);
  } else if (const auto* update = std::get_if<UpdateOp>(&op.what)) {
    missed_.note(update->key);
  } else if (const auto* purge = std::get_if<PurgeOp>(&op.what)) {
    missed_.note(purge->key);
  }
}

void DiskWriter::try_again() {
  if (missed_.too_many()) {
    fault_.give_up("too much was replaced while it could not be written to");
    return;
  }
  Result<void> done = db_.resume();
  if (done) {
    done = missed_.carry_out(storage_);
  }
  if (done) {
    done = storage_.flush();
  }
  if (done) {
    fault_.clear();
    scanning_ = !storage_.counts().counted;
    return;
  }
  metrics::count(Metric::disk_errors);
  retry_ = std::min(retry_ * 2, kMostRetry);
  retry_at_ = std::chrono::steady_clock::now() + retry_;
}

void DiskWriter::tell_flushed() {
  if (when_flushed_.empty() || (storage_.unflushed() && !fault_.failed())) {
    return;
  }
  Result<void> result =
      fault_.failed() ? Result<void>(fail(Code::io, Side::cache)) : Result<void>();
  for (const DiskDone& done : std::exchange(when_flushed_, {})) {
    done(result);
  }
}

void DiskWriter::idle() {
  SteadyTime now = std::chrono::steady_clock::now();
  if (!fault_.failed()) {
    flush_if_due(now);
  }
  if (!fault_.failed() && scanning_) {
    auto more = storage_.scan_step();
    scanning_ = more.value_or(false);
    if (!more) {
      judge(fail(more.error()));
    }
  }
  if (!fault_.failed()) {
    return;
  }
  flush_at_.reset();
  scanning_ = false;
  if (!fault_.may_retry()) {
    retry_at_.reset();
  } else if (!retry_at_) {
    retry_at_ = now + retry_;
  } else if (now >= *retry_at_) {
    retry_at_.reset();
    try_again();
  }
}

void DiskWriter::flush_if_due(SteadyTime now) {
  if (!storage_.unflushed()) {
    flush_at_.reset();
  } else if (!flush_at_) {
    flush_at_ = now + settings_.flush;
  } else if (now >= *flush_at_) {
    flush_at_.reset();
    Result<void> flushed = storage_.flush();
    judge(flushed);
    if (flushed) {
      retry_ = settings_.retry;
    }
  }
}

Result<void> DiskWriter::apply(AppendOp& op) {
  return storage_.append(*op.body, std::move(op.slice));
}
Result<void> DiskWriter::apply(CommitOp& op) { return storage_.commit(*op.body, *op.meta); }
Result<void> DiskWriter::apply(AbandonOp& op) {
  if (!op.body->dead()) {
    storage_.abandon(*op.body);
  }
  return {};
}
Result<void> DiskWriter::apply(RemoveOp& op) {
  return op.variant ? storage_.remove_variant(op.key, *op.variant) : storage_.remove(op.key);
}
Result<void> DiskWriter::apply(UpdateOp& op) {
  return storage_.update(op.key, op.variant, *op.meta);
}
Result<void> DiskWriter::apply(PurgeOp& op) { return storage_.purge(op.key, op.variant, op.purge); }
Result<void> DiskWriter::apply(FlushOp&) { return storage_.flush(); }
Result<void> DiskWriter::apply(SettleOp&) { return {}; }
Result<void> DiskWriter::apply(WhenFlushedOp&) { return {}; }

} // namespace weir::cache
