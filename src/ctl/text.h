// SPDX-License-Identifier: Apache-2.0
//
// Text for people: aligned tables, units, colour. Pure.
//
// What is printed has been chosen by whoever sent a request, so nothing in it may steer a terminal:
// clean() is applied to every cell.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::ctl {

enum class Colour : std::uint8_t { none, good, warn, bad, faint, strong };

struct Style {
  bool colour = false;
  std::string paint(Colour colour, std::string_view text) const;
};

/// Control characters as `?`; line ends too unless `lines`.
std::string clean(std::string_view text, bool lines = false);

std::string bytes_text(double bytes);       // "1.5 GB"
std::string seconds_text(double seconds);   // "3 d 4 h", "12 min 5 s", "1.5 s", "200 ms"
std::string count_text(double count);       // "12,345"
std::string time_text(std::int64_t unix_s); // "2026-11-21 10:00:00 UTC"

class Table {
public:
  enum class Align : std::uint8_t { left, right };
  /// No titles: no header line.
  explicit Table(std::vector<std::string> titles, std::vector<Align> align = {});
  void add(std::vector<std::string> cells, Colour colour = Colour::none);
  bool empty() const noexcept { return rows_.empty(); }
  /// Lines, each after `indent` blanks.
  std::string print(const Style& style, std::size_t indent = 0) const;

private:
  struct Row {
    std::vector<std::string> cells;
    Colour colour = Colour::none;
  };
  std::string line(const Row& row, const std::vector<std::size_t>& widths) const;

  std::vector<std::string> titles_;
  std::vector<Align> align_;
  std::vector<Row> rows_;
};

} // namespace weir::ctl
