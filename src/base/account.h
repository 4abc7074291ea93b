// SPDX-License-Identifier: Apache-2.0
//
// Accounts: the users and groups of this system, by name, and who this process is. Any thread; asks
// the system each time.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace weir {

struct Account {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
};

std::optional<Account> find_user(const std::string& name);
std::optional<gid_t> group_number(const std::string& name);
/// Those of this machine (/etc/passwd, /etc/group), to find the one that was meant.
std::vector<std::string> user_names();
std::vector<std::string> group_names();

/// "weir"; "1000" where the number has no name.
std::string name_of_user(uid_t user);
/// Every user of this system may read the file.
bool is_open_to_all(const std::string& file);
/// What a system call on a file says, and who may not: "Permission denied (as weir)".
std::string tell_file_error(int sys);

} // namespace weir
