// SPDX-License-Identifier: Apache-2.0
//
// UserTable: the users of a file, NAME:HASH or NAME:HASH:GROUP,GROUP a line. Read strictly: what is
// wrong is told with line and column, and makes the configuration fail. Owner: Generation;
// immutable, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "config/load.h"
#include "rules/host_matcher.h"

namespace weir::rules {

struct User {
  std::string name;
  std::string hash;
  std::vector<std::string> groups;
  std::uint32_t line = 0;
};

class UserTable {
public:
  /// Largest file, and longest line in it.
  static constexpr std::size_t kMostBytes = 16 << 20;
  static constexpr std::size_t kMostLine = 4096;
  static constexpr std::size_t kMostName = 255;

  /// Those of `text`, which `file` stands for in messages. What is wrong is added to `wrong`,
  /// without what may be secret in a line.
  static UserTable read(const std::string& file, std::string_view text,
                        std::vector<config::Diagnostic>& wrong);

  /// Null: nobody is called so.
  const User* find(std::string_view name) const noexcept;
  /// A hash to compute for somebody who is not there, so that this takes as long; "": there are no
  /// users.
  std::string_view decoy(std::string_view name) const noexcept;
  const std::vector<User>& all() const noexcept { return users_; }

private:
  friend class UserReader;
  std::vector<User> users_;
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> by_name_;
};

/// "": a user may be called so. Else what is wrong with it.
std::string check_user_name(std::string_view name);
/// The same for a group.
std::string check_group_name(std::string_view name);

/// The tables of all `users` of a configuration, in their order. With an error in `wrong` they are
/// not to be used. Reads the files.
std::vector<UserTable> read_user_tables(const config::Config& config,
                                        std::vector<config::Diagnostic>& wrong);
/// A configuration whose tables have an error is none.
void check_user_tables(config::Loaded& loaded);
/// The text of such a file; on failure `why` says why.
Result<std::string> read_user_file(const std::string& file, std::string& why);

} // namespace weir::rules
