// SPDX-License-Identifier: Apache-2.0
#include "base/account.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>

namespace weir {

namespace {

constexpr std::size_t kRoom = 64 * 1024; // of one row of the tables

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

} // namespace

std::optional<Account> find_user(const std::string& name) {
  std::vector<char> room(kRoom);
  passwd row{};
  passwd* found = nullptr;
  ::getpwnam_r(name.c_str(), &row, room.data(), room.size(), &found);
  if (found == nullptr) {
    return std::nullopt;
  }
  return Account{row.pw_name, row.pw_uid, row.pw_gid};
}

std::optional<gid_t> group_number(const std::string& name) {
  std::vector<char> room(kRoom);
  group row{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &row, room.data(), room.size(), &found);
  return found == nullptr ? std::nullopt : std::optional(row.gr_gid);
}

std::vector<std::string> user_names() {
  std::vector<std::string> names;
  std::vector<char> room(kRoom);
  passwd row{};
  passwd* found = nullptr;
  File file(std::fopen("/etc/passwd", "re"), std::fclose);
  while (file && ::fgetpwent_r(file.get(), &row, room.data(), room.size(), &found) == 0) {
    names.emplace_back(row.pw_name);
  }
  return names;
}

std::vector<std::string> group_names() {
  std::vector<std::string> names;
  std::vector<char> room(kRoom);
  group row{};
  group* found = nullptr;
  File file(std::fopen("/etc/group", "re"), std::fclose);
  while (file && ::fgetgrent_r(file.get(), &row, room.data(), room.size(), &found) == 0) {
    names.emplace_back(row.gr_name);
  }
  return names;
}

std::string name_of_user(uid_t user) {
  std::vector<char> room(kRoom);
  passwd row{};
  passwd* found = nullptr;
  ::getpwuid_r(user, &row, room.data(), room.size(), &found);
  return found == nullptr ? std::to_string(user) : std::string(row.pw_name);
}

bool is_open_to_all(const std::string& file) {
  struct stat info {};
  return ::stat(file.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
}

std::string tell_file_error(int sys) {
  std::string text = std::strerror(sys);
  return sys == EACCES || sys == EPERM ? fmt::format("{} (as {})", text, name_of_user(::geteuid()))
                                       : text;
}

} // namespace weir
