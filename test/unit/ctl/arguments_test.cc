// SPDX-License-Identifier: Apache-2.0
#include "ctl/arguments.h"

#include <vector>

#include <catch2/catch.hpp>

using namespace weir::ctl;

namespace {

std::variant<Command, Outcome> read(std::vector<const char*> words) {
  words.insert(words.begin(), "weirctl");
  return read_arguments(static_cast<int>(words.size()), words.data());
}

Command command(std::vector<const char*> words) {
  auto got = read(std::move(words));
  if (auto* outcome = std::get_if<Outcome>(&got)) {
    FAIL(outcome->err);
  }
  return std::get<Command>(std::move(got));
}

Outcome outcome(std::vector<const char*> words) {
  auto got = read(std::move(words));
  REQUIRE(std::holds_alternative<Outcome>(got));
  return std::get<Outcome>(std::move(got));
}

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a command is its verb, what the daemon gets, and what weirctl keeps") {
  Command sql = command({"-s", "/run/x", "log", "sql", "SELECT", "1", "--json", "--config", "f"});
  CHECK(sql.verb->words() == "log sql");
  CHECK(sql.arguments == Json({{"query", "SELECT 1"}}));
  CHECK(sql.local == Json({{"config", "f"}}));
  CHECK(sql.socket == "/run/x");
  CHECK(sql.json);
  CHECK(sql.timeout.count() == 0);
  CHECK(command({"status", "--timeout", "1.5"}).timeout.count() == 1500);
  CHECK(command({"reload", "--dry-run"}).arguments == Json({{"dry_run", true}}));
  CHECK(command({"stop", "--wait", "--now"}).local == Json({{"wait", true}}));
  CHECK(command({"log", "sql", "-c", "f", "SELECT 1"}).local == Json({{"config", "f"}}));
  Command explain = command(
      {"explain", "http://a/", "--header", "A: b", "--header", "C: d e", "--client", "::1"});
  CHECK(
      explain.arguments ==
      Json({{"url", "http://a/"}, {"client", "::1"}, {"header", Json::array({"A: b", "C: d e"})}}));
}

TEST_CASE("options may stand before and after the words") {
  CHECK(command({"--json", "status"}).json);
  CHECK(command({"status", "--json"}).json);
  CHECK(command({"config", "--json", "test", "f"}).json);
  CHECK(command({"status", "-s", "/x"}).socket == "/x");
}

TEST_CASE("usage errors end with 2 and name what is near") {
  CHECK(outcome({}).exit == Exit::usage);
  for (auto [words, part] : std::vector<std::pair<std::vector<const char*>, const char*>>{
           {{"statsu"}, "did you mean 'status'"},
           {{"config", "tset"}, "did you mean 'test'"},
           {{"config"}, "config needs one of"},
           {{"log", "req"}, "log req needs ID"},
           {{"purge"}, "purge needs URL|WHERE"},
           {{"cache", "show", "http://a/", "b"}, "one word too many"},
           {{"reload", "--dryrun"}, "--dry-run"},
           {{"status", "--timeout", "soon"}, "timeout"},
           {{"status", "--timeout", "0"}, "timeout"},
           {{"status", "--place", "x"}, "--place"}}) {
    Outcome got = outcome(words);
    INFO(got.err);
    CHECK(got.exit == Exit::usage);
    CHECK(got.out.empty());
    CHECK(says(got.err, part));
    CHECK(got.err.ends_with("\n"));
  }
}

TEST_CASE("help fits a screen, for all and for each command") {
  Outcome all = outcome({"--help"});
  CHECK(all.exit == Exit::ok);
  CHECK(std::count(all.out.begin(), all.out.end(), '\n') <= 50);
  for (const weir::admin::Verb& verb : weir::admin::verbs()) {
    std::string words = verb.words();
    CHECK(says(all.out, words));
    std::string noun(verb.noun);
    std::string rest(verb.verb);
    std::vector<const char*> line = {noun.c_str()};
    if (!rest.empty()) {
      line.push_back(rest.c_str());
    }
    line.push_back("--help");
    Outcome one = outcome(line);
    INFO(words);
    CHECK(one.exit == Exit::ok);
    CHECK(says(one.out, words));
    CHECK(std::count(one.out.begin(), one.out.end(), '\n') <= 40);
    for (const weir::admin::Argument& each : verb.arguments) {
      CHECK(says(one.out, each.form.empty() ? weir::admin::option_name(each) : each.form));
    }
  }
  CHECK(says(outcome({"-V"}).out, "weirctl"));
}
