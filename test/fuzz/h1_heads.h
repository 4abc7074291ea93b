// SPDX-License-Identifier: Apache-2.0
//
// For the fuzz targets of heads: the same bytes whole, in two parts and octet by octet must have
// the same outcome; what was parsed, written again and parsed again must say the same.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"

namespace weir::http {

struct Outcome {
  Code code = Code::none;
  bool complete = false;
  std::size_t size = 0;
  std::string text;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

inline void append_fields(std::string& text, const Fields& fields) {
  for (const Field& f : fields) {
    CHECK(is_token(f.name));
    CHECK(is_field_value(f.value));
    CHECK(f.id == field_id(f.name));
    text.append(f.name).append(":").append(f.value).append("\n");
  }
}

/// `Head` is filled by parse(buffer, head, arena); describe(head) says everything in it.
template <class Head, class Parse, class Describe>
Outcome feed(std::string_view bytes, const std::vector<std::size_t>& cuts, Parse parse,
             Describe describe) {
  auto head = std::make_unique<Head>();
  Arena arena;
  std::unique_ptr<char[]> memory;
  for (std::size_t end : cuts) {
    auto fresh = std::make_unique<char[]>(end);
    bytes.copy(fresh.get(), end);
    memory = std::move(fresh);
    Result<Progress> progress = parse({memory.get(), end}, *head, arena);
    if (!progress) {
      return {progress.error().code, false, 0, {}};
    }
    if (progress->complete) {
      CHECK(progress->size <= end);
      return {Code::none, true, progress->size, describe(*head)};
    }
  }
  return {};
}

template <class Head, class MakeParse, class Describe>
Outcome feed_all_ways(std::string_view bytes, MakeParse make_parse, Describe describe) {
  Outcome whole = feed<Head>(bytes, {bytes.size()}, make_parse(), describe);
  for (std::size_t cut : {bytes.size() / 3, bytes.size() / 2, bytes.size() - bytes.size() / 5}) {
    CHECK(feed<Head>(bytes, {cut, bytes.size()}, make_parse(), describe) == whole);
  }
  std::vector<std::size_t> each;
  std::size_t step = bytes.size() / 200 + 1; // copying at each step is quadratic
  for (std::size_t i = 1; i < bytes.size(); i += step) {
    each.push_back(i);
  }
  each.push_back(bytes.size());
  CHECK(feed<Head>(bytes, each, make_parse(), describe) == whole);
  return whole;
}

} // namespace weir::http
