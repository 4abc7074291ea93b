// SPDX-License-Identifier: Apache-2.0
//
// user ls, add, passwd, test: of a file, without a daemon.
#pragma once

#include "ctl/command.h"

namespace weir::ctl {

admin::Answer answer_users(const Command& command);

} // namespace weir::ctl
