// SPDX-License-Identifier: Apache-2.0
#include "http/range.h"

#include <algorithm>
#include <limits>

#include "http/chars.h"
#include "http/h1_writer.h"

namespace weir::http {

namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

/// 1*DIGIT, saturating.
std::optional<std::uint64_t> read_number(std::string_view text) noexcept {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) {
    return {};
  }
  std::uint64_t value = 0;
  for (char c : text) {
    auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (kLargest - digit) / 10) {
      return kLargest;
    }
    value = value * 10 + digit;
  }
  return value;
}

std::optional<RangeSpec> read_spec(std::string_view text) noexcept {
  auto dash = text.find('-');
  if (dash == std::string_view::npos) {
    return {};
  }
  auto first = read_number(text.substr(0, dash));
  auto last = read_number(text.substr(dash + 1));
  if (dash == 0) {
    return last ? std::optional(RangeSpec{RangeSpec::Kind::suffix, 0, *last}) : std::nullopt;
  }
  if (first && dash + 1 == text.size()) {
    return RangeSpec{RangeSpec::Kind::open, *first, 0};
  }
  if (!first || !last || *last < *first) {
    return {};
  }
  return RangeSpec{RangeSpec::Kind::closed, *first, *last};
}

/// The part of a representation that is not empty; nothing: not satisfiable.
std::optional<ByteRange> resolve(const RangeSpec& spec, std::uint64_t length) noexcept {
  if (spec.kind == RangeSpec::Kind::suffix) {
    return spec.last == 0
               ? std::nullopt
               : std::optional(ByteRange{length - std::min(length, spec.last), length - 1});
  }
  if (spec.first >= length) {
    return {};
  }
  return ByteRange{spec.first, spec.kind == RangeSpec::Kind::open
                                   ? length - 1
                                   : std::min(spec.last, length - 1)};
}

/// The text behind "bytes" and one separator; nothing: another unit.
std::optional<std::string_view> after_unit(std::string_view text, char separator) noexcept {
  constexpr std::string_view kUnit = "bytes";
  if (text.size() <= kUnit.size() || !iequals(text.substr(0, kUnit.size()), kUnit) ||
      text[kUnit.size()] != separator) {
    return {};
  }
  return text.substr(kUnit.size() + 1);
}

} // namespace

std::optional<RangeSet> parse_range(const Fields& request) noexcept {
  return request.count(FieldId::range) == 1 ? parse_range(request.value(FieldId::range))
                                            : std::nullopt;
}

std::optional<RangeSet> parse_range(std::string_view value) noexcept {
  auto list = after_unit(value, '=');
  if (!list) {
    return {};
  }
  RangeSet set;
  ListReader reader(*list);
  while (auto member = reader.next()) {
    auto spec = read_spec(*member);
    if (!spec || set.count == RangeSet::kMost) {
      return {};
    }
    set.specs[set.count++] = *spec;
  }
  return set.count != 0 ? std::optional(set) : std::nullopt;
}

RangeAnswer resolve_ranges(const RangeSet& set, std::uint64_t length) noexcept {
  RangeAnswer answer;
  for (const RangeSpec& spec : set.view()) {
    if (length == 0 && spec.kind == RangeSpec::Kind::suffix && spec.last != 0) {
      return {}; // satisfiable, and there is nothing: 200 with an empty body
    }
    if (auto part = resolve(spec, length)) {
      answer.parts[answer.count++] = *part;
    }
  }
  if (answer.count == 0) {
    answer.kind = RangeAnswer::Kind::unsatisfiable;
    return answer;
  }
  for (std::size_t i = 0; i < answer.count; ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (answer.parts[i].first <= answer.parts[k].last &&
          answer.parts[k].first <= answer.parts[i].last) {
        return {}; // overlapping: RFC 9110 §17.15
      }
    }
  }
  answer.kind = RangeAnswer::Kind::parts;
  return answer;
}

std::optional<ContentRange> parse_content_range(std::string_view value) noexcept {
  auto text = after_unit(value, ' ');
  if (!text) {
    return {};
  }
  auto slash = text->find('/');
  if (slash == std::string_view::npos) {
    return {};
  }
  auto range = text->substr(0, slash);
  auto length = text->substr(slash + 1);
  ContentRange result;
  if (length != "*") {
    result.length = parse_decimal(length);
    if (!result.length) {
      return {};
    }
  }
  if (range == "*") {
    return result.length ? std::optional(result) : std::nullopt;
  }
  auto dash = range.find('-');
  auto first = parse_decimal(range.substr(0, dash));
  auto last = parse_decimal(dash < range.size() ? range.substr(dash + 1) : std::string_view{});
  if (!first || !last || *last < *first || (result.length && *last >= *result.length)) {
    return {};
  }
  result.range = ByteRange{*first, *last};
  return result;
}

std::string_view write_content_range(const ByteRange& range, std::optional<std::uint64_t> length,
                                     Arena& arena) {
  return arena.join({"bytes ", Decimal(range.first).view(), "-", Decimal(range.last).view(), "/",
                     length ? Decimal(*length).view() : "*"});
}

std::string_view write_unsatisfied_range(std::uint64_t length, Arena& arena) {
  return arena.join({"bytes */", Decimal(length).view()});
}

} // namespace weir::http
