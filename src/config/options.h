// SPDX-License-Identifier: Apache-2.0
//
// Options: the scalar values of the table options.def, and the rows of that table.
//
// A value: a block of the file starts from a copy of the Options of the block around it and
// overrides. set_option() reads a value of the file and a default of the table by the same code.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "config/source.h"

namespace weir::config {

using Bytes = std::uint64_t;

/// Where a row may stand, and what else is true of it.
using Flags = std::uint32_t;
namespace flag {
// Blocks.
constexpr Flags TOP = 1U << 0, FORWARD = 1U << 1, SITE = 1U << 2, ROUTE = 1U << 3, POOL = 1U << 4,
                CACHE = 1U << 5, LIST = 1U << 6, WHEN = 1U << 7, DNS = 1U << 8, LOG = 1U << 9,
                ADMIN = 1U << 10, RULES = 1U << 11;
// Within a statement: after `listen`, after a condition's action, ...
constexpr Flags LISTEN = 1U << 12, SERVER = 1U << 13, MEMORY = 1U << 14, DISK = 1U << 15,
                PRIVATE = 1U << 16, ARGUMENT = 1U << 17, CONDITION = 1U << 18, USE = 1U << 19;
constexpr Flags LIMIT = 1U << 20, L4 = 1U << 21; // blocks
constexpr Flags CHECK = 1U << 22;                // within a statement
constexpr Flags USERS = 1U << 23;                // a block
constexpr Flags PLACES = (1U << 24) - 1;
constexpr Flags RELOAD = 1U << 24; // a reload changes it
constexpr Flags NONE = 1U << 25;   // `none` may stand for the value; stored as 0
constexpr Flags AUTO = 1U << 26;   // `auto` may; stored as 0
constexpr Flags ONCE = 1U << 27;   // at most once in its block
constexpr Flags BLOCK = 1U << 28;  // has a block
} // namespace flag

enum class Type : std::uint8_t { duration, bytes, rate, count, percent, flag, words };

/// One for each scalar row.
enum class Scalar : std::uint8_t {
#define WEIR_SCALAR_Duration(name) name,
#define WEIR_SCALAR_Bytes(name) name,
#define WEIR_SCALAR_Rate(name) name,
#define WEIR_SCALAR_Count(name) name,
#define WEIR_SCALAR_Percent(name) name,
#define WEIR_SCALAR_Switch(name) name,
#define WEIR_SCALAR_Words(name)
#define OPTION(type, name, text, min, max, flags, line, prose) WEIR_SCALAR_##type(name)
#include "config/options.def"
#undef OPTION
  count_
};
constexpr std::size_t kScalars = static_cast<std::size_t>(Scalar::count_);

struct Options {
#define WEIR_MEMBER_Duration(name) Duration name{};
#define WEIR_MEMBER_Bytes(name) Bytes name = 0;
#define WEIR_MEMBER_Rate(name) Bytes name = 0; // a second
#define WEIR_MEMBER_Count(name) std::uint32_t name = 0;
#define WEIR_MEMBER_Percent(name) std::uint32_t name = 0;
#define WEIR_MEMBER_Switch(name) bool name = false;
#define WEIR_MEMBER_Words(name)
#define OPTION(type, name, text, min, max, flags, line, prose) WEIR_MEMBER_##type(name)
#include "config/options.def"
#undef OPTION
  /// Where each was written; line 0: nowhere, the default.
  std::array<Position, kScalars> where{};
  const Position& written_at(Scalar which) const noexcept {
    return where[static_cast<std::size_t>(which)];
  }
};

/// A row of the table.
struct Row {
  Type type;
  std::string_view name; // dns_timeout
  std::string_view text; // the default; Words: the form
  std::string_view min;
  std::string_view max;
  Flags flags;
  std::string_view line;
  std::string_view prose;
  Scalar scalar; // Scalar::count_ for Words

  bool stands_in(Flags places) const noexcept { return (flags & flag::PLACES & places) != 0; }
  bool has(Flags which) const noexcept { return (flags & which) == which; }
  /// The word in the file: "timeout".
  std::string word() const;
};
std::span<const Row> rows() noexcept;
/// The row of a word in a place, or nullptr.
const Row* find_row(std::string_view word, Flags place);
/// "forward", "site", ...: the name of one place.
std::string_view place_name(Flags place) noexcept;

/// Every scalar at its default.
const Options& default_options();

/// Reads `text` into the member of a scalar row. "" on success, else what is wrong with it, as in
/// "a unit is missing: write 30s, 5min or 1h".
std::string set_option(Options& options, const Row& row, std::string_view text);
/// The value as it would be written: "10min", "64KB", "none".
std::string get_option(const Options& options, const Row& row);

/// A number with its unit. "" on success.
std::string read_duration(std::string_view text, Duration& out);
std::string read_bytes(std::string_view text, Bytes& out);
std::string write_duration(Duration value);
std::string write_bytes(Bytes value);
/// The bounds of a size in a Words row (disk, memory). "" when they hold.
std::string check_bytes(const Row& row, Bytes value);

} // namespace weir::config
