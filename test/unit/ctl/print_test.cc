// SPDX-License-Identifier: Apache-2.0
#include "ctl/print.h"

#include <catch2/catch.hpp>

using namespace weir::ctl;
using weir::admin::find_verb;

namespace {

std::string print(std::string_view noun, std::string_view verb, const char* json) {
  const weir::admin::Verb* found = find_verb(noun, verb);
  REQUIRE(found != nullptr);
  return print_body(*found, Json::parse(json), {});
}

bool says(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("cache ls: what is told, and how much there is; cache verify") {
  Json body = {{"stored",
                {{{"url", "http://a/x"},
                  {"status", 200},
                  {"mime", "text/css"},
                  {"size", 2000},
                  {"age_seconds", 61},
                  {"ttl_seconds", -1},
                  {"hits", 12345},
                  {"saved_bytes", 24690000},
                  {"tags", {"one", "two"}},
                  {"stores", {"memory", "disk"}}}}},
               {"count", 2},
               {"bytes", 3000}};
  std::string text = print_listing(body, {});
  for (const char* want : {"HITS", "12,345", "24.7 MB", "2.0 KB", "1 min 1 s", "stale", "200",
                           "text/css", "memory and disk", "http://a/x", "one two",
                           "\n2 stored responses, 3.0 KB; 1 of them told\n"}) {
    INFO(want << " in:\n" << text);
    CHECK(text.find(want) != std::string::npos);
  }
  body = {{"caches", {{{"cache", "main"}, {"objects", 7}, {"bytes", 10}, {"damaged", 1}}}}};
  CHECK(print_verified(body, {}).find("main   ") != std::string::npos);
  CHECK(print_verified(Json::object(), {}) == "no cache has a disk\n");
}

TEST_CASE("rows of log sql: titles, numbers to the right, NULL as -") {
  CHECK(print("log", "sql",
              R"({"columns":["host","n"],"rows":[["a.example",5],["b",1234],[null,0]]})") ==
        "host          n\na.example     5\nb          1234\n-             0\n");
  CHECK(print("log", "sql", R"({"columns":["host"],"rows":[]})") == "host\n");
  CHECK(print("log", "sql", R"({"error":"no such column: x","exit":1})").empty());
  CHECK(print("log", "sql", "{\"columns\":[\"a\"],\"rows\":[[\"x\\u001b[2J\"]]}") == "a\nx?[2J\n");
}

TEST_CASE("a record of tail: one line, with the port that is not the scheme's own") {
  auto line = [](const char* json) { return print_record(Json::parse(json), {}); };
  std::string got = line(R"({"time":"2026-11-21T10:00:00.123456Z","status":200,"cache":"hit",
    "duration":1500,"bytes_out":2048,"client":"10.0.0.1","method":"GET","scheme":"http",
    "host":"a.example","port":8080,"path":"/x","query":"q=1","end":"ok"})");
  CHECK(says(got, "10:00:00.123  200  hit"));
  CHECK(says(got, "1.5 ms"));
  CHECK(says(got, "2.0 KB"));
  CHECK(says(got, "http://a.example:8080/x?q=1"));
  CHECK(says(line(R"({"scheme":"http","host":"a.example","port":80,"path":"/"})"),
             "http://a.example/"));
  CHECK(
      says(line(R"({"scheme":"https","host":"::1","port":444,"path":"/"})"), "https://[::1]:444/"));
  CHECK(says(line(R"({"method":"CONNECT","scheme":"","host":"a.example","port":443})"),
             "CONNECT  a.example:443"));
  CHECK(says(line(R"({"status":403,"end":"denied","rule":"weir.conf:5 deny list ads"})"),
             "[denied: weir.conf:5 deny list ads]"));
  CHECK(says(line(R"({"status":200,"end":"ok","reports":"weir.conf:7 report all"})"),
             "[weir.conf:7 report all]"));
  CHECK(says(line(R"({"dropped":7})"), "7 lines lost"));
  CHECK(says(line(R"({"path":"/\u001b[2J"})"), "/?[2J"));
}

TEST_CASE("purge, reload and stop say what was done, or would be") {
  CHECK(print("purge", "", R"({"dropped":1,"bytes":10,"number":7,"hard":true})") ==
        "dropped: 1 stored response, 10 B (purge 7)\n");
  CHECK(print("purge", "", R"({"dropped":1200,"bytes":0,"number":8})") ==
        "stale: 1,200 stored responses, 0 B (purge 8)\n");
  CHECK(print("purge", "", R"({"number":9})") == "stale: what it names (purge 9)\n");
  std::string row = print("purge", "log", R"({"purges":[{"number":9,"what":"tag = x",
    "time":"2026-11-21 10:00:00.123456","place":"shop","hard":true,"done":false,"seen":1,
    "total":4,"matched":1,"bytes":7}]})");
  CHECK(says(row, "25 %"));
  CHECK(says(row, "tag = x in shop"));
  CHECK(print("purge", "", R"({"dropped":2,"bytes":3,"number":0,"dry_run":true})") ==
        "2 stored responses, 3 B would become stale\n");
  CHECK(print("reload", "", R"({"generation":4,"notes":["workers does not change"]})") ==
        "workers does not change\ngeneration 4 is in force\n");
  CHECK(says(print("reload", "", R"({"diagnostics":[{"severity":"error","file":"w","line":3,
    "column":5,"length":3,"what":"unknown word","hint":"did you mean 'site'?","source":"    sit a"}],
    "error":"1 error","exit":1})"),
             "w:3:5: "));
  CHECK(print("stop", "", R"({"pid":12,"connections":3,"mode":"drain"})") ==
        "stopping process 12 (3 connections, responses under way end first)\n");
}

