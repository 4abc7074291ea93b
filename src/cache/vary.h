// SPDX-License-Identifier: Apache-2.0
//
// Vary: which fields a response nominates, and what a request has there (RFC 9111 §4.1, CACHE_RULES
// 6). Pure. Two requests match when their selecting values are the same octets.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/fields.h"

namespace weir::cache {

/// A response that nominates more is not stored.
constexpr std::size_t kMostVaryNames = 32;

/// Lower case, sorted, each once, joined by ','; empty: no Vary. Nothing: never reused, because a
/// member is '*' (C6.3) or is no field name, or there are too many.
std::optional<std::string> vary_names(const http::Fields& response);

/// What a request has under these names, normalised (C6.4), in the arena. Absent and empty differ
/// (C6.1). No other allocation; nothing at all for no names.
std::string_view selecting_values(std::string_view names, const http::Fields& request,
                                  Arena& arena);

/// Which of the stored tags a 304 is about (C6.7, RFC 9111 §4.3.4), or nothing.
std::optional<std::size_t> select_by_tag(std::span<const std::string_view> tags,
                                         std::string_view tag) noexcept;

} // namespace weir::cache
