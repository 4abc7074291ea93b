// SPDX-License-Identifier: Apache-2.0
#include "config/options.h"

#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/result.h"

namespace weir::config {
namespace {

using namespace flag; // NOLINT: the words of the table

#define WEIR_TYPE_Duration Type::duration
#define WEIR_TYPE_Bytes Type::bytes
#define WEIR_TYPE_Rate Type::rate
#define WEIR_TYPE_Count Type::count
#define WEIR_TYPE_Percent Type::percent
#define WEIR_TYPE_Switch Type::flag
#define WEIR_TYPE_Words Type::words
#define WEIR_ID_Duration(name) Scalar::name
#define WEIR_ID_Bytes(name) Scalar::name
#define WEIR_ID_Rate(name) Scalar::name
#define WEIR_ID_Count(name) Scalar::name
#define WEIR_ID_Percent(name) Scalar::name
#define WEIR_ID_Switch(name) Scalar::name
#define WEIR_ID_Words(name) Scalar::count_

constexpr Row kRows[] = {
#define OPTION(type, name, text, min, max, flags, line, prose)                                     \
  {WEIR_TYPE_##type, #name, text, min, max, flags, line, prose, WEIR_ID_##type(name)},
#include "config/options.def"
#undef OPTION
};

struct Place {
  Flags flag;
  std::string_view name;
  std::string_view prefix; // of the names of its rows
};
constexpr Place kPlaces[] = {
    {TOP, "top", "top_"},          {FORWARD, "forward", "forward_"},
    {SITE, "site", "site_"},       {ROUTE, "route", "route_"},
    {POOL, "pool", "pool_"},       {CACHE, "cache", "cache_"},
    {LIST, "list", "list_"},       {WHEN, "when", "when_"},
    {LIMIT, "limit", "limit_"},    {DNS, "dns", "dns_"},
    {LOG, "log", "log_"},          {ADMIN, "admin", "admin_"},
    {RULES, "rules", "rule_"},     {LISTEN, "listen", "listen_"},
    {SERVER, "server", "server_"}, {MEMORY, "memory", "memory_"},
    {DISK, "disk", "disk_"},       {PRIVATE, "private", "private_"},
    {ARGUMENT, "rule", "rule_"},   {CONDITION, "condition", "match_"},
    {USE, "cache NAME", "use_"},   {L4, "l4", "l4_"},
    {CHECK, "check", "check_"},    {USERS, "users", "users_"},
};

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::uint64_t kSecond = 1'000'000;
constexpr Unit kTimes[] = {{"ms", 1'000},           {"s", kSecond},         {"min", 60 * kSecond},
                           {"m", 60 * kSecond},     {"h", 3'600 * kSecond}, {"d", 86'400 * kSecond},
                           {"w", 604'800 * kSecond}};
constexpr Unit kSizes[] = {{"B", 1},
                           {"KB", std::uint64_t{1} << 10},
                           {"MB", std::uint64_t{1} << 20},
                           {"GB", std::uint64_t{1} << 30},
                           {"TB", std::uint64_t{1} << 40},
                           {"PB", std::uint64_t{1} << 50}};

/// The digits at the front of `text`; nothing when there are none or the number is too large.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  std::size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    const auto digit = static_cast<std::uint64_t>(text[i] - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) {
      return std::nullopt;
    }
    value = value * 10 + digit;
  }
  if (i == 0) {
    return std::nullopt;
  }
  text.remove_prefix(i);
  return value;
}

/// `example` shows the form: "30s, 5min, 1h".
std::string read_with_unit(std::string_view text, std::span<const Unit> units,
                           std::string_view what, std::string_view example, std::string_view names,
                           std::uint64_t most, std::uint64_t& out) {
  std::string_view unit = text;
  const auto number = take_number(unit);
  if (!number) {
    return fmt::format("{} is a whole number and a unit: {}", what, example);
  }
  if (unit.empty()) {
    return fmt::format("a unit is missing: write {0}{1}, {0}{2} or {0}{3}", text, units[1].name,
                       units[2].name, units[units.size() - 3].name);
  }
  for (const Unit& each : units) {
    if (each.name == unit) {
      if (*number > most / each.factor) {
        return "the number is too large";
      }
      out = *number * each.factor;
      return {};
    }
  }
  return fmt::format("'{}' is not a unit: {} has {}", unit, what, names);
}

/// The value of `text` in the units of the row's type, as one number.
std::string read_number(const Row& row, std::string_view text, std::uint64_t& out) {
  if (row.type == Type::duration) {
    Duration value{};
    std::string wrong = read_duration(text, value);
    out = static_cast<std::uint64_t>(value.count());
    return wrong;
  }
  if (row.type == Type::bytes || row.type == Type::words) {
    return read_bytes(text, out);
  }
  if (row.type == Type::rate) {
    return text.ends_with("/s") ? read_bytes(text.substr(0, text.size() - 2), out)
                                : "bytes in a second: write 500B/s or 2KB/s";
  }
  std::string_view rest = text;
  const auto number = take_number(rest);
  if (row.type == Type::percent) {
    if (!number || rest != "%") {
      return "a share is written with its sign: 50%";
    }
  } else if (!number || !rest.empty()) {
    return "a whole number without a unit belongs here";
  }
  out = *number;
  return {};
}

std::string check_bounds(const Row& row, std::string_view text, std::uint64_t value) {
  std::uint64_t bound = 0;
  if (!row.min.empty() && read_number(row, row.min, bound).empty() && value < bound) {
    return fmt::format("{} is too little: at least {}", text, row.min);
  }
  if (!row.max.empty() && read_number(row, row.max, bound).empty() && value > bound) {
    return fmt::format("{} is too much: at most {}", text, row.max);
  }
  return {};
}

/// The member of a scalar row as one number, through `visit(member)`.
template <class O, class Visit> void with_member(O& options, Scalar which, Visit visit) {
#define WEIR_CASE_Duration(name) WEIR_CASE(name)
#define WEIR_CASE_Bytes(name) WEIR_CASE(name)
#define WEIR_CASE_Rate(name) WEIR_CASE(name)
#define WEIR_CASE_Count(name) WEIR_CASE(name)
#define WEIR_CASE_Percent(name) WEIR_CASE(name)
#define WEIR_CASE_Switch(name) WEIR_CASE(name)
#define WEIR_CASE_Words(name)
#define WEIR_CASE(name)                                                                            \
  case Scalar::name:                                                                               \
    visit(options.name);                                                                           \
    return;
#define OPTION(type, name, text, min, max, flags, line, prose) WEIR_CASE_##type(name)
  switch (which) {
#include "config/options.def"
  case Scalar::count_:
    return;
  }
#undef OPTION
}

void store(Options& options, Scalar which, std::uint64_t value) {
  with_member(options, which, [value](auto& member) {
    using Member = std::remove_reference_t<decltype(member)>;
    if constexpr (std::is_same_v<Member, Duration>) {
      member = Duration(static_cast<Duration::rep>(value));
    } else if constexpr (std::is_same_v<Member, bool>) {
      member = value != 0;
    } else {
      member = static_cast<Member>(value);
    }
  });
}

std::uint64_t fetch(const Options& options, Scalar which) {
  std::uint64_t value = 0;
  with_member(options, which, [&value](const auto& member) {
    using Member = std::remove_cvref_t<decltype(member)>;
    if constexpr (std::is_same_v<Member, Duration>) {
      value = static_cast<std::uint64_t>(member.count());
    } else {
      value = static_cast<std::uint64_t>(member);
    }
  });
  return value;
}

/// The part of a row's name that is its word, '_' still for '-'.
std::string_view bare_name(const Row& row) {
  for (const Place& place : kPlaces) {
    if (row.stands_in(place.flag) && row.name.substr(0, place.prefix.size()) == place.prefix) {
      return row.name.substr(place.prefix.size());
    }
  }
  return row.name;
}

bool is_word(std::string_view word, std::string_view name) {
  if (word.size() != name.size()) {
    return false;
  }
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != (name[i] == '_' ? '-' : name[i])) {
      return false;
    }
  }
  return true;
}

} // namespace

