// SPDX-License-Identifier: Apache-2.0
//
// Health: what checks say of a server of a pool (proxy/health_check.h asks). Owner: ServerState, so
// that a reload begins with what is known. Any thread: an atomic, one mutex for the counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace weir::origin {

class Health {
public:
  enum class State : std::uint8_t {
    unknown, // no check has ended; counts as up
    up,
    down, // gets no requests
  };

  State state() const noexcept { return state_.load(std::memory_order_relaxed); }
  bool is_down() const noexcept { return state() == State::down; }
  /// What came of one check: "status 503", "refused". After `rise` good ones in a row a server that
  /// was down is up, after `fall` bad ones it is down; the first good one of all counts for `rise`.
  /// True: it is another state now, from unknown to up not counted.
  bool note(bool good, std::string what, std::uint32_t rise, std::uint32_t fall);
  /// Of the last check; empty: none has ended.
  std::string last() const;

private:
  std::atomic<State> state_{State::unknown};
  mutable std::mutex mutex_;
  std::uint32_t in_a_row_ = 0; // guarded by mutex_: checks that speak against state_
  std::string last_;           // guarded by mutex_
};

/// "unknown", "up", "down".
std::string_view name(Health::State state) noexcept;

} // namespace weir::origin
