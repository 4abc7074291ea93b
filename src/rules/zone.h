// SPDX-License-Identifier: Apache-2.0
//
// Zone: the offsets from UTC of an IANA time zone, from the system's TZif files (RFC 9636; g++ 12
// has no std::chrono::tzdb). A value, immutable after load; any thread.
//
// The transitions of the file, and those its last rule makes up to 2100, stand in one sorted table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir::rules {

class Zone {
public:
  /// UTC.
  Zone() = default;
  /// "Europe/Berlin"; empty: the machine's own (/etc/localtime, or UTC without one).
  static Result<Zone> load(std::string_view name);
  /// The bytes of a TZif file.
  static Result<Zone> parse(std::string_view bytes);

  /// What is added to UTC at that time.
  std::chrono::seconds offset_at(WallTime time) const noexcept;

private:
  struct Transition {
    std::int64_t at; // seconds since 1970, UTC
    std::int32_t offset;
  };
  void go_on(std::string_view rule);

  std::int32_t first_ = 0; // before the first transition
  std::vector<Transition> transitions_;
};

} // namespace weir::rules