TEST_CASE("config test shows line and caret, and says ok only without an error") {
  std::string text = print("config", "test", R"({"file":"w","diagnostics":[{"severity":"error",
    "file":"w","line":2,"column":5,"length":5,"what":"unknown word","hint":"memory","source":"    memry 64MB"}],
    "error":"1 error","exit":1})");
  CHECK(says(text, "    memry 64MB"));
  CHECK(says(text, "    ^"));
  CHECK_FALSE(says(text, "ok"));
  CHECK(says(print("config", "test", R"({"file":"w","diagnostics":[]})"), "w: ok"));
}

TEST_CASE("status says what is wrong: a failed disk, a failing log, a reload that failed") {
  std::string text =
      print("status", "", R"({"version":"0.1","pid":1,"user":"nobody","uptime_seconds":60,
    "generation":2,"file":"/etc/weir/weir.conf","loaded":0,"reload_error":"5 errors","workers":2,
    "caches":[{"name":"main","memory_used":1,"memory_limit":2,"entries":3,
      "disk":{"path":"/d","state":"failed","error":"No space left on device","bytes":1,"capacity":2}}],
    "rates":{"over_seconds":60,"requests_per_second":12.345,"bytes_in_per_second":1024,
      "bytes_out_per_second":2048},
    "log":{"on":true,"directory":"/l","failing":true,"error":"disk is full","dropped":5}})");
  CHECK(says(text, "process 1 of nobody, up"));
  CHECK(says(text, "12.3 requests/s"));
  CHECK(says(text, "No space left on device"));
  CHECK(says(text, "disk is full"));
  CHECK(says(text, "failed: 5 errors"));
  CHECK(says(text, "generation"));
}

TEST_CASE("answers that are not as expected do not hurt") {
  for (const weir::admin::Verb& verb : weir::admin::verbs()) {
    for (const char* json : {"{}", R"({"error":"x","exit":1})",
                             R"({"rows":5,"columns":{},"caches":1,"routes":"x"})"}) {
      INFO(verb.words() << " " << json);
      print_body(verb, Json::parse(json), {});
    }
  }
  print_record(Json::parse(R"({"status":"x","time":5})"), {});
}

