// SPDX-License-Identifier: Apache-2.0
//
// Carries out one command: without a daemon, or by asking it; gives what is to be printed. `tail`
// and progress are written to `live` as they come.
#pragma once

#include <cstdio>

#include "ctl/command.h"
#include "ctl/text.h"

namespace weir::ctl {

Outcome run(Command command, const Style& style, std::FILE* live);

} // namespace weir::ctl
