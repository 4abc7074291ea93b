// SPDX-License-Identifier: Apache-2.0
//
// --help, from the table of verbs. Pure.
#pragma once

#include <string>
#include <string_view>

#include "admin/verb_table.h"

namespace weir::ctl {

std::string help_of_all();
/// "weirctl log sql SELECT [--directory FOLDER]", its arguments, and what it is.
std::string help_of(const admin::Verb& verb);
/// The verbs of a noun.
std::string help_of_noun(std::string_view noun);
/// "log sql SELECT": the words and what must be given.
std::string usage_of(const admin::Verb& verb);

} // namespace weir::ctl
