// SPDX-License-Identifier: Apache-2.0
//
// DiskMissed: the keys whose rows a tier that is off should have removed or replaced. Before it is
// used again they are removed: what is older than an answer given meanwhile must not come back.
//
// Owner: DiskWriter; storage thread only. Bounded: beyond kMost nothing is kept, and the tier has
// to begin anew, empty.
#pragma once

#include <cstddef>
#include <set>

#include "cache/disk_storage.h"

namespace weir::cache {

class DiskMissed {
public:
  static constexpr std::size_t kMost = 100'000; // about 8 MB

  void note(const Hash128& key);
  bool too_many() const noexcept { return too_many_; }
  std::size_t size() const noexcept { return keys_.size(); }
  /// All of it, or an error: those that were carried out are not kept.
  Result<void> carry_out(DiskStorage& storage);

private:
  std::set<Hash128> keys_;
  bool too_many_ = false;
};

} // namespace weir::cache