TEST_CASE("cache get tells key, variants, arithmetic and outcome") {
  const char* body = R"({"ways":[{"kind":"site","name":"a.test","listen":["127.0.0.1:80"],
    "where":"weir.conf:3","route":"/","answer":"pool app","decision":"allow by default",
    "key":{"url":"http://a.test/x","cache":"main","place":"a.test","target":"/x","asked":"/x?utm=1",
           "parts":["cookie lang=de"]},
    "stored":[{"status":200,"size":3,"stores":["memory","disk"],"age_seconds":10,"ttl_seconds":50,
               "fresh":true,"matches":false,
               "differs":[{"field":"accept","stored":"a","asked":null}]}],
    "freshness":{"lifetime_seconds":60,"lifetime_from":"max-age","age_seconds":10,
                 "initial_age_seconds":4,"ttl_seconds":50,"if_error_seconds":5,"no_cache":true},
    "asked":["max-age=3"],"asked_counts":false,"purge":"made stale",
    "outcome":"validate","why":"stale","on_error":"never served stale"}]})";
  std::string text = print("cache", "get", body);
  for (const char* want :
       {"site a.test on 127.0.0.1:80  (weir.conf:3)", "key      http://a.test/x in cache main",
        "and cookie lang=de", "/x?utm=1 was asked for", "in memory and disk",
        "does not match: accept was 'a', is no such field\n",
        "lifetime 1 min (max-age) - age 10 s (4 s when it came, 6 s here) = 50 s",
        "stale-if-error 5 s  no-cache", "asked    max-age=3 (the route does not listen)",
        "purge    made stale", "outcome  validate: stale\n", "never served stale"}) {
    CHECK(says(text, want));
  }
}

TEST_CASE("cache warm tells what it has come to, and what failed") {
  std::string text = print("cache", "warm", R"({"state":"running","found":1200,"fresh":3,
    "skipped":2,"fetched":5,"failed":1,"left":1189,"told":["http://a/: 500"]})");
  CHECK(text == "running: 1,200 found, 3 fresh, 2 skipped, 5 fetched, 1 failed, 1,189 left\n"
                "  http://a/: 500\n");
  CHECK(says(print("cache", "warm", R"({"dry_run":true,"left":4})"), "4 to be fetched"));
  CHECK(print("cache", "warm", R"({"state":"none"})") == "nothing was warmed yet\n");
}

TEST_CASE("limit ls, top and reset") {
  std::string text = print("limit", "ls", R"({"limits":[{"name":"bulk","key":"client /32 /64",
    "rate":"none","burst":0,"bandwidth":"2MB/s","quota":"5GB/day","keys":1200,"refused":0,
    "quota_refused":3,"delayed_bytes":1500000}]})");
  for (const char* want : {"bulk", "client /32 /64", "2MB/s", "5GB/day", "1,200", "1.5 MB"}) {
    CHECK(says(text, want));
  }
  CHECK(print("limit", "ls", R"({"limits":[]})") == "no limits\n");
  text = print("limit", "top", R"({"name":"bulk","count":2,"keys":[{"key":"10.0.0.1",
    "exchanges":2,"wait_seconds":0.2,"used_bytes":2048,"left_bytes":1000000}]})");
  for (const char* want :
       {"-", "2.0 KB", "1.0 MB", "200 ms", "10.0.0.1", "\n2 keys in use; 1 of them told\n"}) {
    CHECK(says(text, want));
  }
  CHECK(print("limit", "top", R"({"name":"bulk","count":0,"keys":[]})") == "no keys in use\n");
  CHECK(says(print("limit", "top", R"({"count":1,"keys":[{"key":"a\u001b[2J",
    "requests_left":3,"requests_reset_seconds":61}]})"),
             "1 min 1 s"));
  CHECK(print("limit", "reset", R"({"name":"bulk","reset":1})") == "bulk: 1 key begins anew\n");
  CHECK(print("limit", "reset", R"({"name":"bulk","reset":2})") == "bulk: 2 keys begin anew\n");
  CHECK(print("limit", "reset", R"({"error":"no limit","exit":2})").empty());
}
