// SPDX-License-Identifier: Apache-2.0
//
// Report: the files of one run and what is wrong in them. Internal to config/; lives as long as the
// run. It keeps the texts, so that a message can quote its line.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace weir::config {

class Report {
public:
  /// More errors than this are counted, not told.
  static constexpr std::size_t kMost = 1000;

  /// The number of the file from now on; Position::file.
  std::uint32_t add_file(std::string name, std::string text);
  const std::string& name(std::uint32_t file) const { return files_[file].name; }
  /// Views into it are good as long as the Report.
  std::string_view text(std::uint32_t file) const { return files_[file].text; }
  std::vector<std::string> names() const;
  /// "weir.conf:12".
  std::string where(const Position& at) const;
  /// `path` as it is meant in the file of `at`: a relative one starts from the file's folder.
  std::string resolve(const Position& at, std::string_view path) const;

  void error(const Position& at, std::string what, std::string hint = {}) {
    add(Severity::error, at, std::move(what), std::move(hint));
  }
  /// An error in the form of a word: what else is wrong with it follows and is not told.
  void bad_word(const Position& at, std::string what, std::string hint = {}) {
    error(at, std::move(what), std::move(hint));
    bad_words_.push_back(at);
  }
  void warning(const Position& at, std::string what, std::string hint = {}) {
    add(Severity::warning, at, std::move(what), std::move(hint));
  }
  /// About a file as a whole, or about none.
  void file_error(const std::string& name, std::string what);
  void file_warning(std::string what);
  bool failed() const noexcept { return errors_ != 0; }
  /// How many errors so far: what lacks something only because of an error in it is not told.
  std::size_t errors() const noexcept { return errors_; }

  /// Everything told, by file and place in it.
  std::vector<Diagnostic> take();

private:
  struct File {
    std::string name;
    std::string text;
    std::vector<std::uint32_t> lines; // where each begins
  };
  struct Entry {
    Position at;
    Diagnostic diagnostic;
  };
  void add(Severity severity, const Position& at, std::string what, std::string hint);
  std::string line(const Position& at) const;

  std::deque<File> files_;
  std::vector<Entry> entries_;
  std::vector<Position> bad_words_;
  std::size_t errors_ = 0;
};

} // namespace weir::config
