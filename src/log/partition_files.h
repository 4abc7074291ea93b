// SPDX-License-Identifier: Apache-2.0
//
// The partitions of the access log as files of a directory: names, listing, retention. Any thread;
// nothing here opens one.
//
// A name holds the time of the first row and sorts by it: access-20261121-100000-123456.db. Row ids
// only grow, so the rows of a partition lie between its own time and that of the next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir::log {

/// A row id is the time in µs, shifted by this, and a sequence number.
constexpr unsigned kRowidShift = 10;
constexpr std::int64_t first_rowid_at(std::int64_t unix_us) noexcept {
  return unix_us << kRowidShift;
}
constexpr std::int64_t last_rowid_at(std::int64_t unix_us) noexcept {
  return (unix_us << kRowidShift) | ((std::int64_t{1} << kRowidShift) - 1);
}
constexpr std::int64_t time_of_rowid(std::int64_t rowid) noexcept { return rowid >> kRowidShift; }

struct PartitionFile {
  std::string path;
  std::int64_t start_us = 0;
  std::uint64_t bytes = 0; // with its WAL
};

std::string partition_name(std::int64_t start_us);
std::optional<std::int64_t> parse_partition_name(std::string_view name);

/// Those in the directory, oldest first. An error if it cannot be read.
Result<std::vector<PartitionFile>> list_partitions(const std::string& directory);

/// A file and what SQLite keeps beside it. False: it was not there or cannot be removed.
bool remove_partition(const std::string& path);

struct Retention {
  Duration keep{};             // rows older than this go with their partition; 0: no limit
  std::uint64_t max_bytes = 0; // of all partitions together; 0: no limit
};

/// Which partitions are to go: the oldest, as many as it takes; never the one at `open_path`.
std::vector<PartitionFile> expired(const std::vector<PartitionFile>& partitions,
                                   const Retention& retention, WallTime now,
                                   std::string_view open_path);

} // namespace weir::log
