// SPDX-License-Identifier: Apache-2.0
//
// Media types (RFC 9110 §8.3.1). Pure; any thread.
#pragma once

#include <string_view>

#include "http/fields.h"

namespace weir::http {

/// Of a Content-Type: type and subtype, without parameters; a view of it.
inline std::string_view media_type(std::string_view content_type) noexcept {
  return trim(content_type.substr(0, content_type.find(';')));
}

} // namespace weir::http
