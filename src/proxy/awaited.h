// SPDX-License-Identifier: Apache-2.0
//
// Awaited: what an Exchange waits for before it is admitted: one of these. Owner: the Exchange,
// from the question to the answer.
#pragma once

#include <memory>

#include "proxy/logins.h"
#include "proxy/purger.h"

namespace weir::proxy {

struct Awaited {
  std::shared_ptr<LoginCheck> login; // name and password
  std::shared_ptr<PurgeReply> purge; // the row of a PURGE
};

} // namespace weir::proxy
