// SPDX-License-Identifier: Apache-2.0
#include "base/errlog.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace weir {

namespace {

thread_local ErrorLog* current = nullptr;

constexpr int kMostPerSecond = 200;

/// Counts lines of this thread's running second; false once there are too many.
bool admit(std::time_t second, int& suppressed) {
  thread_local std::time_t running = 0;
  thread_local int lines = 0;
  thread_local int dropped = 0;
  if (second != running) {
    running = second;
    suppressed = dropped;
    lines = dropped = 0;
  }
  if (lines >= kMostPerSecond) {
    ++dropped;
    return false;
  }
  ++lines;
  return true;
}

std::string_view label(Level level) {
  switch (level) {
  case Level::debug:
    return "debug";
  case Level::info:
    return "info ";
  case Level::warn:
    return "warn ";
  case Level::error:
    return "error";
  }
  return "?";
}

} // namespace

ErrorLog::~ErrorLog() {
  if (current == this) {
    current = nullptr;
  }
  int fd = fd_.load();
  if (fd > 2) {
    ::close(fd);
  }
}

Result<void> ErrorLog::open(const std::string& path) {
  int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) {
    return fail(Code::io, Side::self, errno);
  }
  path_ = path;
  int current_fd = fd_.load();
  if (current_fd > 2) {
    // The same number goes on to be valid for threads that write just now.
    ::dup3(fd, current_fd, O_CLOEXEC);
    ::close(fd);
  } else {
    fd_.store(fd);
  }
  return {};
}

Result<void> ErrorLog::reopen() {
  if (path_.empty()) {
    return {};
  }
  return open(path_);
}

void ErrorLog::install(ErrorLog* log) noexcept { current = log; }

bool ErrorLog::wants(Level level) noexcept {
  return current == nullptr ? level >= Level::info
                            : level >= current->least_.load(std::memory_order_relaxed);
}

void ErrorLog::write(Level level, std::string_view text) noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  int suppressed = 0;
  if (!admit(now.tv_sec, suppressed)) {
    return;
  }
  std::tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  char stamp[40];
  std::size_t n = std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
  fmt::memory_buffer line;
  auto out = std::back_inserter(line);
  fmt::format_to(out, "{}.{:03}Z {} ", std::string_view(stamp, n), now.tv_nsec / 1'000'000,
                 label(level));
  for (char c : text) {
    bool plain = static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    if (plain) {
      line.push_back(c);
    } else {
      fmt::format_to(out, "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (suppressed > 0) {
    fmt::format_to(out, " ({} lines before this one were not written)", suppressed);
  }
  line.push_back('\n');
  int fd = current == nullptr ? 2 : current->fd_.load(std::memory_order_relaxed);
  if (::write(fd, line.data(), line.size()) < 0) {
    return; // nowhere left to say so
  }
}

} // namespace weir
