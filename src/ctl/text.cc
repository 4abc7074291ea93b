// SPDX-License-Identifier: Apache-2.0
#include "ctl/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

namespace weir::ctl {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Characters, not bytes.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

} // namespace

std::string Style::paint(Colour which, std::string_view text) const {
  constexpr std::array<std::string_view, 6> kCodes = {"", "32", "33", "31", "2", "1"};
  if (!colour || which == Colour::none) {
    return std::string(text);
  }
  return fmt::format("\033[{}m{}\033[0m", kCodes[static_cast<std::size_t>(which)], text);
}

std::string clean(std::string_view text, bool lines) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) { // U+0080 to U+009F steer some terminals as well
      out += '?';
      ++i;
    } else if ((c < 0x20 || c == 0x7f) && !(lines && (c == '\n' || c == '\t'))) {
      out += '?';
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string bytes_text(double bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"B", "KB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  while (bytes >= (unit == 0 ? 1000 : 999.95) && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string seconds_text(double seconds) {
  if (seconds < 0) {
    return "-" + seconds_text(-seconds);
  }
  if (seconds == 0) {
    return "0 s";
  }
  if (seconds < 0.9995) {
    return seconds < 0.001 ? fmt::format("{:.0f} us", seconds * 1e6)
                           : fmt::format("{:.3g} ms", seconds * 1e3);
  }
  if (seconds < 60) {
    return fmt::format("{:.3g} s", seconds);
  }
  auto s = static_cast<std::int64_t>(seconds);
  if (s < 3600) {
    return s % 60 == 0 ? fmt::format("{} min", s / 60) : fmt::format("{} min {} s", s / 60, s % 60);
  }
  if (s < 86400) {
    return fmt::format("{} h {} min", s / 3600, s / 60 % 60);
  }
  return fmt::format("{} d {} h", s / 86400, s / 3600 % 24);
}

std::string count_text(double count) {
  std::string digits = fmt::format("{:.0f}", count);
  std::size_t first = !digits.empty() && digits[0] == '-' ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3; i -= 3) {
    digits.insert(i - 3, ",");
  }
  return digits;
}

std::string time_text(std::int64_t unix_s) {
  std::tm parts{};
  auto time = static_cast<std::time_t>(unix_s);
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text.data();
}

Table::Table(std::vector<std::string> titles, std::vector<Align> align)
    : titles_(std::move(titles)), align_(std::move(align)) {}

void Table::add(std::vector<std::string> cells, Colour colour) {
  for (std::string& each : cells) {
    each = clean(each);
  }
  rows_.push_back({std::move(cells), colour});
}

std::string Table::line(const Row& row, const std::vector<std::size_t>& widths) const {
  std::string text;
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    const std::string& cell = row.cells[i];
    std::string fill(widths[i] - width_of(cell), ' ');
    bool right = i < align_.size() && align_[i] == Align::right;
    text += i == 0 ? "" : "  ";
    text += right ? fill + cell : cell + fill;
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::string Table::print(const Style& style, std::size_t indent) const {
  std::vector<std::size_t> widths;
  auto measure = [&widths](const std::vector<std::string>& cells) {
    widths.resize(std::max(widths.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(cells[i]));
    }
  };
  measure(titles_);
  for (const Row& each : rows_) {
    measure(each.cells);
  }
  std::string blanks(indent, ' ');
  std::string text;
  if (!titles_.empty()) {
    text += blanks + style.paint(Colour::faint, line({titles_, Colour::none}, widths)) + "\n";
  }
  for (const Row& each : rows_) {
    text += blanks + style.paint(each.colour, line(each, widths)) + "\n";
  }
  return text;
}

} // namespace weir::ctl
