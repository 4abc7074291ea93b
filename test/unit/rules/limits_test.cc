// SPDX-License-Identifier: Apache-2.0
#include "rules/limits.h"

#include <set>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "http/fields.h"
#include "metrics/metrics.h"
#include "rules_of.h"

using namespace weir;
using namespace weir::rules;
using namespace std::chrono_literals;

namespace {

constexpr Nanoseconds kStart = 1000s;

/// The declaration in `limit x { ... }`.
config::LimitDecl declared(const std::string& text) {
  return Loaded("limit x { " + text + " }").config->limits.at(0);
}

std::string key_of(const std::string& text, const Facts& facts) {
  Arena arena;
  return std::string(limit_key(declared(text), facts, arena));
}

Facts of_client(const char* address) {
  Facts facts;
  facts.client = *Address::parse(address, 4711);
  return facts;
}

} // namespace

TEST_CASE("a limit by user counts each name, and requests of nobody as one") {
  Scratch scratch;
  Loaded loaded("users staff { file " + scratch.write("users", "") +
                " }\nlimit x { key user client rate 1/s }\nforward f { listen 127.0.0.1:1; auth "
                "basic from staff; rules { limit x; allow all } }");
  const config::LimitDecl& limit = loaded.config->limits.at(0);
  Facts facts = of_client("192.0.2.1");
  Arena arena;
  CHECK(limit_key(limit, facts, arena) == "x 192.0.2.1 without:user");
  facts.user = "ann";
  CHECK(limit_key(limit, facts, arena) == "x 192.0.2.1 user=ann");
  facts.user = "a b\xc3\xa9";
  CHECK(limit_key(limit, facts, arena) == "x 192.0.2.1 user=a\\x20b\\xc3\\xa9");
}

TEST_CASE("a burst is let through at once, then one each interval") {
  const Rate rate{12s, 5};
  Nanoseconds full_at{};
  for (unsigned i = 5; i > 0; --i) {
    RateAnswer answer = take(rate, kStart, full_at);
    CHECK(answer.allowed);
    CHECK(answer.left == i - 1);
    CHECK(answer.reset == 12s * (6 - i));
  }
  RateAnswer answer = take(rate, kStart, full_at);
  CHECK_FALSE(answer.allowed);
  CHECK((answer.retry == 12s && answer.reset == 60s && answer.left == 0));
  answer = take(rate, kStart + 11s, full_at); // asking too early costs nothing
  CHECK((!answer.allowed && answer.retry == 1s));
  CHECK(take(rate, kStart + 12s, full_at).allowed);
  CHECK_FALSE(take(rate, kStart + 12s, full_at).allowed);
  CHECK(take(rate, kStart + 24s, full_at).allowed);
}

TEST_CASE("a bucket that nobody asks fills up, and no further") {
  const Rate rate{1s, 3};
  Nanoseconds full_at{};
  CHECK(take(rate, kStart, full_at).left == 2);
  for (unsigned i = 3; i > 0; --i) {
    CHECK(take(rate, kStart + 1h, full_at).left == i - 1);
  }
  CHECK_FALSE(take(rate, kStart + 1h, full_at).allowed);
}

TEST_CASE("over any stretch of time no more pass than burst and rate allow") {
  const Rate rate{10ms, 4};
  Nanoseconds full_at{};
  unsigned passed = 0;
  std::uint64_t random = 1;
  Nanoseconds now = kStart;
  while (now < kStart + 10s) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    now += Nanoseconds(random >> 42U); // up to 4 ms
    passed += take(rate, now, full_at).allowed ? 1 : 0;
  }
  CHECK(passed <= 4 + 1000);
  CHECK(passed >= 999);
}

TEST_CASE("a limit that a reload made wider or narrower holds at once") {
  Nanoseconds full_at{};
  for (int i = 0; i < 100; ++i) {
    CHECK(take({1min, 100}, kStart, full_at).allowed);
  }
  RateAnswer answer = take({1s, 2}, kStart, full_at);
  CHECK((!answer.allowed && answer.retry == 1s));
  CHECK(take({1s, 2}, kStart + 1s, full_at).allowed);
}

