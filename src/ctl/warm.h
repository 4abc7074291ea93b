// SPDX-License-Identifier: Apache-2.0
//
// cache warm: what weirctl itself does of it: reads the list, waits for the end.
#pragma once

#include <cstdio>
#include <optional>

#include "ctl/client.h"
#include "ctl/command.h"

namespace weir::ctl {

/// Puts the URLs of a file (or of stdin) into the arguments, each line checked. A value: what is
/// wrong with it, and nothing is asked.
std::optional<Outcome> read_urls(Command& command);
/// Asks how far it is until it is over; `live`: where that is shown, if it is a terminal.
Answered wait_for_warm(const Command& command, const std::string& socket, Time deadline,
                       std::FILE* live);

} // namespace weir::ctl
