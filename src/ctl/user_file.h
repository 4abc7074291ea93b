// SPDX-License-Identifier: Apache-2.0
//
// Changes of a file of users: comments and other lines stay as they are, and whoever reads it finds
// the old one or the new one. Passwords come from a terminal, without echo, or from standard input.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/user_table.h"

namespace weir::ctl {

/// The text with one more user at its end.
std::string add_user(std::string_view text, const rules::User& user);
/// The text with another hash in the line of a user who is there.
std::string change_hash(std::string_view text, const rules::User& user, std::string_view hash);

/// Puts the file in the place of the old one, with its owner and group, readable by these alone. A
/// new one belongs to the group weir, if root makes it and there is one. "" on success.
std::string write_user_file(const std::string& file, std::string_view text);

/// Asks twice at a terminal if `twice`. "" on success, else why there is none.
std::string read_password(bool twice, std::string& password);

} // namespace weir::ctl
