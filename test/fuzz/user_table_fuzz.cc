// SPDX-License-Identifier: Apache-2.0
//
// Files of users: who is in the table stands in the text, is found, and makes the same user when
// written again; a message never shows what stands between the first two colons of a line.
#include <string>

#include "check.h"
#include "rules/password.h"
#include "rules/user_table.h"

using namespace weir::rules;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(text_of(data, size));
  std::vector<weir::config::Diagnostic> wrong;
  UserTable table = UserTable::read("users", text, wrong);
  std::string written;
  for (const User& user : table.all()) {
    CHECK(table.find(user.name) == &user);
    CHECK(check_hash(user.hash).empty() && check_user_name(user.name).empty());
    written += user.name + ":" + user.hash;
    for (std::size_t i = 0; i < user.groups.size(); ++i) {
      written += (i == 0 ? ":" : ",") + user.groups[i];
    }
    written += "\n";
  }
  std::vector<weir::config::Diagnostic> none;
  UserTable again = UserTable::read("users", written, none);
  CHECK(none.empty() && again.all().size() == table.all().size());
  for (const auto& each : wrong) {
    std::size_t colon = each.source.find(':');
    std::string_view secret = std::string_view(each.source).substr(colon + 1);
    if (colon != std::string::npos && !secret.starts_with('$')) {
      secret = secret.substr(0, secret.find(':'));
      CHECK(secret.find_first_not_of('*') == std::string_view::npos);
    }
  }
  return 0;
}
