// SPDX-License-Identifier: Apache-2.0
#include "cache/parts.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <string>

using namespace weir;
using namespace weir::cache;

namespace {

/// What the octets of the body are: so that each can be told from its place.
std::string body(std::uint64_t first, std::uint64_t end) {
  std::string text;
  for (std::uint64_t at = first; at < end; ++at) {
    text += static_cast<char>('a' + at % 26);
  }
  return text;
}

Part part_of(std::uint64_t first, std::uint64_t end) {
  std::string text = body(first, end);
  Slice whole{std::string_view(text)};
  std::vector<Slice> slices;
  while (!whole.empty()) {
    slices.push_back(whole.take_front(std::min<std::size_t>(whole.size, 7)));
  }
  return make_part(first, std::move(slices)); // copies
}

std::string text_of(const Part& part) {
  std::string text;
  for (const Slice& slice : part.slices) {
    text += slice.view();
  }
  return text;
}

std::string places(const Parts& parts) {
  std::string text;
  for (const Part& part : parts.all()) {
    CHECK(part.size == text_of(part).size());
    CHECK(text_of(part) == body(part.first, part.end()));
    text += std::to_string(part.first) + "-" + std::to_string(part.end()) + " ";
  }
  return text;
}

} // namespace

TEST_CASE("C10.4 parts are joined where they touch or overlap") {
  struct Case {
    std::uint64_t first, end;
    const char* joined;
  };
  const Case cases[] = {
      {0, 5, "0-5 10-20 30-40 "},
      {0, 10, "0-20 30-40 "},
      {5, 15, "5-20 30-40 "},
      {12, 18, "10-20 30-40 "},
      {15, 25, "10-25 30-40 "},
      {20, 30, "10-40 "},
      {15, 35, "10-40 "},
      {0, 50, "0-50 "},
      {41, 50, "10-20 30-40 41-50 "},
      {22, 28, "10-20 22-28 30-40 "},
      {10, 20, "10-20 30-40 "},
      {5, 40, "5-40 "},
  };
  for (const Case& each : cases) {
    CAPTURE(each.first, each.end);
    Parts two({part_of(10, 20), part_of(30, 40)});
    auto joined = join(two, part_of(each.first, each.end));
    CHECK(places(*joined) == each.joined);
  }
}

TEST_CASE("what is covered, and where the body begins") {
  Parts parts({part_of(0, 5), part_of(10, 20)});
  CHECK(parts.bytes() == 15);
  CHECK(parts.cost() > 15);
  CHECK(parts.covering(10, 20)->first == 10);
  CHECK(parts.covering(12, 13)->first == 10);
  CHECK(parts.covering(0, 6) == nullptr);
  CHECK(parts.covering(4, 11) == nullptr);
  CHECK(parts.covering(20, 21) == nullptr);
  CHECK(parts.prefix()->end() == 5);
  CHECK(Parts({part_of(1, 5)}).prefix() == nullptr);
}

TEST_CASE("their number is bounded: the smallest go") {
  auto parts = make_ref<const Parts>(std::vector<Part>{part_of(0, 1)});
  for (std::uint64_t i = 1; i < 2 * Parts::kMost; ++i) {
    parts = join(*parts, part_of(i * 100, i * 100 + 1 + i % 50));
  }
  CHECK(parts->all().size() == Parts::kMost);
  CHECK(parts->covering(0, 1) == nullptr);
  places(*parts);
}

TEST_CASE("any parts in any order: the octets are those of the body") {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    Ref<const Parts> parts;
    std::string have(300, '.');
    for (int i = 0; i < 40; ++i) {
      std::uint64_t first = random() % 290;
      std::uint64_t end = first + 1 + random() % std::min<std::uint64_t>(30, 300 - first);
      parts = parts ? join(*parts, part_of(first, end))
                    : make_ref<const Parts>(std::vector<Part>{part_of(first, end)});
      have.replace(first, end - first, body(first, end));
    }
    std::string got(300, '.');
    std::uint64_t last = 0;
    for (const Part& part : parts->all()) {
      CHECK((part.first > last || part.first == 0));
      last = part.end();
      got.replace(part.first, part.size, text_of(part));
    }
    CHECK(got == have);
  }
}