TEST_CASE("what a limit counts by") {
  CHECK(key_of("key client; rate 1/s", of_client("192.0.2.1")) ==
        key_of("key client; rate 1/s", of_client("192.0.2.1")));
  CHECK(key_of("key client; rate 1/s", of_client("192.0.2.1")) !=
        key_of("key client; rate 1/s", of_client("192.0.2.2")));
  CHECK(key_of("key client /24; rate 1/s", of_client("192.0.2.1")) ==
        key_of("key client /24; rate 1/s", of_client("192.0.2.255")));
  CHECK(key_of("key client /23; rate 1/s", of_client("192.0.2.1")) ==
        key_of("key client /23; rate 1/s", of_client("192.0.3.1")));
  CHECK(key_of("key client /24; rate 1/s", of_client("192.0.2.1")) !=
        key_of("key client /24; rate 1/s", of_client("192.0.3.1")));
  CHECK(key_of("key client; rate 1/s", of_client("2001:db8:0:1::1")) ==
        key_of("key client; rate 1/s", of_client("2001:db8:0:1:8::9")));
  CHECK(key_of("key client; rate 1/s", of_client("2001:db8:0:1::1")) !=
        key_of("key client; rate 1/s", of_client("2001:db8:0:2::1")));
  CHECK(key_of("key client /32 /48; rate 1/s", of_client("2001:db8:0:1::1")) ==
        key_of("key client /32 /48; rate 1/s", of_client("2001:db8:0:2::1")));
  CHECK(key_of("key client /0 /0; rate 1/s", of_client("::")) !=
        key_of("key client /0 /0; rate 1/s", of_client("0.0.0.0")));
}

TEST_CASE("fields and paths in a key; none is made to look like another") {
  Arena arena;
  http::Fields fields;
  fields.add({"X-Key", "a", http::FieldId::other}, arena);
  Facts facts = of_client("192.0.2.1");
  facts.path = "/b";
  facts.fields = &fields;
  std::string with = key_of("key header x-key path; rate 1/s", facts);
  CHECK(with == key_of("key header X-KEY path; rate 1/s", facts));
  facts.client = *Address::parse("192.0.2.2"); // not counted by
  CHECK(with == key_of("key header x-key path; rate 1/s", facts));
  facts.path = "/c";
  CHECK(with != key_of("key header x-key path; rate 1/s", facts));
  http::Fields none;
  http::Fields empty;
  empty.add({"X-Key", "", http::FieldId::other}, arena);
  facts.path = "";
  std::set<std::string> keys;
  for (const http::Fields* each : {&fields, &none, &empty}) {
    facts.fields = each;
    keys.insert(key_of("key header X-Key path; rate 1/s", facts));
  }
  CHECK(keys.size() == 3);
}

TEST_CASE("limits: buckets are kept apart, and among threads nothing is let through twice") {
  Limits limits;
  const Rate rate{1h, 100};
  MonoTime now{1000s};
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        passed += limits.take(rate, "a", now).allowed ? 1 : 0;
      }
    });
  }
  for (std::thread& each : threads) {
    each.join();
  }
  CHECK(passed == 100);
  CHECK(limits.take(rate, "b", now).left == 99);
  CHECK_FALSE(limits.take(rate, "a", now).allowed);
}

TEST_CASE("limits: more keys than there is room for forget the one that is full first") {
  metrics::Metrics metrics;
  metrics::Counters& counters = metrics.make_counters();
  metrics::Counters::install(&counters);
  Limits limits;
  MonoTime now{1000s};
  const Rate quick{1s, 1};
  for (std::size_t i = 0; i < Limits::kKeys / 2; ++i) {
    limits.take(quick, std::to_string(i), now);
  }
  now += 2s; // all of these are full again: their places are free
  const Rate slow{1h, 1};
  CHECK(limits.take(slow, "kept", now).allowed);
  auto before = metrics.value(metrics::Metric::limits_forgotten);
  for (std::size_t i = 0; i < 4 * Limits::kKeys; ++i) {
    limits.take(quick, "x" + std::to_string(i), now);
  }
  CHECK_FALSE(limits.take(slow, "kept", now).allowed);
  CHECK(metrics.value(metrics::Metric::limits_forgotten) > before);
  metrics::Counters::install(nullptr);
}

