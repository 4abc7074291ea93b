// SPDX-License-Identifier: Apache-2.0
//
// What Authorization and Proxy-Authorization of the scheme Basic hold (RFC 7617). Pure. Name and
// password are octets, as the client's charset has them: they are compared whole.
#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"

namespace weir::http {

struct BasicCredentials {
  std::string_view name; // never empty
  std::string_view password;
};

/// Whether a field's value is of the scheme Basic, whose name has no letter case.
bool is_basic(std::string_view value) noexcept;
/// The credentials in such a value, decoded into `arena`. Nothing: it is not well-formed, or a NUL
/// or another control character stands in them (W8.6).
std::optional<BasicCredentials> read_basic(std::string_view value, Arena& arena);

} // namespace weir::http
