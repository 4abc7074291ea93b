// SPDX-License-Identifier: Apache-2.0
#include "rules/user_table.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <functional>
#include <iterator>

#include <fmt/format.h>

#include "base/account.h"
#include "rules/password.h"

namespace weir::rules {

namespace {

constexpr std::size_t kMostTold = 100;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kForm = "a line is NAME:HASH or NAME:HASH:GROUP,GROUP";
constexpr std::string_view kAnew = "write it anew: weirctl user passwd, or htpasswd -B";

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

} // namespace

/// One file on its way into a table.
class UserReader {
public:
  UserReader(const std::string& file, UserTable& table, std::vector<config::Diagnostic>& wrong)
      : file_(file), table_(table), wrong_(wrong) {}

  void read_line(std::string_view line, std::uint32_t number) {
    line_ = line;
    number_ = number;
    if (line.empty() || line.front() == '#') {
      return;
    }
    std::size_t colon = line.find(':');
    if (line.size() > UserTable::kMostLine) {
      return tell(0, 0, fmt::format("a line of {} characters", line.size()), kForm);
    }
    if (colon == std::string_view::npos) {
      return tell(0, line.size(), "there is no ':' after the name", kForm);
    }
    User user;
    user.line = number;
    user.name = line.substr(0, colon);
    std::size_t end = std::min(line.find(':', colon + 1), line.size());
    user.hash = line.substr(colon + 1, end - colon - 1);
    if (std::string bad = check_user_name(user.name); !bad.empty()) {
      return tell(0, colon, std::move(bad), kForm);
    }
    if (std::string bad = check_hash(user.hash); !bad.empty()) {
      return tell(colon + 1, user.hash.size(),
                  fmt::format("the password of {}: {}", user.name, bad), kAnew);
    }
    if (end < line.size() && !read_groups(end + 1, user)) {
      return;
    }
    auto [at, fresh] =
        table_.by_name_.emplace(user.name, static_cast<std::uint32_t>(table_.users_.size()));
    if (!fresh) {
      return tell(0, colon, fmt::format("{} stands here twice", user.name),
                  fmt::format("the first is at line {}", table_.users_[at->second].line));
    }
    table_.users_.push_back(std::move(user));
  }

private:
  bool read_groups(std::size_t at, User& user) {
    while (true) {
      std::size_t end = std::min(line_.find(',', at), line_.size());
      std::string group(line_.substr(at, end - at));
      std::string bad = check_group_name(group);
      if (bad.empty() &&
          std::find(user.groups.begin(), user.groups.end(), group) != user.groups.end()) {
        bad = fmt::format("the group {} stands here twice", group);
      }
      if (!bad.empty()) {
        tell(at, end - at, std::move(bad), kForm);
        return false;
      }
      user.groups.push_back(std::move(group));
      if (end == line_.size()) {
        return true;
      }
      at = end + 1;
    }
  }

  /// The line as it may be shown: of the password only what it is hashed with.
  std::string shown() const {
    if (line_.size() > UserTable::kMostLine) {
      return {};
    }
    std::string text(line_);
    std::size_t colon = line_.find(':');
    std::size_t from = colon == std::string_view::npos ? 0 : colon + 1;
    std::size_t end = std::min(line_.find(':', from), line_.size());
    if (from < line_.size() && line_[from] == '$') {
      from = std::min(line_.find('$', from + 1), end);
    }
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(from),
              text.begin() + static_cast<std::ptrdiff_t>(end), '*');
    std::replace_if(text.begin(), text.end(), is_control, '?');
    return text;
  }

  void tell(std::size_t at, std::size_t length, std::string what, std::string_view hint) {
    if (wrong_.size() >= kMostTold) {
      return;
    }
    std::replace_if(what.begin(), what.end(), is_control, '?');
    config::Diagnostic one;
    one.file = file_;
    one.line = number_;
    one.column = static_cast<std::uint32_t>(at + 1);
    one.length = static_cast<std::uint32_t>(std::max<std::size_t>(length, 1));
    one.what = std::move(what);
    one.hint = hint;
    one.source = shown();
    wrong_.push_back(std::move(one));
  }

  const std::string& file_;
  UserTable& table_;
  std::vector<config::Diagnostic>& wrong_;
  std::string_view line_;
  std::uint32_t number_ = 0;
};

std::string check_user_name(std::string_view name) {
  if (name.empty()) {
    return "the name is missing";
  }
  if (name.size() > UserTable::kMostName) {
    return fmt::format("a name of {} octets: at most {}", name.size(), UserTable::kMostName);
  }
  if (name.find(':') != std::string_view::npos ||
      std::any_of(name.begin(), name.end(), is_control)) {
    return "a name has no ':' and no control characters";
  }
  if (name.front() == ' ' || name.back() == ' ' || name.front() == '#' ||
      name.starts_with(kByteOrderMark)) { // which would go, were it the first of a file
    return "a name does not begin with '#' or a byte order mark, and has no blanks at its ends";
  }
  return {};
}

std::string check_group_name(std::string_view name) {
  constexpr std::size_t kMost = 64;
  bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (name.empty() || name.size() > kMost || !plain || name.front() == '-') {
    return "a group has letters, digits, '.', '_' and '-', at most 64";
  }
  return {};
}

UserTable UserTable::read(const std::string& file, std::string_view text,
                          std::vector<config::Diagnostic>& wrong) {
  UserTable table;
  UserReader reader(file, table, wrong);
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    reader.read_line(line, number);
  }
  return table;
}

const User* UserTable::find(std::string_view name) const noexcept {
  auto found = by_name_.find(name);
  return found != by_name_.end() ? &users_[found->second] : nullptr;
}

std::string_view UserTable::decoy(std::string_view name) const noexcept {
  return users_.empty() ? std::string_view()
                        : users_[std::hash<std::string_view>{}(name) % users_.size()].hash;
}

Result<std::string> read_user_file(const std::string& file, std::string& why) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text;
  std::array<char, 16 * 1024> block;
  while (in && text.size() <= UserTable::kMostBytes) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    text.append(block.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (text.size() > UserTable::kMostBytes) {
    why = fmt::format("it has more than {} bytes", UserTable::kMostBytes);
    return fail(Code::too_large);
  }
  if (!in.eof()) {
    why = tell_file_error(errno != 0 ? errno : EIO);
    return fail(Code::io);
  }
  return text;
}

std::vector<UserTable> read_user_tables(const config::Config& config,
                                        std::vector<config::Diagnostic>& wrong) {
  std::vector<UserTable> tables;
  for (const config::UsersDecl& decl : config.users) {
    std::string why;
    auto text = read_user_file(decl.file, why);
    std::vector<config::Diagnostic> told;
    tables.push_back(text ? UserTable::read(decl.file, *text, told) : UserTable());
    if (!text || (told.empty() && tables.back().all().empty())) {
      config::Diagnostic one;
      one.severity = text ? config::Severity::warning : config::Severity::error;
      one.file = decl.file;
      one.what = text ? "there is no user in it: nobody can log in" : std::move(why);
      told.push_back(std::move(one));
    }
    std::move(told.begin(), told.end(), std::back_inserter(wrong));
  }
  return tables;
}

void check_user_tables(config::Loaded& loaded) {
  if (loaded.config) {
    (void)read_user_tables(*loaded.config, loaded.diagnostics);
    loaded.config = config::count_errors(loaded.diagnostics) == 0 ? loaded.config : nullptr;
  }
}

} // namespace weir::rules
