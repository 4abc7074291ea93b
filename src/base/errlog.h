// SPDX-License-Identifier: Apache-2.0
//
// The error log: one line a message, "2026-11-21T10:00:00.123Z warn  area: text", written at once
// with one write(2). One ErrorLog per process, owned by main(); each thread that logs installs it.
// At most 200 lines a second a thread; what is above is counted, and the count is told.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/result.h"

namespace weir {

enum class Level : std::uint8_t { debug, info, warn, error };

class ErrorLog {
public:
  /// To stderr.
  ErrorLog() = default;
  ~ErrorLog();
  ErrorLog(const ErrorLog&) = delete;
  ErrorLog& operator=(const ErrorLog&) = delete;

  /// Appends to a file from now on; kept on failure: the former target. reopen(): the same path
  /// again.
  Result<void> open(const std::string& path);
  Result<void> reopen();
  void set_level(Level least) noexcept { least_.store(least, std::memory_order_relaxed); }

  /// Makes `log` (or none) this thread's log. Without one, messages go to stderr.
  static void install(ErrorLog* log) noexcept;
  static bool wants(Level level) noexcept;
  static void write(Level level, std::string_view text) noexcept;

private:
  std::atomic<int> fd_{2};
  std::atomic<Level> least_{Level::info};
  std::string path_;
};

/// `log_warn("cache: {} gone", path)`. The text begins with its area.
template <class... Args>
void log_at(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (ErrorLog::wants(level)) {
    ErrorLog::write(level, fmt::format(format, std::forward<Args>(args)...));
  }
}
template <class... Args> void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_at(Level::debug, format, std::forward<Args>(args)...);
}
template <class... Args> void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_at(Level::info, format, std::forward<Args>(args)...);
}
template <class... Args> void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_at(Level::warn, format, std::forward<Args>(args)...);
}
template <class... Args> void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_at(Level::error, format, std::forward<Args>(args)...);
}

} // namespace weir
