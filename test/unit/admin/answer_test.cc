// SPDX-License-Identifier: Apache-2.0
#include "admin/answer.h"

#include <set>

#include <catch2/catch.hpp>

using namespace weir::admin;

namespace {

std::string check(std::string_view noun, std::string_view verb, const char* json) {
  const Verb* found = find_verb(noun, verb);
  REQUIRE(found != nullptr);
  return check_arguments(*found, Json::parse(json));
}

} // namespace

TEST_CASE("the arguments of a verb are checked by its table") {
  CHECK(check("purge", "", R"({"url":"http://a/"})").empty());
  CHECK(check("purge", "", R"({"url":"http://a/","place":"lan","dry_run":true})").empty());
  CHECK(check("purge", "", "{}") == "purge needs URL|WHERE");
  CHECK(check("purge", "", R"({"url":""})") == "purge needs URL|WHERE");
  CHECK(check("purge", "", R"({"url":5})") == "'url' must be a string");
  CHECK(check("purge", "", R"({"url":"a","dry_run":"yes"})") == "'dry_run' must be true or false");
  CHECK(check("purge", "", R"({"url":"a","plase":"lan"})") ==
        "purge has no argument 'plase'; did you mean 'place'?");
  CHECK(check("explain", "", R"({"url":"a","header":"A: b"})") ==
        "'header' must be an array of strings");
  CHECK(check("explain", "", R"({"url":"a","header":[5]})") ==
        "'header' must be an array of strings");
  CHECK(check("explain", "", R"({"url":"a","header":["A: b"]})").empty());
  CHECK(check("status", "", "[]") == "the body must be a JSON object");
  CHECK_FALSE(check("stop", "", R"({"wait":true})").empty()); // weirctl's own
  CHECK_FALSE(check("config", "test", R"({"file":"/etc/shadow"})").empty());
}

TEST_CASE("JSON from outside: what is malformed or too deep is nothing") {
  CHECK(parse_json(R"({"a":[1,2]})"));
  for (const char* bad : {"", "{", "{\"a\":}", "nope", "{} {}", "\xff"}) {
    INFO(bad);
    CHECK_FALSE(parse_json(bad));
  }
  std::string deep(100'000, '[');
  CHECK_FALSE(parse_json(deep));
  CHECK_FALSE(parse_json(std::string(20, '[') + std::string(20, ']')));
  CHECK(parse_json(std::string(10, '[') + std::string(10, ']')));
}

TEST_CASE("an answer: bytes that are not UTF-8 do not spoil it, failures name their exit code") {
  Json body;
  body["path"] = "/\xff";
  CHECK(dump(body) == "{\"path\":\"/\xef\xbf\xbd\"}");
  Answer no = failure(Exit::refused, "why");
  CHECK(no.exit == Exit::refused);
  CHECK(dump(no.body) == R"({"error":"why","exit":4})");
  CHECK(http_status(Exit::ok) == 200);
  CHECK(http_status(Exit::failed) == 422);
  CHECK(http_status(Exit::refused) == 403);
}

TEST_CASE("each verb has one path, and is found by it") {
  std::set<std::string> paths;
  for (const Verb& each : verbs()) {
    CHECK(paths.insert(each.path()).second);
    CHECK(find_path(each.path()) == &each);
    CHECK_FALSE(each.line.empty());
    CHECK(each.line.size() <= 60); // --help fits a screen
  }
  CHECK(find_path("/v1/status") != nullptr);
  for (const char* bad : {"/v1/status/", "/v1/", "/v1", "/v2/status", "/v1/log", "/v1/log/",
                          "/v1/log/sql/x", "status", ""}) {
    INFO(bad);
    CHECK(find_path(bad) == nullptr);
  }
}

TEST_CASE("who may look may not change; only who may stop may stop") {
  for (const Verb& each : verbs()) {
    bool changes = each.words() == "purge" || each.words() == "cache verify" || // removes damage
                   each.words() == "cache warm" || each.words() == "limit reset" ||
                   each.noun == "reload" || each.noun == "stop";
    INFO(each.words());
    CHECK((each.access > Access::view) == changes);
  }
  CHECK(find_verb("stop", "")->access == Access::admin);
}