std::string Row::word() const {
  std::string word(bare_name(*this));
  for (char& c : word) {
    c = c == '_' ? '-' : c;
  }
  return word;
}

std::span<const Row> rows() noexcept { return kRows; }

const Row* find_row(std::string_view word, Flags place) {
  for (const Row& row : kRows) {
    if (row.stands_in(place) && is_word(word, bare_name(row))) {
      return &row;
    }
  }
  return nullptr;
}

std::string_view place_name(Flags place) noexcept {
  for (const Place& each : kPlaces) {
    if ((each.flag & place) != 0) {
      return each.name;
    }
  }
  return "";
}

const Options& default_options() {
  static const Options defaults = [] {
    Options options;
    for (const Row& row : kRows) {
      if (row.type != Type::words && !set_option(options, row, row.text).empty()) {
        panic(fmt::format("options.def: the default of {}", row.name));
      }
    }
    return options;
  }();
  return defaults;
}

std::string set_option(Options& options, const Row& row, std::string_view text) {
  if ((row.has(NONE) && text == "none") || (row.has(AUTO) && text == "auto")) {
    store(options, row.scalar, 0);
    return {};
  }
  if (row.type == Type::flag) {
    if (text != "yes" && text != "no") {
      return "write yes or no";
    }
    store(options, row.scalar, text == "yes" ? 1 : 0);
    return {};
  }
  std::uint64_t value = 0;
  std::string wrong = read_number(row, text, value);
  if (wrong.empty()) {
    wrong = check_bounds(row, text, value);
  } else if (row.has(NONE) || row.has(AUTO)) {
    wrong += row.has(NONE) ? "; or none" : "; or auto";
  }
  if (wrong.empty()) {
    store(options, row.scalar, value);
  }
  return wrong;
}

