// SPDX-License-Identifier: Apache-2.0
//
// Answer: what a verb says, as JSON with an exit code: a value, any thread.
//
// A failed answer is {"error": text, "exit": code, ...}. weirctl makes some itself, so nothing here
// knows the daemon.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "admin/verb_table.h"
#include "base/clock.h"

namespace weir::admin {

/// Members in the order in which they were set.
using Json = nlohmann::ordered_json;

enum class StopMode : std::uint8_t; // admin/daemon.h

struct Answer {
  Exit exit = Exit::ok;
  Json body = Json::object();
  std::optional<StopMode> stop; // what is to be done once the answer has been sent
};
Answer failure(Exit exit, std::string error);
Answer success(Json body);
/// One line. Bytes that are not UTF-8 are replaced.
std::string dump(const Json& body);
/// Nothing: not JSON, or nested deeper than any argument is.
std::optional<Json> parse_json(std::string_view text);

// Arguments of a verb, by its table.
/// What is wrong with them; empty: each is known, of the right kind, and none is missing.
std::string check_arguments(const Verb& verb, const Json& arguments);
/// Empty if it was not given.
std::string text_of(const Json& arguments, std::string_view name);
bool flag_of(const Json& arguments, std::string_view name);
std::vector<std::string> list_of(const Json& arguments, std::string_view name);

// Times, as they stand in an answer.
inline double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }
/// "2026-11-21 10:00:00.000000"; empty: never.
std::string time_text(WallTime time);

} // namespace weir::admin
