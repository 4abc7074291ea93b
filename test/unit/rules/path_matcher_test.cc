// SPDX-License-Identifier: Apache-2.0
#include "rules/path_matcher.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::rules;
using Kind = config::PathPattern::Kind;

namespace {

PathMatcher make(Kind kind, const char* text) {
  auto matcher = PathMatcher::compile({kind, text, {}});
  REQUIRE(matcher);
  return std::move(*matcher);
}

} // namespace

TEST_CASE("rule 6: paths are prefixes on segment borders, globs, or expressions") {
  struct Case {
    Kind kind;
    const char* text;
    const char* path;
    bool match;
  };
  for (auto [kind, text, path, match] :
       std::initializer_list<Case>{{Kind::prefix, "/", "/", true},
                                   {Kind::prefix, "/", "/a/b", true},
                                   {Kind::prefix, "/", "*", false},
                                   {Kind::prefix, "/a", "/a", true},
                                   {Kind::prefix, "/a", "/a/", true},
                                   {Kind::prefix, "/a", "/a/b", true},
                                   {Kind::prefix, "/a", "/ab", false},
                                   {Kind::prefix, "/a", "/", false},
                                   {Kind::prefix, "/a/", "/a/", true},
                                   {Kind::prefix, "/a/", "/a/b", true},
                                   {Kind::prefix, "/a/", "/a", false},
                                   {Kind::prefix, "/a", "/A", false},
                                   {Kind::glob, "/a/*.jpg", "/a/b/c.jpg", true},
                                   {Kind::glob, "/a/*.jpg", "/a/.jpg", true},
                                   {Kind::glob, "/a/*.jpg", "/a/c.jpg.exe", false},
                                   {Kind::glob, "/a?c", "/abc", true},
                                   {Kind::glob, "/a?c", "/ac", false},
                                   {Kind::glob, "*", "/anything", true},
                                   {Kind::glob, "/*/*/x", "/a/b/c/x", true},
                                   {Kind::glob, "/*/*/x", "/a/x", false},
                                   {Kind::regex, "\\.php$", "/a/b.php", true},
                                   {Kind::regex, "\\.php$", "/a/b.php5", false},
                                   {Kind::regex, "^/a/[0-9]+$", "/a/17", true}}) {
    INFO(text << " " << path);
    CHECK(make(kind, text).matches(path) == match);
  }
  CHECK_FALSE(PathMatcher::compile({Kind::regex, "(", {}}));
}

TEST_CASE("W8.2 a path is matched in one spelling, however it is written") {
  struct Case {
    std::string_view path;
    std::string_view plain;
  };
  for (auto [path, plain] : std::initializer_list<Case>{{"/", "/"},
                                                        {"/a/b", "/a/b"},
                                                        {"/a/b/", "/a/b/"},
                                                        {"*", "*"},
                                                        {"", ""},
                                                        {"/a.b/c..d", "/a.b/c..d"},
                                                        {"/%61dmin/", "/admin/"},
                                                        {"/%2561dmin/", "/%61dmin/"},
                                                        {"/a%2Fb", "/a/b"},
                                                        {"//admin", "/admin"},
                                                        {"/a///b//", "/a/b/"},
                                                        {"/./a/./b/.", "/a/b/"},
                                                        {"/x/../admin", "/admin"},
                                                        {"/x/%2e%2E/admin", "/admin"},
                                                        {"/x/..%2fadmin", "/admin"},
                                                        {"/../../admin/..", "/"},
                                                        {"/a/b/..", "/a/"},
                                                        {"/a/...", "/a/..."},
                                                        {"/.hidden", "/.hidden"},
                                                        {"/a%", "/a%"},
                                                        {"/a%4", "/a%4"},
                                                        {"/a%zz", "/a%zz"},
                                                        {"/..", "/"},
                                                        {"/%00", std::string_view("/\0", 2)}}) {
    INFO(path);
    CHECK(PlainPath(path).view() == plain);
  }
}

TEST_CASE("a glob made to be slow is not") {
  std::string glob;
  for (int i = 0; i < 30; ++i) {
    glob += "*a";
  }
  CHECK_FALSE(matches_glob(glob + "b", std::string(5000, 'a')));
}

TEST_CASE("rule 2: the longest path is asked first") {
  auto before = [](Kind a, const char* ta, Kind b, const char* tb) {
    bool one = make(a, ta).goes_before(make(b, tb));
    CHECK_FALSE((one && make(b, tb).goes_before(make(a, ta))));
    return one;
  };
  CHECK(before(Kind::prefix, "/a/b", Kind::prefix, "/a"));
  CHECK(before(Kind::prefix, "/a/", Kind::prefix, "/a"));
  CHECK(before(Kind::prefix, "/a", Kind::prefix, "/"));
  CHECK(before(Kind::glob, "/a/*.jpg", Kind::prefix, "/a/"));
  CHECK(before(Kind::prefix, "/a/long/", Kind::glob, "/a/*"));
  CHECK(before(Kind::glob, "/a/*", Kind::prefix, "/a/"));
  CHECK(before(Kind::regex, "x", Kind::prefix, "/a/b/c"));
  CHECK(before(Kind::prefix, "/", Kind::glob, "/*"));
  CHECK_FALSE(before(Kind::prefix, "/a", Kind::prefix, "/b"));
}
