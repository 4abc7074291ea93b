// SPDX-License-Identifier: Apache-2.0
//
// Small parts of a DiskTier: the lock on its folder, and what tells compactions which rows are
// dead.
#pragma once

#include <memory>
#include <string>

#include "cache/disk_db.h"
#include "cache/disk_segment.h"

namespace weir::cache {

/// One process a folder. Held as long as it lives.
class DiskLock {
public:
  explicit DiskLock(int fd) noexcept : fd_(fd) {}
  ~DiskLock();
  DiskLock(const DiskLock&) = delete;
  DiskLock& operator=(const DiskLock&) = delete;
  /// Code::exists: somebody has it.
  static Result<std::unique_ptr<DiskLock>> take(const std::string& path);

private:
  int fd_;
};

class LiveRows final : public RowJudge {
public:
  explicit LiveRows(const Segments& segments) noexcept : segments_(segments) {}
  bool dead(Family family, std::string_view key, std::string_view value) const noexcept override;

private:
  const Segments& segments_;
};

} // namespace weir::cache
