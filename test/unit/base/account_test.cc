// SPDX-License-Identifier: Apache-2.0
#include "base/account.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <catch2/catch.hpp>

using namespace weir;

TEST_CASE("users and groups of the system, by name") {
  auto root = find_user("root");
  REQUIRE(root);
  CHECK(root->name == "root");
  CHECK(root->user == 0);
  CHECK(root->group == 0);
  CHECK_FALSE(find_user("no-such-user-at-all"));
  CHECK_FALSE(find_user(""));
  CHECK(group_number("root") == gid_t{0});
  CHECK_FALSE(group_number("no-such-group-at-all"));
  auto users = user_names();
  auto groups = group_names();
  CHECK(std::count(users.begin(), users.end(), "nobody") == 1);
  CHECK(std::count(groups.begin(), groups.end(), "root") == 1);
  CHECK(name_of_user(0) == "root");
  CHECK(name_of_user(3999999999U) == "3999999999");
}

TEST_CASE("a refusal says who was refused, another error does not") {
  CHECK(tell_file_error(EACCES) == "Permission denied (as " + name_of_user(::geteuid()) + ")");
  CHECK(tell_file_error(ENOENT) == "No such file or directory");
}
