// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <array>
#include <atomic>
#include <cstring>
#include <ctime>

namespace weir {

thread_local MonoTime Clock::mono_{};
thread_local WallTime Clock::wall_{};

namespace {

std::atomic<std::int64_t> shift_us{0};

std::int64_t read_us(clockid_t id) noexcept {
  timespec ts{};
  ::clock_gettime(id, &ts);
  return std::int64_t{ts.tv_sec} * 1'000'000 + ts.tv_nsec / 1000;
}

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void put2(char* at, unsigned value) noexcept {
  at[0] = static_cast<char>('0' + value / 10 % 10);
  at[1] = static_cast<char>('0' + value % 10);
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// A cursor over the text; every take_* fails for good once one has failed.
class Reader {
public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }
  void take(std::string_view literal) {
    if (!ok_ || rest_.size() < literal.size()) {
      ok_ = false;
      return;
    }
    for (std::size_t i = 0; i < literal.size(); ++i) {
      if (lower(rest_[i]) != lower(literal[i])) {
        ok_ = false;
        return;
      }
    }
    rest_.remove_prefix(literal.size());
  }
  int take_digits(std::size_t n) {
    int value = 0;
    if (!ok_ || rest_.size() < n) {
      ok_ = false;
      return 0;
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') {
        ok_ = false;
        return 0;
      }
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(n);
    return value;
  }
  /// Index of the name that stands here, or -1 and failure.
  template <std::size_t N> int take_name(const std::array<std::string_view, N>& names) {
    for (std::size_t i = 0; ok_ && i < N; ++i) {
      Reader probe = *this;
      probe.take(names[i]);
      if (probe.ok_) {
        rest_ = probe.rest_;
        return static_cast<int>(i);
      }
    }
    ok_ = false;
    return -1;
  }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Fields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, weekday = 0;
};

void take_time(Reader& r, Fields& f) {
  f.hour = r.take_digits(2);
  r.take(":");
  f.minute = r.take_digits(2);
  r.take(":");
  f.second = r.take_digits(2);
}

std::optional<WallTime> to_time(const Fields& f) noexcept {
  using namespace std::chrono;
  if (f.hour > 23 || f.minute > 59 || f.second > 60) {
    return {};
  }
  year_month_day date{year{f.year}, month{static_cast<unsigned>(f.month + 1)},
                      day{static_cast<unsigned>(f.day)}};
  if (!date.ok()) {
    return {};
  }
  auto time = sys_days{date} + hours{f.hour} + minutes{f.minute} + seconds{f.second};
  return time_point_cast<Duration>(time);
}

} // namespace

void Clock::tick() noexcept {
  auto shift = shift_us.load(std::memory_order_relaxed);
  mono_ = MonoTime(Duration(read_us(CLOCK_MONOTONIC) + shift));
  wall_ = WallTime(Duration(read_us(CLOCK_REALTIME) + shift));
}

MonoTime Clock::read_mono() noexcept {
  return MonoTime(Duration(read_us(CLOCK_MONOTONIC) + shift_us.load(std::memory_order_relaxed)));
}

void Clock::set(MonoTime mono, WallTime wall) noexcept {
  mono_ = mono;
  wall_ = wall;
}

void Clock::advance_all(Duration by) noexcept {
  shift_us.fetch_add(by.count(), std::memory_order_relaxed);
}

std::string_view Clock::http_date() noexcept {
  thread_local std::int64_t made_for = -1;
  thread_local std::array<char, kHttpDateSize> line{};
  std::int64_t second = wall_.time_since_epoch().count() / 1'000'000;
  if (second != made_for) {
    write_http_date(wall_, line.data());
    made_for = second;
  }
  return {line.data(), line.size()};
}

void write_http_date(WallTime time, char* out29) noexcept {
  using namespace std::chrono;
  auto secs = floor<seconds>(time);
  auto days = floor<std::chrono::days>(secs);
  year_month_day date{days};
  hh_mm_ss tod{secs - days};
  auto year = static_cast<int>(date.year());
  if (year < 0 || year > 9999) {
    year = year < 0 ? 0 : 9999;
  }
  std::memcpy(out29, "Sun, 06 Nov 1994 08:49:37 GMT", kHttpDateSize);
  std::memcpy(out29, kDays[weekday{days}.c_encoding()].data(), 3);
  put2(out29 + 5, static_cast<unsigned>(date.day()));
  std::memcpy(out29 + 8, kMonths[static_cast<unsigned>(date.month()) - 1].data(), 3);
  put2(out29 + 12, static_cast<unsigned>(year) / 100);
  put2(out29 + 14, static_cast<unsigned>(year) % 100);
  put2(out29 + 17, static_cast<unsigned>(tod.hours().count()));
  put2(out29 + 20, static_cast<unsigned>(tod.minutes().count()));
  put2(out29 + 23, static_cast<unsigned>(tod.seconds().count()));
}

std::string format_http_date(WallTime time) {
  std::string text(kHttpDateSize, ' ');
  write_http_date(time, text.data());
  return text;
}

namespace {

/// Whether `c` is that letter, in either case.
constexpr bool same_letter(char c, char letter) noexcept { return (c | 0x20) == (letter | 0x20); }

/// Index of the name of three letters that stands at `at`, or -1.
template <std::size_t N>
int name_at(const char* at, const std::array<std::string_view, N>& names) noexcept {
  for (std::size_t i = 0; i < N; ++i) {
    if (same_letter(at[0], names[i][0]) && same_letter(at[1], names[i][1]) &&
        same_letter(at[2], names[i][2])) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

/// IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT. Nearly every date there is, and each octet of it has
/// a place of its own.
std::optional<Fields> read_imf(std::string_view text) noexcept {
  constexpr std::string_view kForm = "???, ## ??? #### ##:##:## ???";
  static_assert(kForm.size() == kHttpDateSize);
  if (text.size() != kForm.size()) {
    return {};
  }
  const char* at = text.data();
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    bool fits = kForm[i] == '#' ? at[i] >= '0' && at[i] <= '9' : kForm[i] == at[i];
    if (!fits && kForm[i] != '?') {
      return {};
    }
  }
  if (name_at(at + 26, std::array<std::string_view, 1>{"GMT"}) != 0) {
    return {};
  }
  auto two = [at](std::size_t i) { return (at[i] - '0') * 10 + (at[i + 1] - '0'); };
  Fields f;
  f.weekday = name_at(at, kDays);
  f.day = two(5);
  f.month = name_at(at + 8, kMonths);
  f.year = two(12) * 100 + two(14);
  f.hour = two(17);
  f.minute = two(20);
  f.second = two(23);
  return f.weekday >= 0 && f.month >= 0 ? std::optional(f) : std::nullopt;
}

/// RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
std::optional<Fields> read_rfc850(std::string_view text) {
  Fields f;
  Reader r(text);
  f.weekday = r.take_name(kLongDays);
  r.take(", ");
  f.day = r.take_digits(2);
  r.take("-");
  f.month = r.take_name(kMonths);
  r.take("-");
  f.year = r.take_digits(2);
  r.take(" ");
  take_time(r, f);
  r.take(" GMT");
  return r.at_end() ? std::optional(f) : std::nullopt;
}

/// asctime: Sun Nov  6 08:49:37 1994
std::optional<Fields> read_asctime(std::string_view text) {
  Fields f;
  Reader r(text);
  f.weekday = r.take_name(kDays);
  r.take(" ");
  f.month = r.take_name(kMonths);
  r.take(" ");
  if (r.peek() == ' ') {
    r.take(" ");
    f.day = r.take_digits(1);
  } else {
    f.day = r.take_digits(2);
  }
  r.take(" ");
  take_time(r, f);
  r.take(" ");
  f.year = r.take_digits(4);
  return r.at_end() ? std::optional(f) : std::nullopt;
}

/// A two-digit year that appears to be more than 50 years in the future is in the past
/// (RFC 9110 §5.6.7).
std::optional<WallTime> two_digit_year(Fields f, WallTime now) {
  using namespace std::chrono;
  int this_year = static_cast<int>(year_month_day{floor<days>(now)}.year());
  f.year += this_year / 100 * 100;
  auto time = to_time(f);
  auto limit = now + years{50};
  if (!time || *time > limit) {
    f.year -= 100;
    time = to_time(f);
  }
  return time;
}

} // namespace

std::optional<WallTime> parse_http_date(std::string_view text, WallTime now) noexcept {
  if (auto f = read_imf(text)) {
    return to_time(*f);
  }
  if (auto f = read_rfc850(text)) {
    return two_digit_year(*f, now);
  }
  if (auto f = read_asctime(text)) {
    return to_time(*f);
  }
  return {};
}

} // namespace weir
