// SPDX-License-Identifier: Apache-2.0
#include "config/report.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace weir::config {
namespace {

/// How many bytes the UTF-8 character at the front has; 0: it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) {
      return 0;
    }
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool outside = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return overlong || outside ? 0 : length;
}

/// Valid UTF-8 of the same length: what is none becomes '?'. Messages go into JSON.
std::string clean(std::string text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(std::string_view(text).substr(i));
    if (length == 0) {
      text[i] = '?';
    }
    i += std::max<std::size_t>(length, 1);
  }
  return text;
}

} // namespace

std::uint32_t Report::add_file(std::string name, std::string text) {
  File file{std::move(name), std::move(text), {0}};
  for (std::size_t i = 0; i < file.text.size(); ++i) {
    if (file.text[i] == '\n') {
      file.lines.push_back(static_cast<std::uint32_t>(i + 1));
    }
  }
  files_.push_back(std::move(file));
  return static_cast<std::uint32_t>(files_.size() - 1);
}

std::vector<std::string> Report::names() const {
  std::vector<std::string> names;
  for (const File& file : files_) {
    names.push_back(file.name);
  }
  return names;
}

std::string Report::where(const Position& at) const {
  return at.written() ? fmt::format("{}:{}", name(at.file), at.line) : "default";
}

std::string Report::resolve(const Position& at, std::string_view path) const {
  const std::string& file = name(at.file);
  const std::size_t slash = file.rfind('/');
  if (path.substr(0, 1) == "/" || slash == std::string::npos) {
    return std::string(path);
  }
  if (path.substr(0, 2) == "./") {
    path.remove_prefix(2);
  }
  return file.substr(0, slash + 1) + std::string(path);
}

void Report::file_error(const std::string& name, std::string what) {
  Diagnostic diagnostic;
  diagnostic.file = clean(name);
  diagnostic.what = clean(std::move(what));
  entries_.push_back({{}, std::move(diagnostic)});
  ++errors_;
}

void Report::file_warning(std::string what) {
  Diagnostic diagnostic;
  diagnostic.severity = Severity::warning;
  diagnostic.file = clean(files_.empty() ? "" : name(0));
  diagnostic.what = clean(std::move(what));
  entries_.push_back({{}, std::move(diagnostic)});
}

std::string Report::line(const Position& at) const {
  if (!at.written()) {
    return {};
  }
  const File& file = files_[at.file];
  const std::size_t begin = file.lines[at.line - 1];
  std::string_view line = std::string_view(file.text).substr(begin);
  line = line.substr(0, line.find('\n'));
  if (!line.empty() && line.back() == '\r') {
    line.remove_suffix(1);
  }
  return std::string(line);
}

void Report::add(Severity severity, const Position& at, std::string what, std::string hint) {
  errors_ += severity == Severity::error ? 1 : 0;
  if (entries_.size() >= kMost ||
      std::find(bad_words_.begin(), bad_words_.end(), at) != bad_words_.end()) {
    return;
  }
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.file = clean(name(at.file));
  diagnostic.line = at.line;
  diagnostic.column = at.column;
  diagnostic.length = at.length;
  diagnostic.what = clean(std::move(what));
  diagnostic.hint = clean(std::move(hint));
  diagnostic.source = clean(line(at));
  entries_.push_back({at, std::move(diagnostic)});
}

std::vector<Diagnostic> Report::take() {
  std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.at.file, a.at.line, a.at.column) <
           std::tie(b.at.file, b.at.line, b.at.column);
  });
  std::vector<Diagnostic> all;
  for (Entry& entry : entries_) {
    all.push_back(std::move(entry.diagnostic));
  }
  if (entries_.size() >= kMost) {
    Diagnostic more;
    more.file = files_.empty() ? "" : files_.front().name;
    more.what = fmt::format("more than {} mistakes: the others are not shown", kMost);
    all.push_back(std::move(more));
  }
  entries_.clear();
  return all;
}

} // namespace weir::config
