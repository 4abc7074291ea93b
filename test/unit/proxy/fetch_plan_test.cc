// SPDX-License-Identifier: Apache-2.0
#include "proxy/fetch_plan.h"

#include <catch2/catch.hpp>

#include "rules/rule_set.h"

using namespace weir;
using namespace weir::proxy;

TEST_CASE("a plan that may outlive its exchange has the facts of the rules in memory of its own") {
  auto rules = rules::RuleSet::compile(std::make_shared<config::Config>(),
                                       rules::Direction::forward, {}, {}, {});
  REQUIRE(rules);
  FetchPlan plan({}, &*rules);
  std::string host = "www.example.test";
  std::vector<std::string> certificate = {"CN=alice", "DNS:alice.example.test"};
  http::RequestHead head;
  plan.request = &head;
  plan.facts.host = host;
  plan.facts.certificate = certificate;
  plan.keep_request();
  host.assign(host.size(), 'x');
  certificate.assign(2, "CN=mallory");
  CHECK(plan.request != &head);
  CHECK(plan.facts.host == "www.example.test");
  CHECK(std::vector<std::string>(plan.facts.certificate.begin(), plan.facts.certificate.end()) ==
        std::vector<std::string>{"CN=alice", "DNS:alice.example.test"});
}
