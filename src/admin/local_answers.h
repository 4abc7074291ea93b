// SPDX-License-Identifier: Apache-2.0
//
// Answers that need no daemon: weirctl makes them itself from files, the daemon from what it has in
// force; so both say the same. They read files and may take long: not on a loop. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "admin/answer.h"
#include "config/load.h"
#include "rules/compiled_list.h"
#include "rules/route.h"

namespace weir::admin {

Json diagnostics_json(const std::vector<config::Diagnostic>& diagnostics);
/// "2 errors, 1 warning"; empty: none.
std::string count_text(const std::vector<config::Diagnostic>& diagnostics);
/// Of `config test` on a file; empty: the embedded default.
Answer test_answer(const std::string& file);
Answer show_answer(const config::Config& config, bool effective);
Answer fmt_answer(const std::string& file);

struct SqlBounds {
  std::size_t bytes = 0; // of the answer, about; 0: any. What is above is left out, and said.
  Duration time{};       // 0: any
};
Answer sql_answer(const std::string& directory, std::string_view query, SqlBounds bounds);
Answer req_answer(const std::string& directory, std::string_view id, SqlBounds bounds);

Answer routes_answer(const rules::RouteTable& routes, std::string_view site);
Answer lookup_answer(std::span<const Ref<const rules::CompiledList>> lists, std::string_view what);

} // namespace weir::admin
