// SPDX-License-Identifier: Apache-2.0
//
// Preference: one member of a list like Accept-Encoding (RFC 9110 §12.4.2, §12.5). Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http {

struct Preference {
  std::string_view what;       // a view of the member
  std::uint16_t weight = 1000; // thousandths; 0: not acceptable
};

/// token [ OWS ";" OWS "q=" qvalue ]; anything else is not understood.
std::optional<Preference> read_preference(std::string_view member) noexcept;

} // namespace weir::http
