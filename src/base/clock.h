// SPDX-License-Identifier: Apache-2.0
//
// Clock: the two times of a thread, read once a turn by its Loop (DESIGN 8.5), and HTTP-date.
//
// mono() serves deadlines, ages and freshness; wall() serves dates and the log. Both are
// thread-local: the loop (or a test) sets them. A thread without a loop calls tick() itself.
// --enable-test-hooks adds an offset that a test moves (weir --test-clock).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

using Duration = std::chrono::microseconds;

struct MonoClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoClock, Duration>;
  static constexpr bool is_steady = true;
};
using MonoTime = MonoClock::time_point;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

class Clock {
public:
  /// The time at the last tick of this thread.
  static MonoTime mono() noexcept { return mono_; }
  static WallTime wall() noexcept { return wall_; }
  /// Reads both clocks.
  static void tick() noexcept;
  /// Reads the monotonic clock now, without changing mono(): for measuring.
  static MonoTime read_mono() noexcept;
  /// "Sun, 06 Nov 1994 08:49:37 GMT" for wall(), made at most once a second. 29 bytes.
  static std::string_view http_date() noexcept;
  /// For tests: sets this thread's times.
  static void set(MonoTime mono, WallTime wall) noexcept;
  /// Process-wide shift of both clocks (test hook); seen at the next tick of each thread.
  static void advance_all(Duration by) noexcept;

private:
  static thread_local MonoTime mono_;
  static thread_local WallTime wall_;
};

/// IMF-fixdate (RFC 9110 §5.6.7) of whole seconds; 29 bytes.
constexpr std::size_t kHttpDateSize = 29;
void write_http_date(WallTime time, char* out29) noexcept;
std::string format_http_date(WallTime time);

/// All three forms of RFC 9110 §5.6.7, strictly, lenient in letter case only (CACHE_RULES C3.10,
/// C3.11). `now` decides the century of an RFC 850 date (50-year rule). Nothing on any deviation.
std::optional<WallTime> parse_http_date(std::string_view text, WallTime now) noexcept;

} // namespace weir
