// SPDX-License-Identifier: Apache-2.0
#include "ctl/user_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::ctl;

namespace {

const std::string kHash = "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA";

rules::UserTable table_of(const std::string& text) {
  std::vector<config::Diagnostic> wrong;
  auto table = rules::UserTable::read("users", text, wrong);
  CHECK(wrong.empty());
  return table;
}

} // namespace

TEST_CASE("user add and passwd change one line and leave the others") {
  std::string text = "# staff\nann:" + kHash + ":it\n\nbob:" + kHash;
  std::string more = add_user(text, {"eve", kHash, {"it", "sales"}, 0});
  CHECK(more == text + "\neve:" + kHash + ":it,sales\n");
  CHECK(add_user("", {"eve", kHash, {}, 0}) == "eve:" + kHash + "\n");
  CHECK(change_hash(text, *table_of(text).find("ann"), "X") == "# staff\nann:X:it\n\nbob:" + kHash);
  CHECK(change_hash(more, *table_of(more).find("bob"), "X") ==
        "# staff\nann:" + kHash + ":it\n\nbob:X\neve:" + kHash + ":it,sales\n");
}

TEST_CASE("a file of users is replaced whole, through links, and open to nobody else") {
  namespace fs = std::filesystem;
  fs::path folder = fs::temp_directory_path() / ("weir-users-" + std::to_string(::getpid()));
  fs::create_directory(folder);
  fs::path file = folder / "users";
  auto mode = [&] {
    struct stat info {};
    REQUIRE(::stat(file.c_str(), &info) == 0);
    return info.st_mode & 07777U;
  };
  CHECK(write_user_file(file, "one\n").empty());
  CHECK(mode() == 0640);
  fs::permissions(file, fs::perms(0644));
  fs::create_symlink(file, folder / "link");
  CHECK(write_user_file(folder / "link", "two\n").empty());
  CHECK(mode() == 0640);
  CHECK(fs::is_symlink(folder / "link"));
  fs::permissions(file, fs::perms(0600));
  CHECK(write_user_file(file, "three\n").empty());
  CHECK(mode() == 0600);
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  CHECK(text.str() == "three\n");
  CHECK(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 2);
  CHECK_FALSE(write_user_file(folder / "nowhere" / "users", "x").empty());
  fs::remove_all(folder);
}
