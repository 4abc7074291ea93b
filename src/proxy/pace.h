// SPDX-License-Identifier: Apache-2.0
//
// Pace: whether a client keeps up with `body-rate-min`. Time counts only while weir waits for the
// client, and is looked at once so much of it has passed: no deadline of its own is needed, since a
// client that does nothing at all runs into body-timeout. Owner: what has the body. Worker's
// thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace weir::proxy {

class Pace {
public:
  /// Bytes have passed: the client is not waited for any more.
  void moved(std::uint64_t bytes) noexcept {
    bytes_ += bytes;
    if (since_ != MonoTime{}) {
      waited_ += Clock::mono() - since_;
      since_ = {};
    }
  }
  /// From now on the client is waited for. False: in `time` or more of that it was slower than
  /// `least` bytes a second. With 0 it never is.
  bool waits(std::uint64_t least, Duration time) noexcept {
    moved(0);
    since_ = Clock::mono();
    if (least == 0 || waited_ < time) {
      return true;
    }
    auto seconds = std::chrono::duration<double>(waited_).count();
    bool good = static_cast<double>(bytes_) >= static_cast<double>(least) * seconds;
    waited_ = {};
    bytes_ = 0;
    return good;
  }

private:
  MonoTime since_{}; // waits since then; MonoTime{}: does not wait
  Duration waited_{};
  std::uint64_t bytes_ = 0;
};

} // namespace weir::proxy
