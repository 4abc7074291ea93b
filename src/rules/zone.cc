// SPDX-License-Identifier: Apache-2.0
#include "rules/zone.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

namespace weir::rules {

namespace {

constexpr std::size_t kMaxFile = 256 * 1024;
constexpr int kLastYear = 2100;

/// Takes fields off the front; all are zero once the bytes have ended.
class Bytes {
public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}
  bool ok() const noexcept { return ok_; }
  std::string_view rest() const noexcept { return rest_; }
  std::string_view take(std::size_t n) {
    if (!ok_ || n > rest_.size()) {
      ok_ = false;
      return {};
    }
    auto bytes = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return bytes;
  }
  std::uint64_t number(std::size_t n) {
    std::uint64_t value = 0;
    for (char c : take(n)) {
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }

private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Counts {
  char version = 0;
  std::uint32_t is_ut = 0, is_std = 0, leap = 0, time = 0, type = 0, chars = 0;
  std::size_t body(std::size_t time_size) const {
    return std::size_t{time} * (time_size + 1) + std::size_t{type} * 6 + chars +
           std::size_t{leap} * (time_size + 4) + is_std + is_ut;
  }
};

bool take_counts(Bytes& in, Counts& c) {
  if (in.take(4) != "TZif") {
    return false;
  }
  auto version = in.take(16);
  c.version = version.empty() ? '\0' : version[0];
  c.is_ut = in.u32();
  c.is_std = in.u32();
  c.leap = in.u32();
  c.time = in.u32();
  c.type = in.u32();
  c.chars = in.u32();
  return in.ok();
}

/// The last line of the file: a POSIX TZ string, "CET-1CEST,M3.5.0,M10.5.0/3".
class Rule {
public:
  explicit Rule(std::string_view text) : rest_(text) {
    take_name();
    standard_ = -take_time();
    if (rest_.empty()) {
      return;
    }
    take_name();
    summer_ = standard_ + 3600;
    if (!rest_.empty() && rest_[0] != ',') {
      summer_ = -take_time();
    }
    has_summer_ = true;
    begin_ = take_day();
    end_ = take_day();
    ok_ = ok_ && rest_.empty();
  }
  bool ok() const noexcept { return ok_; }
  bool has_summer() const noexcept { return has_summer_; }
  std::int32_t standard() const noexcept { return standard_; }
  std::int32_t summer() const noexcept { return summer_; }
  /// When summer time begins and ends in a year, UTC.
  std::int64_t begin(int year) const { return second(begin_, year) - standard_; }
  std::int64_t end(int year) const { return second(end_, year) - summer_; }

private:
  struct Day {
    char form = 'M'; // M month.week.day, J day without leap days from 1, N day from 0
    std::int32_t month = 1, week = 1, day = 0;
    std::int32_t time = 7200;
  };

  void take_name() {
    std::size_t n = 0;
    if (!rest_.empty() && rest_[0] == '<') {
      n = rest_.find('>');
      n = n == std::string_view::npos ? rest_.size() : n + 1;
    } else {
      while (n < rest_.size() && ((rest_[n] | 0x20) >= 'a' && (rest_[n] | 0x20) <= 'z')) {
        ++n;
      }
    }
    ok_ = ok_ && n >= 3;
    rest_.remove_prefix(n);
  }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  std::int32_t take_number(std::int32_t most) {
    std::int32_t value = 0;
    bool any = false;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9' && value <= most) {
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
      any = true;
    }
    ok_ = ok_ && any && value <= most;
    return ok_ ? value : 0;
  }
  std::int32_t take_time() {
    std::int32_t sign = take('-') ? -1 : (take('+'), 1);
    std::int32_t value = take_number(167) * 3600;
    if (take(':')) {
      value += take_number(59) * 60;
    }
    if (take(':')) {
      value += take_number(59);
    }
    return sign * value;
  }
  Day take_day() {
    Day d;
    ok_ = take(',') && ok_;
    if (take('M')) {
      d.month = take_number(12);
      ok_ = take('.') && ok_;
      d.week = take_number(5);
      ok_ = take('.') && ok_;
      d.day = take_number(6);
      ok_ = ok_ && d.month >= 1 && d.week >= 1;
    } else {
      d.form = take('J') ? 'J' : 'N';
      d.day = take_number(365);
    }
    if (take('/')) {
      d.time = take_time();
    }
    return d;
  }
  static std::int64_t second(const Day& d, int in_year) {
    using namespace std::chrono;
    year y{in_year};
    sys_days day = sys_days{y / January / 1};
    if (d.form == 'M') {
      month m{static_cast<unsigned>(d.month)};
      weekday w{static_cast<unsigned>(d.day)};
      day = d.week == 5 ? sys_days{y / m / w[last]}
                        : sys_days{y / m / w[static_cast<unsigned>(d.week)]};
    } else if (d.form == 'J') {
      day += days{d.day - 1 + (y.is_leap() && d.day > 59 ? 1 : 0)};
    } else {
      day += days{d.day};
    }
    return duration_cast<seconds>(day.time_since_epoch()).count() + d.time;
  }

  std::string_view rest_;
  bool ok_ = true;
  bool has_summer_ = false;
  std::int32_t standard_ = 0;
  std::int32_t summer_ = 0;
  Day begin_, end_;
};

std::optional<std::string> read_file(const std::string& path) {
  struct Closer {
    void operator()(FILE* f) const { std::fclose(f); }
  };
  std::unique_ptr<FILE, Closer> file(std::fopen(path.c_str(), "re"));
  if (!file) {
    return {};
  }
  std::string bytes(kMaxFile, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
  return bytes;
}

} // namespace

Result<Zone> Zone::load(std::string_view name) {
  if (name.empty()) {
    auto bytes = read_file("/etc/localtime");
    return bytes ? parse(*bytes) : Zone();
  }
  bool safe = name[0] != '/' && name.find("..") == std::string_view::npos &&
              name.find('\0') == std::string_view::npos;
  auto bytes = safe ? read_file("/usr/share/zoneinfo/" + std::string(name)) : std::nullopt;
  if (!bytes) {
    if (name == "UTC") {
      return Zone();
    }
    return fail(Code::not_found);
  }
  return parse(*bytes);
}

Result<Zone> Zone::parse(std::string_view bytes) {
  Bytes in(bytes);
  Counts c;
  if (!take_counts(in, c)) {
    return fail(Code::malformed);
  }
  std::size_t time_size = 4;
  if (c.version >= '2') {
    in.take(c.body(4));
    if (!take_counts(in, c)) {
      return fail(Code::malformed);
    }
    time_size = 8;
  }
  if (c.type == 0 || c.type > 256 || c.body(time_size) > in.rest().size()) {
    return fail(Code::malformed);
  }
  Bytes times(in.take(c.time * time_size));
  Bytes kinds(in.take(c.time));
  std::vector<std::int32_t> offsets(c.type);
  for (auto& offset : offsets) {
    offset = static_cast<std::int32_t>(in.u32());
    in.take(2);
    if (offset < -26 * 3600 || offset > 26 * 3600) {
      return fail(Code::malformed);
    }
  }
  in.take(c.chars + std::size_t{c.leap} * (time_size + 4) + c.is_std + c.is_ut);
  Zone zone;
  zone.first_ = offsets[0];
  for (std::uint32_t i = 0; i < c.time; ++i) {
    auto at = time_size == 8 ? static_cast<std::int64_t>(times.number(8))
                             : static_cast<std::int32_t>(times.u32());
    auto kind = kinds.number(1);
    if (kind >= offsets.size() ||
        (!zone.transitions_.empty() && at <= zone.transitions_.back().at)) {
      return fail(Code::malformed);
    }
    zone.transitions_.push_back({at, offsets[kind]});
  }
  auto footer = in.rest();
  if (time_size == 8 && footer.size() > 2 && footer.front() == '\n') {
    zone.go_on(footer.substr(1, footer.find('\n', 1) - 1));
  }
  return zone;
}

/// Adds what a rule says about the time after the last transition. A rule in another form: nothing.
void Zone::go_on(std::string_view text) {
  Rule rule(text);
  if (!rule.ok()) {
    return;
  }
  if (!rule.has_summer()) {
    first_ = transitions_.empty() ? rule.standard() : first_;
    return;
  }
  std::vector<Transition> more;
  for (int year = 1970; year <= kLastYear; ++year) {
    more.push_back({rule.begin(year), rule.summer()});
    more.push_back({rule.end(year), rule.standard()});
  }
  std::sort(more.begin(), more.end(),
            [](const Transition& a, const Transition& b) { return a.at < b.at; });
  std::int64_t known = transitions_.empty() ? INT64_MIN : transitions_.back().at;
  for (const auto& t : more) {
    if (t.at > known) {
      transitions_.push_back(t);
    }
  }
}

std::chrono::seconds Zone::offset_at(WallTime time) const noexcept {
  auto second = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  auto after = std::upper_bound(transitions_.begin(), transitions_.end(), second,
                                [](std::int64_t at, const Transition& t) { return at < t.at; });
  return std::chrono::seconds(after == transitions_.begin() ? first_ : std::prev(after)->offset);
}

} // namespace weir::rules
