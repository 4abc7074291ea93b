// SPDX-License-Identifier: Apache-2.0
#include "rules/user_table.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "scratch.h"

using namespace weir;
using namespace weir::rules;

namespace {

const std::string kHash = "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA";

struct Read {
  std::vector<config::Diagnostic> wrong;
  UserTable table;
  explicit Read(const std::string& text) : table(UserTable::read("users", text, wrong)) {}
  /// "2:5 what" of the first mistake; "": none.
  std::string first() const {
    return wrong.empty() ? ""
                         : std::to_string(wrong[0].line) + ":" + std::to_string(wrong[0].column) +
                               " " + wrong[0].what;
  }
};

} // namespace

TEST_CASE("FEATURES 4: a file of users has names, hashes and groups") {
  Read read("\xef\xbb\xbf# who may\n\nann:" + kHash + "\r\nbob:" + kHash +
            ":it,sales\njos\xc3\xa9 garcia:" + kHash + ":it");
  CHECK(read.first().empty());
  REQUIRE(read.table.all().size() == 3);
  const User* bob = read.table.find("bob");
  REQUIRE(bob != nullptr);
  CHECK(bob->groups == std::vector<std::string>{"it", "sales"});
  CHECK(bob->hash == kHash);
  CHECK(bob->line == 4);
  CHECK(read.table.find("ann")->groups.empty());
  CHECK(read.table.find("jos\xc3\xa9 garcia") != nullptr);
  CHECK(read.table.find("Ann") == nullptr);
  CHECK(read.table.find("") == nullptr);
  CHECK(read.table.decoy("nobody") == kHash);
  CHECK(UserTable().decoy("nobody").empty());
}

TEST_CASE("FEATURES 4: each mistake is told with its line and column") {
  struct Case {
    std::string text;
    const char* told;
  };
  for (const auto& [text, told] : std::initializer_list<Case>{
           {"ann", "1:1 there is no ':'"},
           {"# x\nann:" + kHash + "\n:" + kHash, "3:1 the name is missing"},
           {" ann:" + kHash, "1:1 a name does not begin"},
           {"ann:" + kHash +
                "\n\xef\xbb\xbf"
                "bob:" +
                kHash,
            "2:1 a name does not begin"},
           {"a\x01n:" + kHash, "1:1 a name has no ':'"},
           {std::string(256, 'a') + ":" + kHash, "1:1 a name of 256"},
           {"ann:secret", "1:5 the password of ann: this is no hash"},
           {"ann:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0", "1:5 the password of ann: MD5"},
           {"ann:", "1:5 the password of ann: the hash is missing"},
           {"ann:" + kHash + ":", "1:61 a group has letters"},
           {"ann:" + kHash + ":it,", "1:64 a group has letters"},
           {"ann:" + kHash + ":it,a b", "1:64 a group has letters"},
           {"ann:" + kHash + ":it:x", "1:61 a group has letters"},
           {"ann:" + kHash + ":it,it", "1:64 the group it stands here twice"},
           {"ann:" + kHash + "\nann:" + kHash, "2:1 ann stands here twice"},
           {"ann:" + kHash + std::string(5000, 'x'), "1:1 a line of"},
       }) {
    INFO(text);
    CHECK_THAT(Read(text).first(), Catch::StartsWith(told));
  }
}

TEST_CASE("a message shows nothing of a password") {
  CHECK(Read("ann:secret:it").wrong.at(0).source == "ann:******:it");
  CHECK(Read("ann:$1$ab$cd").wrong.at(0).source == "ann:$1******");
  CHECK(Read("secret").wrong.at(0).source == "******");
  CHECK(Read("a\x01:" + kHash).wrong.at(0).source.substr(0, 5) == "a?:$5");
  for (const char* text : {"ann:secret", "secret", "ann:secret:a b", ":secret"}) {
    config::Diagnostic told = Read(text).wrong.at(0);
    CHECK((told.what + told.hint + told.source).find("secret") == std::string::npos);
  }
}

TEST_CASE("a file with a thousand mistakes tells a hundred") {
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += "x\n";
  }
  CHECK(Read(text).wrong.size() == 100);
}

TEST_CASE("the tables of a configuration: a file that is empty is told, a mistake makes it none") {
  Scratch scratch;
  std::string good = scratch.write("good", "ann:" + kHash + "\n");
  std::string empty = scratch.write("empty", "# nobody\n");
  std::string bad = scratch.write("bad", "ann\n");
  auto load = [&](const std::string& file) {
    auto loaded =
        config::load_text("weir.conf", "users staff { file " + file +
                                           " }\nforward f { listen 127.0.0.1:0; auth basic "
                                           "from staff; rules { allow all } }");
    check_user_tables(loaded);
    return loaded;
  };
  CHECK(load(good).config);
  auto told = load(empty);
  CHECK(told.config);
  CHECK_THAT(config::print(told.diagnostics), Catch::Contains("there is no user in it"));
  told = load(bad);
  CHECK_FALSE(told.config);
  CHECK_THAT(config::print(told.diagnostics),
             Catch::Contains(bad + ":1:1: error: there is no ':'"));
  CHECK_FALSE(load("/nowhere/users").config);
  std::string why;
  CHECK_FALSE(read_user_file("/dev/zero", why));
}
