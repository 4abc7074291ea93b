// SPDX-License-Identifier: Apache-2.0
//
// For the tests of log/: a directory that is gone at the end, and answers of queries as text.
#pragma once

#include <stdlib.h>

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "log/query.h"

namespace weir::log::test {

struct Scratch {
  std::filesystem::path path;
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-log-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string dir() const { return (path / "log").string(); }
};

/// Rows as text: "a|b|NULL".
class TextSink final : public RowSink {
public:
  void columns(std::span<const std::string_view> names) override {
    for (auto n : names) {
      header.emplace_back(n);
    }
  }
  bool row(std::span<const SqlValue> values) override {
    std::string line;
    for (const SqlValue& v : values) {
      if (!line.empty()) {
        line += '|';
      }
      if (const auto* n = std::get_if<std::int64_t>(&v)) {
        line += std::to_string(*n);
      } else if (const auto* d = std::get_if<double>(&v)) {
        line += std::to_string(*d);
      } else if (const auto* t = std::get_if<std::string_view>(&v)) {
        line += *t;
      } else {
        line += "NULL";
      }
    }
    rows.push_back(std::move(line));
    return rows.size() < most;
  }
  std::vector<std::string> header;
  std::vector<std::string> rows;
  std::size_t most = ~std::size_t{0};
};

inline std::vector<std::string> ask(const std::string& dir, const std::string& sql,
                                    QueryStats* stats = nullptr) {
  TextSink sink;
  std::string why;
  auto r = run_sql(dir, sql, sink, why, stats);
  INFO(sql << ": " << why);
  REQUIRE(r.has_value());
  return sink.rows;
}

} // namespace weir::log::test
