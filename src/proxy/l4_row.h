// SPDX-License-Identifier: Apache-2.0
//
// What the rows of the access log have in common about a connection or a UDP session of an l4.
#pragma once

#include "base/clock.h"
#include "log/record.h"
#include "proxy/generation.h"

namespace weir::proxy {

struct Resources;

/// Worker, generation, times, client and place. `route`: null where none was found yet.
log::AccessRecord l4_row(Resources& resources, const Generation& generation,
                         const rules::Route* route, const Address& client, MonoTime started);

} // namespace weir::proxy