std::string get_option(const Options& options, const Row& row) {
  const std::uint64_t value = fetch(options, row.scalar);
  if (value == 0 && (row.has(NONE) || row.has(AUTO))) {
    return row.has(NONE) ? "none" : "auto";
  }
  switch (row.type) {
  case Type::duration:
    return write_duration(Duration(static_cast<Duration::rep>(value)));
  case Type::bytes:
    return write_bytes(value);
  case Type::rate:
    return write_bytes(value) + "/s";
  case Type::count:
    return std::to_string(value);
  case Type::percent:
    return std::to_string(value) + "%";
  case Type::flag:
    return value != 0 ? "yes" : "no";
  case Type::words:
    break;
  }
  return {};
}

std::string read_duration(std::string_view text, Duration& out) {
  std::uint64_t value = 0;
  std::string wrong = read_with_unit(text, kTimes, "a time", "30s, 5min, 1h", "ms, s, min, h, d, w",
                                     std::numeric_limits<std::int64_t>::max(), value);
  if (wrong.empty()) {
    out = Duration(static_cast<Duration::rep>(value));
  }
  return wrong;
}

std::string read_bytes(std::string_view text, Bytes& out) {
  return read_with_unit(text, kSizes, "a size", "64KB, 10MB, 1GB", "B, KB, MB, GB, TB, PB",
                        std::numeric_limits<std::uint64_t>::max(), out);
}

std::string write_duration(Duration value) {
  const auto us = static_cast<std::uint64_t>(value.count());
  std::string_view name = "s";
  std::uint64_t factor = kSecond;
  if (us % kSecond != 0) {
    return fmt::format("{}ms", us / 1'000);
  }
  for (const Unit& unit : kTimes) {
    // 60s is told as it is written in the table; weeks are told as days.
    const std::uint64_t least = unit.factor == 60 * kSecond ? 2 : 1;
    if (unit.name != "m" && unit.name != "w" && us % unit.factor == 0 &&
        us / unit.factor >= least && unit.factor > factor) {
      name = unit.name;
      factor = unit.factor;
    }
  }
  return fmt::format("{}{}", us / factor, name);
}

std::string write_bytes(Bytes value) {
  const Unit* best = &kSizes[0];
  for (const Unit& unit : kSizes) {
    if (value != 0 && value % unit.factor == 0) {
      best = &unit;
    }
  }
  return fmt::format("{}{}", value / best->factor, best->name);
}

std::string check_bytes(const Row& row, Bytes value) {
  return check_bounds(row, write_bytes(value), value);
}

} // namespace weir::config
