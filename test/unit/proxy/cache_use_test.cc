// SPDX-License-Identifier: Apache-2.0
#include "proxy/cache_use.h"

#include <catch2/catch.hpp>

#include "http/h1_parser.h"

using namespace weir;

namespace {

struct Asked {
  explicit Asked(std::string_view line, std::string_view fields = {}) {
    bytes = std::string(line) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
    http::H1Parser parser;
    auto progress = parser.parse_request(bytes, head, arena);
    REQUIRE(progress);
    REQUIRE(progress->complete);
  }
  std::string bytes;
  http::RequestHead head;
  Arena arena;
};

bool looks_up(std::string_view line, std::string_view fields, const cache::Policy* policy) {
  Asked asked(line, fields);
  return proxy::may_look_up(asked.head, policy);
}

} // namespace

TEST_CASE("W7.2, C9.5 what is for the origin alone is not looked up") {
  cache::Policy policy;
  CHECK(looks_up("GET /", "", &policy));
  CHECK(looks_up("HEAD /", "", &policy));
  CHECK(looks_up("GET /", "", nullptr));
  CHECK_FALSE(looks_up("POST /", "Content-Length: 0\r\n", &policy));
  CHECK_FALSE(looks_up("GET /", "Content-Length: 1\r\n", &policy));
  CHECK_FALSE(looks_up("GET /", "If-Match: \"1\"\r\n", &policy));
  CHECK_FALSE(looks_up("GET /", "If-Unmodified-Since: Thu, 01 Jan 2026 00:00:00 GMT\r\n", &policy));
  CHECK_FALSE(looks_up("GET /", "Cache-Control: no-store\r\n", &policy));
  CHECK_FALSE(looks_up("GET /", "Cache-Control: no-store\r\n", nullptr));
  policy.client_directives = false;
  CHECK(looks_up("GET /", "Cache-Control: no-store\r\n", &policy));
}

TEST_CASE("HEAD, a Range and a rule make a miss the origin's alone, a validation only some") {
  rules::Verdict verdict;
  Asked range("GET /", "Range: bytes=0-1\r\n");
  CHECK(proxy::is_for_origin_only(range.head, verdict, false));
  CHECK_FALSE(proxy::is_for_origin_only(range.head, verdict, true));
  Asked head("HEAD /");
  CHECK(proxy::is_for_origin_only(head.head, verdict, true));
  Asked get("GET /");
  CHECK_FALSE(proxy::is_for_origin_only(get.head, verdict, false));
  verdict.cache_no_store = true;
  CHECK(proxy::is_for_origin_only(get.head, verdict, true));
}

TEST_CASE("directives count as far as the route listens, a bypass as no-cache") {
  cache::Policy policy;
  rules::Verdict verdict;
  Asked asked("GET /", "Cache-Control: max-age=3, only-if-cached\r\n");
  auto said = proxy::directives_of(asked.head.fields, policy, verdict);
  CHECK(said.max_age == Duration(std::chrono::seconds(3)));
  CHECK_FALSE(said.no_cache);
  CHECK(proxy::asks_only_cache(asked.head.fields));
  cache::Freshness fresh;
  fresh.lifetime = std::chrono::seconds(60);
  auto serve = [&] {
    return proxy::judge_reuse(fresh, std::chrono::seconds(10), asked.head.fields, policy, verdict)
        .serve;
  };
  CHECK(serve() == cache::Serve::validate);
  policy.client_directives = false;
  said = proxy::directives_of(asked.head.fields, policy, verdict);
  CHECK_FALSE(said.max_age);
  CHECK(said.only_if_cached);
  CHECK(serve() == cache::Serve::fresh);
  verdict.cache_bypass = true;
  CHECK(serve() == cache::Serve::validate);
}
