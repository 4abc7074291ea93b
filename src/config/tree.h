// SPDX-License-Identifier: Apache-2.0
//
// A file with all that it includes → one list of statements, words expanded. Internal to config/.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/syntax.h"

namespace weir::config {

/// The whole file, at most `most` bytes of it (else Code::too_large). `any_kind`: pipes too;
/// otherwise only plain files.
Result<std::string> read_file(const std::string& path, std::size_t most, bool any_kind = false);
/// "no such file or directory", "larger than 16MB", ...
std::string why(const Error& error);

constexpr std::size_t kLargestFile = std::size_t{16} << 20; // of configuration
constexpr std::size_t kLargestPage = std::size_t{1} << 20;  // of a page or a `respond`

/// Adds the files to the report as it reads them. `outside`: LoadSettings::outside.
std::vector<Statement> read_tree(Report& report, const std::string& name, std::string text,
                                 bool outside);

} // namespace weir::config
