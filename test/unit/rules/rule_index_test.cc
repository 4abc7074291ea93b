// SPDX-License-Identifier: Apache-2.0
#include "rules/rule_index.h"

#include <random>

#include <fmt/format.h>

#include "allocations.h"
#include "rules/rule_set.h"
#include "rules_of.h"

using namespace weir;
using namespace weir::rules;

namespace {

/// A set of rules of a site or forward, and how many of them the index gives for a request.
struct Ruled {
  Loaded loaded;
  std::vector<const config::RuleDecl*> decls;
  Direction direction;

  Ruled(const std::string& rules, Direction where)
      : loaded("pool app { server 127.0.0.1:9 }\n" +
               std::string(where == Direction::site ? "site x.test" : "forward lan") +
               " { listen 127.0.0.1:80\nrules {\n" + rules + "}\n" +
               (where == Direction::site ? "route / { pool app } }\n" : "}\n")),
        direction(where) {
    for (const auto& decl : own()) {
      decls.push_back(&decl);
    }
  }
  const std::vector<config::RuleDecl>& own() const {
    return direction == Direction::site ? loaded.config->sites[0].rules
                                        : loaded.config->forwards[0].rules;
  }
  std::vector<std::size_t> candidates(const Facts& facts) const {
    RuleIndex index(decls);
    RuleIndex::Candidates all(&index, Question(facts, {}, direction, true), decls.size());
    std::vector<std::size_t> numbers;
    for (std::size_t i = all.next(); i < decls.size(); i = all.next()) {
      numbers.push_back(i);
    }
    return numbers;
  }
};

using Given = std::vector<std::size_t>;

} // namespace

TEST_CASE("an index gives the rules that a request may match") {
  Ruled ruled("report host a.test\nreport host .b.test\nreport host *.b.test\nreport path /p/\n"
              "report path /q/*.exe\nreport method PUT\nreport header X-Bad\n"
              "report header User-Agent evil\nreport client 10.0.0.0/8\nreport path ~ x$\n"
              "report host 192.0.2.1\nreport path / host c.test\nallow all\n",
              Direction::site);
  Arena arena;
  http::Fields fields;
  Facts facts;
  facts.fields = &fields;
  facts.host = "d.test";
  facts.path = "/";
  facts.method = "GET";
  CHECK(ruled.candidates(facts) == Given{9, 10, 12});
  facts.host = "a.test";
  CHECK(ruled.candidates(facts) == Given{0, 9, 10, 12});
  facts.host = "b.test.";
  CHECK(ruled.candidates(facts) == Given{1, 9, 10, 12});
  facts.host = "x.y.b.test";
  facts.path = "/p/q";
  CHECK(ruled.candidates(facts) == Given{1, 2, 3, 9, 10, 12});
  facts.host = "c.test";
  facts.path = "/q/x";
  facts.method = "PUT";
  CHECK(ruled.candidates(facts) == Given{4, 5, 9, 10, 11, 12});
  facts.client = *Address::parse("10.1.2.3");
  CHECK(ruled.candidates(facts) == Given{4, 5, 8, 9, 10, 11, 12});
  fields.add({"x-BAD", "1", http::field_id("x-bad")}, arena);
  fields.add({"user-agent", "EVIL", http::field_id("user-agent")}, arena);
  fields.add({"User-Agent", "evil", http::field_id("user-agent")}, arena);
  CHECK(ruled.candidates(facts) == Given{4, 5, 6, 7, 8, 9, 10, 11, 12});
}

TEST_CASE("a few rules have no index, and values beyond its room ask all") {
  Ruled few("report host a.test\nallow all\n", Direction::site);
  Facts facts;
  facts.host = "b.test";
  facts.path = "/";
  CHECK(few.candidates(facts) == Given{0, 1});
  std::string text;
  std::string path;
  for (int i = 0; i < 40; ++i) {
    path += "/a";
    text += "report path " + path + "\n";
  }
  Ruled many(text + "report path /b\n", Direction::site);
  facts.path = path;
  CHECK(many.candidates(facts).size() == 41);
}

