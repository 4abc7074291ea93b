// SPDX-License-Identifier: Apache-2.0
#include "admin/verbs.h"

#include <array>

namespace weir::admin {
namespace {

struct Row {
  std::string_view noun;
  std::string_view verb;
  VerbFunction function;
};

// explain, routes and the like are functions of this namespace; a verb of the table that has none
// here is found by a test.
constexpr std::array kFunctions = {
    Row{"config", "test", config_test}, Row{"config", "show", config_show},
    Row{"config", "fmt", config_fmt},   Row{"explain", "", explain},
    Row{"status", "", status},          Row{"routes", "", routes},
    Row{"log", "sql", log_sql},         Row{"log", "req", log_req},
    Row{"cache", "stat", cache_stat},   Row{"cache", "get", cache_get},
    Row{"cache", "show", cache_show},   Row{"cache", "ls", cache_ls},
    Row{"cache", "top", cache_top},     Row{"cache", "verify", cache_verify},
    Row{"cache", "warm", cache_warm},   Row{"purge", "", purge},
    Row{"purge", "log", purge_log},     Row{"list", "lookup", list_lookup},
    Row{"limit", "ls", limit_ls},       Row{"limit", "top", limit_top},
    Row{"limit", "reset", limit_reset}, Row{"cert", "ls", cert_ls},
    Row{"user", "ls", user_verb},       Row{"user", "add", user_verb},
    Row{"user", "passwd", user_verb},   Row{"user", "test", user_verb},
    Row{"reload", "", reload},          Row{"stop", "", stop},
    Row{"version", "", version},
};

} // namespace

void user_verb(const Ask& ask) {
  ask.answer(failure(Exit::usage, "weirctl does this itself, where the file is"));
}

VerbFunction find_function(const Verb& verb) noexcept {
  for (const Row& each : kFunctions) {
    if (each.noun == verb.noun && each.verb == verb.verb) {
      return each.function;
    }
  }
  return nullptr;
}

} // namespace weir::admin