TEST_CASE("the fields of an answer") {
  Arena arena;
  config::LimitDecl login = declared("key client; rate 5/min; burst 10");
  Nanoseconds full_at{};
  LimitTold told{&login, take(rate_of(login), kStart, full_at), nullptr, {}};
  CHECK(limit_fields(told, arena) ==
        "RateLimit-Policy: \"x\";q=10;w=120\r\nRateLimit: \"x\";r=9;t=12\r\n");
  for (int i = 0; i < 10; ++i) {
    told.rate = take(rate_of(login), kStart + 500ms, full_at);
  }
  CHECK(limit_fields(told, arena) ==
        "Retry-After: 12\r\nRateLimit-Policy: \"x\";q=10;w=120\r\nRateLimit: \"x\";r=0;t=120\r\n");
  CHECK(limit_fields({}, arena).empty());
}

TEST_CASE("the fields of an answer that has a quota") {
  Arena arena;
  config::LimitDecl bulk = declared("key client; quota 1MB/day");
  LimitTold told{nullptr, {}, &bulk, {1000, 90s}};
  CHECK(limit_fields(told, arena) ==
        "RateLimit-Policy: \"x-quota\";q=1048576;qu=\"content-bytes\";w=86400\r\n"
        "RateLimit: \"x-quota\";r=1000;t=90\r\n");
  told.quota.left = 0;
  CHECK(limit_fields(told, arena).substr(0, 17) == "Retry-After: 90\r\n");
  config::LimitDecl both = declared("key client; rate 2/min; quota 1MB/h");
  told = {&both, {true, 1, {}, 30s}, &both, {7, 60s}};
  CHECK(limit_fields(told, arena) ==
        "RateLimit-Policy: \"x\";q=2;w=60, \"x-quota\";q=1048576;qu=\"content-bytes\";w=3600\r\n"
        "RateLimit: \"x\";r=1;t=30, \"x-quota\";r=7;t=60\r\n");
  told.rate = {false, 0, 12s, 60s}; // the one that refuses says when to come again
  CHECK(limit_fields(told, arena).substr(0, 17) == "Retry-After: 12\r\n");
}

TEST_CASE("what people read of a key") {
  Arena arena;
  http::Fields fields;
  fields.add({"X-Key", "a b\\\xff", http::FieldId::other}, arena);
  Facts facts = of_client("192.0.2.17");
  facts.path = "/p";
  facts.fields = &fields;
  CHECK(key_of("key client; rate 1/s", facts) == "x 192.0.2.17");
  CHECK(key_of("key client /24 header X-Key header None path; rate 1/s", facts) ==
        "x 192.0.2.0/24 x-key=a\\x20b\\x5c\\xff without:none /p");
  CHECK(key_of("key client; rate 1/s", of_client("2001:db8:0:1:8::9")) == "x 2001:db8:0:1::/64");
  std::string one = "/" + std::string(9000, 'a');
  std::string other = one + "b";
  facts.path = one;
  std::string key = key_of("key path; rate 1/s", facts);
  CHECK(key.size() < 300);
  CHECK(key == key_of("key path; rate 1/s", facts));
  facts.path = other;
  CHECK(key != key_of("key path; rate 1/s", facts));
}

TEST_CASE("limits: what is counted by each, told and reset") {
  Limits limits;
  MonoTime now{1000s};
  const Rate rate{10s, 2};
  limits.take(rate, "a 192.0.2.1", now);
  limits.take(rate, "a 192.0.2.2", now);
  limits.take(rate, "a 192.0.2.2", now);
  limits.take(rate, "b 192.0.2.1", now);
  std::size_t count = 0;
  auto keys = limits.rates("a", 10, now, count);
  REQUIRE(keys.size() == 2);
  CHECK((count == 2 && keys[0].key == "192.0.2.2" && keys[0].reset == 20s));
  CHECK((limits.rates("a", 1, now, count).size() == 1 && count == 2));
  CHECK(limits.rates("a", 10, now + 11s, count).size() == 1);
  CHECK_FALSE(limits.take(rate, "a 192.0.2.2", now).allowed);
  CHECK(limits.reset("a", "192.0.2.9") == 0);
  CHECK(limits.reset("a", "192.0.2.2") == 1);
  CHECK(limits.take(rate, "a 192.0.2.2", now).left == 1);
  CHECK(limits.reset("a", "") == 2);
  CHECK((limits.rates("a", 10, now, count).empty() && count == 0));
  CHECK((limits.rates("b", 10, now, count).size() == 1 && count == 1));
  limits.count("a", {1, 0, 5});
  limits.count("a", {1, 2, 0});
  LimitCounts counts = limits.counts("a");
  CHECK((counts.refused == 2 && counts.quota_refused == 2 && counts.delayed == 5));
  CHECK(limits.counts("b").refused == 0);
}
