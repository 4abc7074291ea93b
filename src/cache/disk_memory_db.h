// SPDX-License-Identifier: Apache-2.0
//
// MemoryDb: a DiskDb of sorted maps, for tests: with failures on demand, and for thread sanitizers.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>

#include "cache/disk_db.h"

namespace weir::cache {

class MemoryDb final : public DiskDb {
public:
  explicit MemoryDb(const RowJudge* judge = nullptr) : judge_(judge) {}

  /// From now on writes and flushes fail with this code; Code::none: no longer.
  void break_writes(Code code) noexcept { broken_.store(code); }
  /// Flips a bit of the value of a row. False: no such row.
  bool damage(Family family, std::string_view key, std::size_t at);
  std::size_t rows(Family family) const;

  Result<void> write(const DiskBatch& batch) override;
  Result<void> flush() override;
  Result<void> resume() override { return flush(); }
  Result<Slice> get(Family family, std::string_view key) override;
  Probe get_cached(Family family, std::string_view key, std::string& value) override;
  Result<void> scan(Family family, std::string_view from, std::string_view to,
                    const Visitor& visitor) override;
  Result<std::string> last_key(Family family) override;
  Result<void> drop(Family family, std::string_view from, std::string_view to) override;
  Result<void> merge(Family family, std::string_view from, std::string_view to) override;
  std::vector<File> files(Family family, std::string_view from, std::string_view to) override;
  std::uint64_t approximate_size(Family family, std::string_view from,
                                 std::string_view to) override;
  DiskSpace space() override;
  std::uint64_t bytes_on_disk() override { return 0; }
  void finish_background() override {}
  std::string reason() const override;

private:
  using Rows = std::map<std::string, std::string, std::less<>>;
  static std::size_t at(Family family) noexcept { return static_cast<std::size_t>(family); }
  /// The rows of a range. Under mutex_.
  std::pair<Rows::iterator, Rows::iterator> range(Family family, std::string_view from,
                                                  std::string_view to);

  const RowJudge* judge_;
  std::atomic<Code> broken_{Code::none};
  mutable std::mutex mutex_;
  std::array<Rows, kFamilies> families_; // guarded by mutex_
};

} // namespace weir::cache