TEST_CASE("an evaluation of many rules allocates nothing") {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += fmt::format("deny host h{}.test\ndeny path /p{}/ header X-A\n", i, i);
  }
  Ruled ruled(text + "report header X-A one\n", Direction::site);
  auto rules =
      RuleSet::compile(ruled.loaded.config, Direction::site, ruled.own(), {}, ruled.loaded.parts);
  REQUIRE(rules);
  Arena arena;
  http::Fields fields;
  fields.add({"X-A", "One", http::field_id("x-a")}, arena);
  Facts facts;
  facts.fields = &fields;
  facts.host = "x.h5.test";
  facts.path = "/p1000/a/b";
  auto before = allocations();
  Verdict verdict = rules->evaluate(facts, {});
  CHECK(allocations() == before);
  CHECK(verdict.allows());
  CHECK(verdict.reported_count == 1);
  CHECK(verdict.reported[0] == 200);
  facts.path = "/p99/a";
  CHECK(rules->evaluate(facts, {}).rule == 199);
}

TEST_CASE("many rules decide as each of them asked does") {
  std::mt19937 random(1);
  auto one = [&](std::initializer_list<const char*> of) {
    return of.begin()[random() % of.size()];
  };
  auto condition = [&](unsigned kind) -> std::string { // of one kind, which stands once in a rule
    switch (kind % 6) {
    case 0:
      return std::string("host ") +
             one({"a.test", ".a.test", "*.b.test", "*", "~ a", "192.0.2.1", "b.test c.test"});
    case 1:
      return std::string("path ") + one({"/", "/a", "/a/", "/a/*.exe", "*b", "~ ^/a"});
    case 2:
      return std::string("method ") + one({"GET", "PUT GET", "PUT"});
    case 3:
      return std::string("header ") + one({"X-A", "X-A one", "User-Agent ~ o", "user-agent TWO"});
    case 4:
      return std::string("client ") +
             one({"10.0.0.0/8", "192.0.2.0/24", "192.0.2.1/32 ::/0", "0.0.0.0/0", "10.0.0.0/30",
                  "::ffff:192.0.2.0/120", "2001:db8::/32", "loopback", "private", "2001:db8::/48"});
    default:
      return "scheme https";
    }
  };
  for (int round = 0; round < 60; ++round) {
    auto direction = random() % 2 == 0 ? Direction::site : Direction::forward;
    std::string text;
    for (int i = 0; i < 25; ++i) {
      unsigned kind = static_cast<unsigned>(random());
      text += one({"report ", "report ", "report ", "deny ", "cache no "}) + condition(kind) + " " +
              (random() % 2 == 0 ? condition(kind + 1) : "") +
              (random() % 3 == 0 ? " unless " + condition(kind + 2) : "") + "\n";
    }
    Ruled ruled(text, direction);
    auto rules =
        RuleSet::compile(ruled.loaded.config, direction, ruled.own(), {}, ruled.loaded.parts);
    REQUIRE(rules);
    for (int ask = 0; ask < 40; ++ask) {
      Arena arena;
      http::Fields fields;
      for (const char* name : {"x-a", "User-Agent", "X-A"}) {
        if (random() % 2 == 0) {
          fields.add({name, one({"one", "two", "ONE"}), http::field_id(name)}, arena);
        }
      }
      Facts facts;
      facts.fields = &fields;
      facts.client = *Address::parse(one({"10.0.0.1", "192.0.2.1", "::1", "2001:db8::1",
                                          "::ffff:10.0.0.1", "64:ff9b::192.0.2.1", "2001:db9::1"}));
      facts.host = one({"a.test", "x.a.test", "b.test", "x.b.test", "192.0.2.1", "d.test"});
      facts.path = one({"/", "/a", "/a/x.exe", "/b", "", "/a/b/c"});
      facts.method = one({"GET", "PUT", "HEAD"});
      facts.scheme = one({"http", "https"});
      Trace trace; // asks each rule
      Verdict by_each = rules->evaluate(facts, {}, &trace);
      Verdict verdict = rules->evaluate(facts, {});
      INFO(text << facts.host << " " << facts.path << " " << facts.method);
      CHECK(verdict.rule == by_each.rule);
      CHECK(verdict.action == by_each.action);
      CHECK(verdict.provisional == by_each.provisional);
      CHECK(verdict.reported_count == by_each.reported_count);
      CHECK(verdict.reported == by_each.reported);
      CHECK(verdict.cache_no == by_each.cache_no);
    }
  }
}
