// SPDX-License-Identifier: Apache-2.0
#include "rules/path_index.h"

#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

#include "rules/path_matcher.h"

using namespace weir;
using namespace weir::rules;
using Kind = config::PathPattern::Kind;

namespace {

config::PathPattern pattern(Kind kind, const std::string& text) {
  config::PathPattern made;
  made.kind = kind;
  made.text = text;
  return made;
}

Numbers found(const PathIndex& index, std::string_view path) {
  Numbers all;
  index.find(path, [&](std::span<const std::uint32_t> some) {
    all.insert(all.end(), some.begin(), some.end());
  });
  std::sort(all.begin(), all.end());
  return all;
}

TEST_CASE("a path index is asked by what a pattern begins with") {
  CHECK(PathIndex::key_of(pattern(Kind::prefix, "/a/b")) == "/a/b");
  CHECK(PathIndex::key_of(pattern(Kind::prefix, "/")) == "/");
  CHECK(PathIndex::key_of(pattern(Kind::glob, "/a/b*.jpg")) == "/a/");
  CHECK(PathIndex::key_of(pattern(Kind::glob, "/?")) == "/");
  CHECK_FALSE(PathIndex::key_of(pattern(Kind::glob, "*.jpg")));
  CHECK_FALSE(PathIndex::key_of(pattern(Kind::regex, "^/a")));
}

TEST_CASE("a path index gives what may match, once, and little else") {
  PathIndex index;
  index.add("/a", 0);
  index.add("/a/", 1);
  index.add("/a", 2);
  index.add("/", 3);
  index.add("/b/c", 4);
  CHECK(found(index, "/a") == Numbers{0, 2, 3});
  CHECK(found(index, "/a/x") == Numbers{0, 1, 2, 3});
  CHECK(found(index, "/ab") == Numbers{3});
  CHECK(found(index, "/b/c/d/e") == Numbers{3, 4});
  CHECK(found(index, "/" + std::string(16000, '/')) == Numbers{3});
  CHECK(found(index, "*").empty());
  CHECK(found(index, "").empty());
}

TEST_CASE("a path index leaves out nothing that matches") {
  std::mt19937 random(1);
  auto word = [&](std::string_view letters, std::size_t most) {
    std::string made = "/";
    for (std::size_t n = random() % most; n > 0; --n) {
      made += letters[random() % letters.size()];
    }
    return made;
  };
  for (int round = 0; round < 300; ++round) {
    PathIndex index;
    std::vector<PathMatcher> matchers;
    for (std::uint32_t i = 0; i < 20; ++i) {
      bool glob = random() % 2 == 0;
      auto one = pattern(glob ? Kind::glob : Kind::prefix, word(glob ? "ab//*?" : "ab//", 6));
      auto key = PathIndex::key_of(one);
      REQUIRE(key);
      index.add(*key, i);
      matchers.push_back(std::move(*PathMatcher::compile(one)));
    }
    for (int ask = 0; ask < 20; ++ask) {
      std::string path = word("ab//", 8);
      Numbers may = found(index, path);
      for (std::uint32_t i = 0; i < matchers.size(); ++i) {
        if (matchers[i].matches(path)) {
          INFO(matchers[i].pattern().text << " " << path);
          CHECK(std::binary_search(may.begin(), may.end(), i));
        }
      }
    }
  }
}

} // namespace
