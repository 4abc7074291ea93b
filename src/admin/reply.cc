// SPDX-License-Identifier: Apache-2.0
#include "admin/reply.h"

#include <utility>

namespace weir::admin {

void Reply::set(Answer answer) {
  {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  ticket_.wake();
}

std::optional<Answer> Reply::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(answer_, std::nullopt);
}

} // namespace weir::admin
