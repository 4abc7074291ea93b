// SPDX-License-Identifier: Apache-2.0
#include "ctl/user_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "base/account.h"
#include "rules/password.h"

namespace weir::ctl {

namespace {

constexpr mode_t kMode = 0640;
constexpr const char* kGroup = "weir";

/// The file itself where a symbolic link leads to it.
std::string real_path(const std::string& file) {
  std::array<char, PATH_MAX> path{};
  return ::realpath(file.c_str(), path.data()) != nullptr ? std::string(path.data()) : file;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) {
      return false;
    }
    text.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
  }
  return true;
}

/// Those of the old file, or of a new one.
bool set_owner(int fd, const std::string& file) {
  struct stat old {};
  if (::stat(file.c_str(), &old) == 0) {
    struct stat own {};
    bool same = ::fstat(fd, &own) == 0 && own.st_uid == old.st_uid && own.st_gid == old.st_gid;
    return (same || ::fchown(fd, old.st_uid, old.st_gid) == 0) &&
           ::fchmod(fd, old.st_mode & kMode) == 0;
  }
  auto group = ::geteuid() == 0 ? group_number(kGroup) : std::nullopt;
  return (!group || ::fchown(fd, 0, *group) == 0) && ::fchmod(fd, kMode) == 0;
}

/// A line of standard input, without its end. False: there is none.
bool read_line(std::string& line) {
  line.clear();
  for (int c = std::getchar(); c != '\n'; c = std::getchar()) {
    if (c == EOF) {
      return !line.empty();
    }
    line += static_cast<char>(c);
    if (line.size() > rules::kMostPassword) {
      return false;
    }
  }
  return true;
}

/// What is typed is not seen, and no key ends the program before it is seen again.
class NoEcho {
public:
  NoEcho() : is_set_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    is_set_ = is_set_ && ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (is_set_) {
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

private:
  termios before_{};
  bool is_set_;
};

bool ask(const char* prompt, std::string& line) {
  std::fputs(prompt, stderr);
  NoEcho quiet;
  bool read = read_line(line);
  std::fputs("\n", stderr);
  return read;
}

} // namespace

std::string add_user(std::string_view text, const rules::User& user) {
  std::string out(text);
  if (!out.empty() && out.back() != '\n') {
    out += '\n';
  }
  out += user.name + ":" + user.hash;
  for (std::size_t i = 0; i < user.groups.size(); ++i) {
    out += (i == 0 ? ":" : ",") + user.groups[i];
  }
  return out + "\n";
}

std::string change_hash(std::string_view text, const rules::User& user, std::string_view hash) {
  std::size_t begin = 0;
  for (std::uint32_t line = 1; line < user.line; ++line) {
    begin = text.find('\n', begin) + 1;
  }
  begin = text.find(':', begin) + 1;
  std::string out(text);
  return out.replace(begin, user.hash.size(), hash);
}

std::string write_user_file(const std::string& file, std::string_view text) {
  std::string path = real_path(file);
  std::string fresh = fmt::format("{}.new.{}", path, ::getpid());
  int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fmt::format("{}: {}", fresh, std::strerror(errno));
  }
  bool written = set_owner(fd, path) && write_all(fd, text) && ::fsync(fd) == 0;
  int why = errno;
  ::close(fd);
  if (written && ::rename(fresh.c_str(), path.c_str()) == 0) {
    return {};
  }
  why = written ? errno : why;
  ::unlink(fresh.c_str());
  return fmt::format("{}: {}", path, std::strerror(why));
}

std::string read_password(bool twice, std::string& password) {
  bool asks = ::isatty(STDIN_FILENO) != 0;
  if (!(asks ? ask("Password: ", password) : read_line(password))) {
    return "no password was given";
  }
  bool control = std::any_of(password.begin(), password.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (password.empty() || control) {
    return "a password has no control characters, and is not empty";
  }
  std::string again;
  if (asks && twice && (!ask("Once more: ", again) || again != password)) {
    rules::wipe(again);
    return "these are two passwords";
  }
  rules::wipe(again);
  return {};
}

} // namespace weir::ctl
