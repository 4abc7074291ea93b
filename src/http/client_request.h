// SPDX-License-Identifier: Apache-2.0
//
// A request head as a client would write it: for `explain` and for weir's own requests, which are
// parsed and judged like any other. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "http/uri.h"

namespace weir::http {

/// `url` is absolute; `to_proxy`: its absolute form is the target. `fields`: "Name: value", as they
/// are. CONNECT has the authority alone.
std::string write_client_request(std::string_view method, const Target& url, bool to_proxy,
                                 std::span<const std::string> fields);

} // namespace weir::http
