// SPDX-License-Identifier: Apache-2.0
//
// Vary: which fields a response nominates, and what a request has there (RFC 9111 §4.1, CACHE_RULES
// 6). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/fields.h"

namespace weir::cache {

/// Lower case, sorted, each once, joined by ','. Nothing if a member is '*' (C6.3).
std::optional<std::string> vary_names(const http::Fields& response);

/// What a request has under these names, normalised (C6.4), so that equal bytes mean a match.
/// Absent and empty differ (C6.1). In the arena.
std::string_view selecting_values(std::string_view names, const http::Fields& request,
                                  Arena& arena);

} // namespace weir::cache
