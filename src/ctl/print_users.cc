// SPDX-License-Identifier: Apache-2.0
//
// user ls, add, passwd, test.
#include <fmt/format.h>

#include "ctl/print.h"

namespace weir::ctl {
namespace {

std::string groups_of(const Json& user) {
  std::string text;
  for (const Json& each : array_at(user, "groups")) {
    text += (text.empty() ? "" : ", ") + each.get<std::string>();
  }
  return clean(text);
}

} // namespace

std::string print_users(std::string_view verb, const Json& body, const Style& style) {
  if (body.contains("error")) {
    return {};
  }
  if (verb == "ls") {
    Table table({"USER", "HASH", "GROUPS"});
    for (const Json& each : array_at(body, "users")) {
      table.add({clean(text_at(each, "name")), text_at(each, "scheme"), groups_of(each)});
    }
    return table.empty() ? "no users\n" : table.print(style);
  }
  if (verb == "test") {
    const Json user = body.contains("user") ? body["user"] : Json();
    std::string groups = groups_of(user);
    return clean(fmt::format("this is the password of {}{}{}", text_at(user, "name"),
                             groups.empty() ? "" : ", in ", groups)) +
           "\n";
  }
  return clean(fmt::format("{}{}: {} {}", flag_at(body, "dry_run") ? "dry run: " : "",
                           text_at(body, "file"), text_at(body, "name"),
                           verb == "add" ? "is added" : "has another password")) +
         "\nweirctl reload puts it in force\n";
}

} // namespace weir::ctl
