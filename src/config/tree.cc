// SPDX-License-Identifier: Apache-2.0
#include "config/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/account.h"

namespace weir::config {
namespace {

constexpr std::size_t kMostFiles = 1000;

/// A descriptor for the length of a read.
class Open {
public:
  explicit Open(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)) {}
  ~Open() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;
  int fd() const noexcept { return fd_; }

private:
  int fd_;
};

/// The name that a file has whatever way led to it.
std::string canonical(const std::string& path) {
  std::string out = path;
  if (char* real = ::realpath(path.c_str(), nullptr); real != nullptr) {
    out = real;
    ::free(real);
  }
  return out;
}

class TreeReader {
public:
  TreeReader(Report& report, bool outside) : report_(report), outside_(outside) {}

  std::vector<Statement> read(const std::string& name, std::string text) {
    const std::uint32_t file = report_.add_file(name, std::move(text));
    open_.push_back(canonical(name));
    Tree tree = parse(report_, file);
    std::vector<Statement> statements = finish(std::move(tree.statements));
    open_.pop_back();
    return statements;
  }

private:
  /// Expands words and puts what is included in the place of `include`.
  std::vector<Statement> finish(std::vector<Statement> list) {
    std::vector<Statement> out;
    out.reserve(list.size());
    for (Statement& s : list) {
      for (Word& word : s.words) {
        expand(report_, word, outside_);
      }
      if (s.words.front().is("include")) {
        include(s, out);
      } else {
        s.block = finish(std::move(s.block));
        out.push_back(std::move(s));
      }
    }
    return out;
  }

  void include(const Statement& s, std::vector<Statement>& out) {
    if (s.words.size() != 2 || s.has_block) {
      report_.error(s.at(), "include takes one path or pattern", "form: include GLOB");
      return;
    }
    if (!outside_) {
      return;
    }
    const Word& word = s.words[1];
    const std::string pattern = report_.resolve(word.at, word.text);
    const bool plain = pattern.find_first_of("*?[") == std::string::npos;
    std::vector<std::string> paths = matches(pattern);
    if (paths.empty() && plain) {
      report_.error(word.at, fmt::format("{}: {}", pattern, std::strerror(ENOENT)));
    }
    for (const std::string& path : paths) {
      include_file(word, path, out);
    }
  }

  static std::vector<std::string> matches(const std::string& pattern) {
    std::vector<std::string> paths;
    glob_t found{};
    if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
      paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    ::globfree(&found);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  void include_file(const Word& word, const std::string& path, std::vector<Statement>& out) {
    if (std::find(open_.begin(), open_.end(), canonical(path)) != open_.end()) {
      report_.error(word.at, fmt::format("{} includes itself", path));
      return;
    }
    if (++files_ > kMostFiles || open_.size() >= kDeepest) {
      report_.error(word.at, "too many files are included");
      return;
    }
    auto text = read_file(path, kLargestFile);
    if (!text) {
      report_.error(word.at, fmt::format("{}: {}", path, why(text.error())));
      return;
    }
    std::vector<Statement> inner = read(path, std::move(*text));
    std::move(inner.begin(), inner.end(), std::back_inserter(out));
  }

  Report& report_;
  bool outside_;
  std::vector<std::string> open_; // the files that lead here, canonical
  std::size_t files_ = 0;
};

} // namespace

Result<std::string> read_file(const std::string& path, std::size_t most, bool any_kind) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return fail(Code::io, Side::self, errno);
  }
  if (!S_ISREG(info.st_mode) && (!any_kind || S_ISDIR(info.st_mode))) {
    return fail(Code::unsupported, Side::self);
  }
  const Open file(path);
  if (file.fd() < 0) {
    return fail(Code::io, Side::self, errno);
  }
  std::string text;
  for (;;) {
    const std::size_t have = text.size();
    text.resize(have + 65536);
    const ssize_t n = ::read(file.fd(), text.data() + have, 65536);
    if (n < 0 && errno != EINTR) {
      return fail(Code::io, Side::self, errno);
    }
    text.resize(have + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (text.size() > most) {
      return fail(Code::too_large);
    }
    if (n == 0) {
      return text;
    }
  }
}

std::string why(const Error& error) {
  if (error.sys != 0) {
    return tell_file_error(error.sys);
  }
  return error.code == Code::too_large ? "the file is too large" : "not a plain file";
}

std::vector<Statement> read_tree(Report& report, const std::string& name, std::string text,
                                 bool outside) {
  return TreeReader(report, outside).read(name, std::move(text));
}

} // namespace weir::config
