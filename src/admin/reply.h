// SPDX-License-Identifier: Apache-2.0
//
// Reply: an answer that may come later. Shared by the session that waits and whoever works for it,
// on any thread; setting it wakes the session, or nobody if that has gone.
#pragma once

#include <mutex>
#include <optional>

#include "admin/answer.h"
#include "base/ref.h"
#include "event/loop.h"

namespace weir::admin {

class Reply final : public Shared {
public:
  explicit Reply(event::Ticket ticket) : ticket_(ticket) {}
  /// Any thread, once.
  void set(Answer answer);
  std::optional<Answer> take();

private:
  const event::Ticket ticket_;
  std::mutex mutex_;
  std::optional<Answer> answer_; // guarded by mutex_
};

} // namespace weir::admin
