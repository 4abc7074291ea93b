// SPDX-License-Identifier: Apache-2.0
//
// What weirctl does without a daemon: the verbs with Verb::offline, from files. Owner: the run of
// one command; it may take as long as reading lists takes.
#pragma once

#include <optional>

#include "ctl/command.h"

namespace weir::ctl {

/// Nothing: it is for the daemon. `file` of `config` verbs, --config and --directory ask for it.
std::optional<admin::Answer> answer_offline(const Command& command);

} // namespace weir::ctl
