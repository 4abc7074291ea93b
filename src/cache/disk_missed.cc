// SPDX-License-Identifier: Apache-2.0
#include "cache/disk_missed.h"

namespace weir::cache {

void DiskMissed::note(const Hash128& key) {
  if (too_many_) {
    return;
  }
  keys_.insert(key);
  if (keys_.size() > kMost) {
    too_many_ = true;
    keys_.clear();
  }
}

Result<void> DiskMissed::carry_out(DiskStorage& storage) {
  while (!keys_.empty()) {
    if (auto done = storage.remove(*keys_.begin()); !done) {
      return done;
    }
    keys_.erase(keys_.begin());
  }
  return {};
}

} // namespace weir::cache
