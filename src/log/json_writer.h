// SPDX-License-Identifier: Apache-2.0
//
// JsonWriter: the access log as a file of JSON lines, appended to in whole lines.  Written by the
// log thread; after rotation from outside, reopen() (SIGUSR1) goes on in a new file.
//
// Owner: SqliteWriter. reopen(): any thread; everything else: the log thread. A file that cannot be
// written loses lines, counts them, says so once, and is tried again each second.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "log/record.h"

namespace weir::log {

class JsonWriter {
public:
  /// Without a path it does nothing.
  explicit JsonWriter(std::string path);
  ~JsonWriter();
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  bool wanted() const noexcept { return !path_.empty(); }
  void append(const AccessRecord& record);
  /// Writes what was appended.
  void flush();
  /// The next flush closes the file and opens the path anew.
  void reopen() noexcept { reopen_.store(true, std::memory_order_relaxed); }

private:
  bool ready();
  void write_buffer();
  void failed(const char* what, int error);

  const std::string path_;
  std::atomic<bool> reopen_{false};
  int fd_ = -1;
  std::string buffer_;
  std::size_t lines_ = 0;  // in buffer_
  bool failing_ = false;   // said in the error log
  std::uint64_t lost_ = 0; // lines, while failing
  MonoTime retry_at_{};
};

} // namespace weir::log
