// SPDX-License-Identifier: Apache-2.0
#include "admin/warm_plan.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::admin;

namespace {

std::string wrong(const char* json) {
  std::string text;
  warm_ask(Json::parse(json), text);
  return text;
}

} // namespace

TEST_CASE("cache warm: what is asked, and what is wrong with it") {
  std::string text;
  WarmAsk ask = warm_ask(Json::parse(R"({"source":"log","since":"7d","where":"host = a",
    "rate":"0.5/s","limit":"7","busy":"0","header":["A: b"],"client":"10.0.0.1","dry_run":true})"),
                         text);
  CHECK(text.empty());
  CHECK(ask.from_log);
  CHECK(ask.since == "7d");
  CHECK(ask.where == "host = a");
  CHECK(ask.rate == 0.5);
  CHECK(ask.limit == 7);
  CHECK(ask.busy == 0);
  CHECK(ask.dry_run);
  ask = warm_ask(Json::parse(R"({"url":["http://a/"],"rate":"50"})"), text);
  CHECK(text.empty());
  CHECK_FALSE(ask.from_log);
  CHECK(ask.rate == 50);
  CHECK(ask.limit == 1000);
  CHECK(wrong("{}").find("nothing to warm") == 0);
  CHECK(wrong(R"({"source":"log","rate":"0"})").find("--rate 0") == 0);
  CHECK(wrong(R"({"source":"log","rate":"5/m"})").find("--rate 5/m") == 0);
  CHECK(wrong(R"({"source":"log","rate":"1e9"})").find("--rate") == 0);
  CHECK(wrong(R"({"source":"log","limit":"100001"})").find("--limit 100001") == 0);
  CHECK(wrong(R"({"source":"log","busy":"-1"})").find("--busy -1") == 0);
  CHECK(wrong(R"({"source":"log","header":["nonsense"]})").find("'nonsense' is not a header") == 0);
  CHECK(wrong("{\"source\":\"log\",\"header\":[\"A: b\\r\\nC: d\"]}").find("is not a header") !=
        std::string::npos);
  CHECK(wrong(R"({"source":"log","client":"me"})") == "'me' is not an address");
}
