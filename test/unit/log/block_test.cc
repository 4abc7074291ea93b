// SPDX-License-Identifier: Apache-2.0
#include "log/block.h"

#include <limits>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::log;

namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

/// Each value as text, those of a row with blanks between, rows with lines; behind it what is
/// wrong.
std::string read(std::string_view block) {
  std::string all;
  BlockReader reader(block);
  std::vector<BlockValue> values;
  while (reader.next(values)) {
    for (const BlockValue& each : values) {
      all += each.is_number ? std::to_string(each.number) : "<" + std::string(each.text) + ">";
      all += ' ';
    }
    all += '\n';
  }
  return all + (reader.at_end() ? "" : "damaged");
}

} // namespace

TEST_CASE("log block: rows come back as they went in") {
  BlockWriter writer;
  CHECK(writer.empty());
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all += static_cast<char>(i);
  }
  for (int round = 0; round < 2; ++round) {
    writer.begin_row();
    for (std::int64_t number :
         {std::int64_t{0}, std::int64_t{9}, std::int64_t{10}, std::int64_t{-1}, kLeast, kMost}) {
      writer.number(number);
    }
    writer.end_row();
    writer.begin_row();
    writer.text("");
    writer.text(all);
    writer.text("a \"b\" \\ c");
    writer.number(7);
    writer.text(all);
    writer.end_row();
    std::string block(writer.finish());
    CHECK(block.size() == writer.bytes() + 1);
    CHECK(read(block) == "0 9 10 -1 -9223372036854775808 9223372036854775807 \n<> <" + all +
                             "> <a \"b\" \\ c> 7 <" + all + "> \n");
    writer.clear();
    CHECK(writer.empty());
    CHECK(writer.bytes() == 0);
  }
}

TEST_CASE("log block: it is JSON without blanks") {
  BlockWriter writer;
  for (int i = 0; i < 2; ++i) {
    writer.begin_row();
    writer.number(i);
    writer.text("/\x01\"\xff");
    writer.end_row();
  }
  CHECK(writer.finish() == "[[0,\"/\\u0001\\\"\xff\"],[1,\"/\\u0001\\\"\xff\"]]");
}

TEST_CASE("log block: what is damaged is said where it begins") {
  auto [block, expected] = GENERATE(table<const char*, const char*>({
      {"", "damaged"},
      {"[", "damaged"},
      {"[]", "damaged"},
      {"[[]]", "damaged"},
      {"[[1]", "1 \ndamaged"},
      {"[[1]]]", "1 \ndamaged"},
      {"[[1],]", "1 \ndamaged"},
      {"[[1],[2,]]", "1 \ndamaged"},
      {"[[1][2]]", "1 \ndamaged"},
      {"[[1 ]]", "damaged"},
      {"[[+1]]", "damaged"},
      {"[[9223372036854775808]]", "damaged"},
      {"[[1.5]]", "damaged"},
      {"[[null]]", "damaged"},
      {"[[\"a]]", "damaged"},
      {"[[\"a\\\"]]", "damaged"},
      {"[[\"\\n\"]]", "damaged"},
      {"[[\"\\u0020\"]]", "damaged"},
      {"[[\"\\u001G\"]]", "damaged"},
      {"[[\"\\u00\"]]", "damaged"},
      {"[[1],[\"\\u000a\"]]", "1 \n<\n> \n"},
  }));
  INFO(block);
  CHECK(read(block) == expected);
}
