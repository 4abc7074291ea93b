// SPDX-License-Identifier: Apache-2.0
#include "log/json_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/errlog.h"
#include "metrics/metrics.h"

namespace weir::log {

namespace {

constexpr std::size_t kWriteAt = 256 * 1024;
constexpr Duration kRetry = std::chrono::seconds(1);

} // namespace

JsonWriter::JsonWriter(std::string path) : path_(std::move(path)) {}

JsonWriter::~JsonWriter() {
  flush();
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

void JsonWriter::append(const AccessRecord& record) {
  append_json(record, buffer_);
  buffer_.push_back('\n');
  ++lines_;
  if (buffer_.size() >= kWriteAt) {
    flush();
  }
}

bool JsonWriter::ready() {
  if (reopen_.exchange(false, std::memory_order_relaxed)) {
    // What was appended before belongs to the former file.
    if (fd_ >= 0) {
      write_buffer();
      if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
      }
    }
    retry_at_ = {};
  }
  if (fd_ >= 0) {
    return true;
  }
  MonoTime now = Clock::read_mono();
  if (now < retry_at_) {
    return false;
  }
  retry_at_ = now + kRetry;
  fd_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (fd_ < 0) {
    failed("opened", errno);
  }
  return fd_ >= 0;
}

void JsonWriter::flush() {
  if (!wanted()) {
    return;
  }
  bool open = ready();
  if (lines_ == 0) {
    return;
  }
  if (open) {
    write_buffer();
    return;
  }
  lost_ += lines_;
  metrics::count(metrics::Metric::log_dropped, lines_);
  buffer_.clear();
  lines_ = 0;
}

void JsonWriter::write_buffer() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    ssize_t n = ::write(fd_, left.data(), left.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      int error = errno;
      lost_ += lines_;
      metrics::count(metrics::Metric::log_dropped, lines_);
      ::close(std::exchange(fd_, -1));
      failed("written", error);
      break;
    }
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  if (left.empty() && failing_) {
    log_warn("log: {} is written again; {} lines were lost", path_, std::exchange(lost_, 0));
    failing_ = false;
  }
  buffer_.clear();
  lines_ = 0;
}

void JsonWriter::failed(const char* what, int error) {
  metrics::count(metrics::Metric::log_errors);
  if (!std::exchange(failing_, true)) {
    log_error("log: {} cannot be {}: {}; requests go on without it", path_, what,
              std::strerror(error));
  }
}

} // namespace weir::log
