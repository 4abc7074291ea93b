// SPDX-License-Identifier: Apache-2.0
#include "log/partition_files.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>

#include <fmt/format.h>

namespace weir::log {

namespace {

constexpr std::string_view kBefore = "access-";
constexpr std::string_view kAfter = ".db";
constexpr std::size_t kStampSize = 22; // 20261121-100000-123456

std::uint64_t size_of(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? static_cast<std::uint64_t>(st.st_size) : 0;
}

std::optional<int> digits(std::string_view text) {
  int n = 0;
  for (char c : text) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    n = n * 10 + (c - '0');
  }
  return n;
}

} // namespace

std::string partition_name(std::int64_t start_us) {
  std::time_t seconds = start_us / 1'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{}{:04}{:02}{:02}-{:02}{:02}{:02}-{:06}{}", kBefore, utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     start_us % 1'000'000, kAfter);
}

std::optional<std::int64_t> parse_partition_name(std::string_view name) {
  if (name.size() != kBefore.size() + kStampSize + kAfter.size() || !name.starts_with(kBefore) ||
      !name.ends_with(kAfter)) {
    return std::nullopt;
  }
  std::string_view stamp = name.substr(kBefore.size(), kStampSize);
  auto year = digits(stamp.substr(0, 4));
  auto month = digits(stamp.substr(4, 2));
  auto day = digits(stamp.substr(6, 2));
  auto hour = digits(stamp.substr(9, 2));
  auto minute = digits(stamp.substr(11, 2));
  auto second = digits(stamp.substr(13, 2));
  auto us = digits(stamp.substr(16, 6));
  if (!year || !month || !day || !hour || !minute || !second || !us) {
    return std::nullopt;
  }
  std::tm utc{};
  utc.tm_year = *year - 1900;
  utc.tm_mon = *month - 1;
  utc.tm_mday = *day;
  utc.tm_hour = *hour;
  utc.tm_min = *minute;
  utc.tm_sec = *second;
  std::int64_t start = std::int64_t{::timegm(&utc)} * 1'000'000 + *us;
  // Only a name that weir itself would write.
  return start >= 0 && partition_name(start) == name ? std::optional(start) : std::nullopt;
}

Result<std::vector<PartitionFile>> list_partitions(const std::string& directory) {
  struct Close {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  std::unique_ptr<DIR, Close> dir(::opendir(directory.c_str()));
  if (dir == nullptr) {
    return fail(errno == ENOENT ? Code::not_found : Code::io, Side::self, errno);
  }
  std::vector<PartitionFile> found;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (auto start = parse_partition_name(entry->d_name)) {
      std::string path = directory + '/' + entry->d_name;
      std::uint64_t bytes = size_of(path) + size_of(path + "-wal");
      found.push_back({std::move(path), *start, bytes});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.start_us < b.start_us; });
  return found;
}

bool remove_partition(const std::string& path) {
  bool removed = ::unlink(path.c_str()) == 0;
  ::unlink((path + "-wal").c_str());
  ::unlink((path + "-shm").c_str());
  return removed;
}

std::vector<PartitionFile> expired(const std::vector<PartitionFile>& partitions,
                                   const Retention& retention, WallTime now,
                                   std::string_view open_path) {
  std::uint64_t total = 0;
  for (const PartitionFile& p : partitions) {
    total += p.bytes;
  }
  std::vector<PartitionFile> out;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const PartitionFile& p = partitions[i];
    if (p.path == open_path) {
      continue;
    }
    // Its last row is older than the first of the next; of the last one nothing is known.
    bool old = retention.keep > Duration(0) && i + 1 < partitions.size() &&
               WallTime(Duration(partitions[i + 1].start_us)) + retention.keep < now;
    bool over = retention.max_bytes > 0 && total > retention.max_bytes;
    if (old || over) {
      total -= p.bytes;
      out.push_back(p);
    }
  }
  return out;
}

} // namespace weir::log
