// SPDX-License-Identifier: Apache-2.0
//
// The command line → Command. The only file with CLI11 is arguments.cc; its options come from the
// table of verbs. Pure but for reading the table.
#pragma once

#include <variant>

#include "ctl/command.h"

namespace weir::ctl {

/// Either what is to be done, or what is to be printed at once (help, version, a mistake).
std::variant<Command, Outcome> read_arguments(int argc, const char* const* argv);

} // namespace weir::ctl
