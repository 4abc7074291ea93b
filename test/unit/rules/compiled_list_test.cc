// SPDX-License-Identifier: Apache-2.0
#include "rules/compiled_list.h"

#include <ctime>

#include <catch2/catch.hpp>

#include "scratch.h"

using namespace weir;
using namespace weir::rules;

namespace {

struct Compiler {
  Scratch scratch;
  config::ListDecl decl;
  ListSettings settings;
  ListReport report;

  explicit Compiler(config::ListFormat format = config::ListFormat::plain) {
    decl.name = "ads";
    decl.format = format;
    settings.folder = scratch.path();
  }
  void file(const std::string& name, const std::string& text) {
    auto path = scratch.write(name, text);
    if (std::find(decl.files.begin(), decl.files.end(), path) == decl.files.end()) {
      decl.files.push_back(path);
    }
  }
  Result<Ref<const CompiledList>> run() {
    report = {};
    return compile_list(decl, settings, report);
  }
};

std::string names(int n) {
  std::string text;
  for (int i = 0; i < n; ++i) {
    text += "host" + std::to_string(i) + ".example\n";
  }
  return text;
}

} // namespace

TEST_CASE("FEATURES 12: every hit of a list tells file and line") {
  Compiler c;
  c.file("a.txt", "# comment\nads.example\n\n.track.example\n10.1.2.3");
  c.file("b.txt", "other.example\nbad line\n");
  c.file("empty.txt", "");
  auto list = c.run();
  REQUIRE(list);
  auto where = [&](std::string_view text) {
    auto hit = (*list)->find_text(text);
    return hit ? (*list)->where(hit) : std::string();
  };
  CHECK(where("ads.example") == c.decl.files[0] + ":2");
  CHECK(where("x.track.example") == c.decl.files[0] + ":4");
  CHECK(where("10.1.2.3") == c.decl.files[0] + ":5");
  CHECK(where("167838211") == c.decl.files[0] + ":5"); // the same, as one number
  CHECK(where("other.example") == c.decl.files[1] + ":1");
  CHECK(where("x.ads.example").empty());
  CHECK((*list)->entries() == 4);
  CHECK((*list)->bad_lines() == 1);
  REQUIRE(c.report.bad.size() == 1);
  CHECK(c.report.bad[0] == c.decl.files[1] + ":2: bad line");
}

TEST_CASE("a list whose files have not changed is not compiled again") {
  Compiler c(config::ListFormat::cidr);
  c.file("a.txt", "10.0.0.0/8\n2001:db8::/32\nbad\n");
  REQUIRE(c.run());
  CHECK_FALSE(c.report.reused);
  auto again = c.run();
  REQUIRE(again);
  CHECK(c.report.reused);
  CHECK((*again)->of_addresses());
  CHECK((*again)->entries() == 2);
  CHECK((*again)->bad_lines() == 1);
  CHECK((*again)->where((*again)->find(*Address::parse("2001:db8::9"))) == c.decl.files[0] + ":2");
  c.file("a.txt", "10.0.0.0/8\n2001:db8::/32\n");
  REQUIRE(c.run());
  CHECK_FALSE(c.report.reused);

  SECTION("and a damaged compiled file is made anew") {
    std::ofstream(c.scratch / "ads.set", std::ios::binary) << "weirset\nrubbish";
    auto anew = c.run();
    REQUIRE(anew);
    CHECK_FALSE(c.report.reused);
    CHECK((*anew)->entries() == 2);
    REQUIRE(c.run());
    CHECK(c.report.reused);
  }
  SECTION("and one of another format is, too") {
    c.decl.format = config::ListFormat::plain;
    REQUIRE(c.run());
    CHECK_FALSE(c.report.reused);
  }
  SECTION("a list that stands in memory is recognised by the former one") {
    c.settings.folder.clear();
    auto first = c.run();
    REQUIRE(first);
    CHECK_FALSE(c.report.reused);
    c.settings.former = *first;
    auto second = c.run();
    REQUIRE(second);
    CHECK(c.report.reused);
    CHECK(*second == *first);
  }
}

TEST_CASE("FEATURES 12: the shrink guard keeps the list that was there") {
  Compiler c;
  c.decl.shrink_guard = 50;
  c.file("a.txt", names(100));
  REQUIRE(c.run());
  c.file("a.txt", names(49));
  auto kept = c.run();
  REQUIRE(kept);
  CHECK(c.report.kept_former);
  CHECK(c.report.problem == "49 entries instead of 100: lost more than 50%");
  CHECK((*kept)->entries() == 100);
  c.file("a.txt", names(50));
  auto smaller = c.run();
  REQUIRE(smaller);
  CHECK_FALSE(c.report.kept_former);
  CHECK((*smaller)->entries() == 50);
}

TEST_CASE("a list that cannot be read keeps the former one, or fails") {
  Compiler c;
  c.file("a.txt", names(3));
  c.settings.folder.clear();
  auto first = c.run();
  REQUIRE(first);
  std::filesystem::remove(c.decl.files[0]);
  auto failed = c.run();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Code::not_found);
  CHECK(c.report.problem == c.decl.files[0] + ": No such file or directory");
  c.settings.former = *first;
  auto kept = c.run();
  REQUIRE(kept);
  CHECK(c.report.kept_former);
  CHECK(*kept == *first);
}

TEST_CASE("the folder of compiled lists is made, or done without") {
  Compiler c;
  c.file("a.txt", names(3));
  c.settings.folder = c.scratch / "state/lists";
  REQUIRE(c.run());
  CHECK(std::filesystem::exists(c.settings.folder + "/ads.set"));
  CHECK(c.report.problem.empty());
  c.settings.folder = c.scratch / "a.txt/lists"; // under a file nothing can be made
  auto list = c.run();
  REQUIRE(list);
  CHECK((*list)->entries() == 3);
  CHECK_FALSE(c.report.problem.empty());
}

TEST_CASE("a list's name cannot lead out of its folder") {
  Compiler c;
  c.decl.name = "../../evil";
  c.file("a.txt", names(1));
  REQUIRE(c.run());
  int sets = 0;
  for (const auto& entry : std::filesystem::directory_iterator(c.scratch.path())) {
    sets += entry.path().extension() == ".set" ? 1 : 0;
  }
  CHECK(sets == 1);
}

TEST_CASE("a file of a million lines compiles in seconds") {
  Compiler c(config::ListFormat::hosts);
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) {
    text += "0.0.0.0 host" + std::to_string(i * 7919LL % 1'000'003) + ".ads.example\n";
  }
  c.file("hosts.txt", text);
  auto begin = std::clock(); // of this process: the machine may be busy
  auto list = c.run();
  auto took = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  REQUIRE(list);
  CHECK((*list)->entries() == 1'000'000);
  CHECK((*list)->where((*list)->find("host7919.ads.example")) == c.decl.files[0] + ":2");
  CHECK(took < 20);
}
