// SPDX-License-Identifier: Apache-2.0
//
// Which folders and files of the system a configuration makes weir write to and read, so that it
// can be said beforehand whether its user may. Any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/account.h"
#include "config/config.h"

namespace weir::server {

struct OwnFiles {
  std::set<std::string> folders; // that are weir's with all that is in them
  std::set<std::string> written; // files; each in a folder that may be shared
  std::set<std::string> read;    // at each reload
};
OwnFiles own_files(const config::Config& config);

/// Makes the folder and what is missing above it. What is made belongs to the account. False:
/// errno.
bool make_folder(const std::string& path, const Account& account);

/// As the effective user without capabilities: what is in the way of writing, each folder's or
/// file's first obstacle, in words; empty: nothing.
std::vector<std::string> told_unwritable(const OwnFiles& files);
/// As the effective user: the files that it cannot read, for that they are somebody else's.
std::vector<std::string> unreadable(const OwnFiles& files);

} // namespace weir::server
