// SPDX-License-Identifier: Apache-2.0
//
// H2Floods: how much of what costs the sender nothing has come on an HTTP/2 connection (W10.4): so
// many at once, so many a second after that. Owner: a connection; its thread.
#pragma once

#include <array>

#include "base/clock.h"
#include "http/h2_codec.h"

namespace weir::proxy {

class H2Floods {
public:
  H2Floods();
  /// False: that was one too many.
  bool tolerates(http::H2Flood kind);
  /// What there was too much of, for the log; null: nothing.
  const char* seen() const noexcept { return seen_; }
  void note(const char* what) noexcept { seen_ = what; }

private:
  /// How much of something is left, and since when it fills up again.
  struct Bucket {
    double left = 0;
    MonoTime at{};
  };
  std::array<Bucket, 6> buckets_; // by H2Flood
  const char* seen_ = nullptr;
};

} // namespace weir::proxy
