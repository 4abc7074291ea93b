// SPDX-License-Identifier: Apache-2.0
#include "rules/meters.h"

#include <catch2/catch.hpp>

#include <thread>

#include "metrics/metrics.h"
#include "rules_of.h"

using namespace weir;
using namespace weir::rules;
using namespace std::chrono_literals;
using config::QuotaTime;

namespace {

constexpr MonoTime kMono{1000s};
const WallTime kNoon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + 12h};

config::LimitDecl declared(const std::string& text) {
  return Loaded("limit x { key client; " + text + " }").config->limits.at(0);
}

/// Takes turns until `bytes` have gone, as an exchange does that waits for each. When they had.
MonoTime send(Meter& meter, std::size_t bytes, MonoTime now) {
  for (std::size_t sent = 0; sent < bytes;) {
    Meter::Turn turn = meter.take_turn(now);
    now = std::max(now, turn.due);
    sent += turn.bytes;
  }
  return now;
}

} // namespace

TEST_CASE("bandwidth: a second's worth goes at once, then as fast as it says") {
  constexpr std::uint64_t kRate = 200'000;
  Nanoseconds full_at{};
  const Nanoseconds now = 50s;
  for (int i = 0; i < 20; ++i) {
    CHECK(reserve(kRate, 10'000, now, full_at) == now);
  }
  CHECK(reserve(kRate, 10'000, now, full_at) == now + 50ms);
  CHECK(reserve(kRate, 10'000, now, full_at) == now + 100ms);
  CHECK(reserve(kRate, 10'000, now + 1h, full_at) == now + 1h); // full again, and no fuller
  for (int i = 1; i < 20; ++i) {
    reserve(kRate, 10'000, now + 1h, full_at);
  }
  CHECK(reserve(kRate, 10'000, now + 1h, full_at) == now + 1h + 50ms);
}

TEST_CASE("bandwidth: turns are neither tiny nor long") {
  CHECK(turn_of(1024) == 1024);
  CHECK(turn_of(200'000) == 10'000);
  CHECK(turn_of(std::uint64_t{1} << 40) == 65536);
  for (std::uint64_t rate : {std::uint64_t{1024}, std::uint64_t{1} << 20, std::uint64_t{1} << 40}) {
    CHECK(time_of(rate, turn_of(rate)) <= 1s);
    CHECK(time_of(rate, turn_of(rate)) > 0s);
  }
}

TEST_CASE("a meter: those who share a bandwidth take turns, and all of it is used") {
  Meters meters;
  config::LimitDecl limit = declared("bandwidth 100KB/s");
  MeterUse one = meters.use(limit, "x a", kMono);
  MeterUse two = meters.use(limit, "x a", kMono);
  MeterUse other = meters.use(limit, "x b", kMono);
  REQUIRE((&*one == &*two && &*one != &*other));
  send(*one, 102'400, kMono); // the burst
  MonoTime first = one->take_turn(kMono).due;
  MonoTime second = two->take_turn(kMono).due;
  MonoTime third = one->take_turn(kMono).due;
  CHECK(first > kMono);
  CHECK((second - first == 50ms && third - second == 50ms));
  CHECK(other->take_turn(kMono).due == kMono); // another key waits for nobody
  CHECK(send(*one, 10 * 102'400, kMono) >= kMono + 10s);
}

TEST_CASE("a meter: what was not sent is given back, what was sent beyond is owed") {
  Meters meters;
  MeterUse use = meters.use(declared("bandwidth 100KB/s"), "x a", kMono);
  send(*use, 102'400, kMono);
  Meter::Turn turn = use->take_turn(kMono);
  CHECK(turn.due == kMono + 50ms);
  use->give_back(turn.bytes);
  CHECK(use->take_turn(kMono).due == kMono + 50ms);
  use->owe(102'400);
  CHECK(use->take_turn(kMono).due == kMono + 1100ms);
}

TEST_CASE("a meter: a new bandwidth holds at once, and none at all too") {
  Meters meters;
  MeterUse use = meters.use(declared("bandwidth 1MB/s"), "x a", kMono);
  send(*use, 1 << 20, kMono);
  MeterUse slower = meters.use(declared("bandwidth 10KB/s"), "x a", kMono);
  CHECK(use->take_turn(kMono).bytes == turn_of(10 * 1024));
  use->owe(100 * 1024);
  CHECK(use->take_turn(kMono).due > kMono + 10s);
  MeterUse faster = meters.use(declared("bandwidth 1MB/s"), "x a", kMono);
  CHECK(use->take_turn(kMono).due < kMono + 1s);
  MeterUse free = meters.use(declared("quota 1MB/day"), "x a", kMono);
  CHECK(use->take_turn(kMono).bytes == 0);
}

TEST_CASE("a meter among threads: no turn is given twice") {
  Meters meters;
  config::LimitDecl limit = declared("bandwidth 100KB/s quota 1GB/day");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        MeterUse use = meters.use(limit, "x a", kMono);
        use->take_turn(kMono);
        use->add(10, kNoon, meters.zone());
        meters.take_changed(kMono, kNoon);
      }
    });
  }
  for (std::thread& each : threads) {
    each.join();
  }
  MeterUse use = meters.use(limit, "x a", kMono);
  // 400 turns of a twentieth of a second are 20 s, of which the first goes at once.
  CHECK(use->take_turn(kMono).due == kMono + 19s + 50ms);
  CHECK(meters.quota(use, kNoon).left == (1U << 30) - 4000);
}

TEST_CASE(
    "a quota: what is left, when it is spent, and that the next day begins with nothing used") {
  Meters meters;
  config::LimitDecl limit = declared("quota 1KB/day");
  MeterUse use = meters.use(limit, "x a", kMono);
  CHECK(meters.quota(use, kNoon).left == 1024);
  CHECK(meters.quota(use, kNoon).reset == 12h);
  CHECK_FALSE(use->add(1023, kNoon, meters.zone()).spent());
  CHECK(use->add(1, kNoon, meters.zone()).spent());
  CHECK(use->add(5000, kNoon, meters.zone()).spent());
  CHECK(meters.quota(use, kNoon + 11h).spent());
  CHECK_FALSE(meters.quota(meters.use(limit, "x b", kMono), kNoon).spent());
  CHECK(meters.quota(use, kNoon + 12h).left == 1024);
  CHECK(use->add(24, kNoon + 13h, meters.zone()).left == 1000);
}

TEST_CASE(
    "a quota: a clock that steps back does not give a day twice, nor does a wrong one keep it") {
  Meters meters;
  MeterUse use = meters.use(declared("quota 1KB/day"), "x a", kMono);
  use->add(2000, kNoon + 12h, meters.zone());
  CHECK(meters.quota(use, kNoon + 12h - 2s).spent()); // over midnight
  CHECK(meters.quota(use, kNoon + 12h).spent());
  use->add(2000, kNoon + 1000 * 24h, meters.zone()); // a clock far ahead, and put right
  CHECK(meters.quota(use, kNoon).left == 1024);
}

TEST_CASE("quota periods: hours, days and months, in the zone") {
  auto zone = Zone::load("Europe/Berlin");
  REQUIRE(zone);
  const WallTime midnight = kNoon + 11h; // UTC+1
  auto day = quota_period(QuotaTime::day, midnight - 1us, *zone);
  CHECK(day.end == midnight);
  CHECK(quota_period(QuotaTime::day, midnight, *zone).number == day.number + 1);
  auto hour = quota_period(QuotaTime::hour, kNoon + 59min, *zone);
  CHECK(hour.end == kNoon + 1h);
  CHECK(quota_period(QuotaTime::hour, kNoon + 1h, *zone).number == hour.number + 1);
  auto month = quota_period(QuotaTime::month, kNoon, *zone);
  WallTime december{std::chrono::sys_days(std::chrono::year(2026) / 12 / 1) - 1h};
  CHECK(month.end == december);
  auto last = quota_period(QuotaTime::month, december, *zone);
  CHECK(last.number == month.number + 1);
  CHECK(quota_period(QuotaTime::month, last.end, *zone).number == last.number + 1); // over the year
  // The days on which the clock is changed have 23 and 25 hours.
  WallTime spring{std::chrono::sys_days(std::chrono::year(2026) / 3 / 29) - 1h};
  CHECK(quota_period(QuotaTime::day, spring, *zone).end == spring + 23h);
  WallTime autumn{std::chrono::sys_days(std::chrono::year(2026) / 10 / 25) - 2h};
  CHECK(quota_period(QuotaTime::day, autumn, *zone).end == autumn + 25h);
}

TEST_CASE("quotas: what is saved is restored, and what is over goes") {
  config::LimitDecl limit = declared("quota 1KB/day");
  Meters before;
  std::vector<QuotaRow> rows;
  {
    MeterUse use = before.use(limit, "x a b", kMono);
    before.use(declared("bandwidth 1KB/s"), "y a", kMono)->add(5, kNoon, before.zone());
    CHECK(before.take_changed(kMono, kNoon).empty());
    use->add(1000, kNoon, before.zone());
    rows = before.take_changed(kMono, kNoon);
    REQUIRE(rows.size() == 1);
    CHECK(before.take_changed(kMono, kNoon).empty()); // once
  }
  CHECK(rows[0].key == "x a b");
  Meters after;
  CHECK(after.restore(rows[0], kNoon + 1h));
  CHECK(after.take_changed(kMono, kNoon).empty());
  CHECK(after.quota(after.use(limit, "x a b", kMono), kNoon).left == 24);
  Meters later;
  CHECK_FALSE(later.restore(rows[0], kNoon + 12h));
  // It is over while weir runs: the row goes too.
  auto gone = after.take_changed(kMono, kNoon + 12h);
  REQUIRE(gone.size() == 1);
  CHECK((gone[0].key == "x a b" && gone[0].value.empty()));
  for (const char* bad : {"", "day", "day 1", "day 1 2 3", "week 1 2", "day x 2", "day 1 -2"}) {
    CHECK_FALSE(later.restore({"x a", bad}, kNoon));
  }
  CHECK_FALSE(later.restore({"noblank", rows[0].value}, kNoon));
}

TEST_CASE("meters: a reload that changes the time of a quota begins it anew") {
  Meters meters;
  MeterUse use = meters.use(declared("quota 1KB/day"), "x a", kMono);
  use->add(1000, kNoon, meters.zone());
  meters.use(declared("quota 2KB/day"), "x a", kMono);
  CHECK(meters.quota(use, kNoon).left == 1048);
  meters.use(declared("quota 2KB/h"), "x a", kMono);
  CHECK(meters.quota(use, kNoon).left == 2048);
}

TEST_CASE("meters: what nobody needs is forgotten, and what does not fit is let through") {
  metrics::Metrics metrics;
  metrics::Counters::install(&metrics.make_counters());
  Meters meters({}, 64); // one in a shard
  config::LimitDecl limit = declared("bandwidth 1KB/s quota 1KB/day");
  std::vector<MeterUse> held;
  for (int i = 0; i < 1000; ++i) {
    if (MeterUse use = meters.use(limit, "x " + std::to_string(i), kMono)) {
      held.push_back(std::move(use));
    }
  }
  CHECK((held.size() <= 64 && held.size() > 32));
  CHECK(meters.facts("x", kMono, kNoon).size() == held.size());
  CHECK(metrics.value(metrics::Metric::quota_forgotten) ==
        1000 - static_cast<std::int64_t>(held.size()));
  held.clear();
  CHECK(meters.use(limit, "x new", kMono));
  meters.take_changed(kMono, kNoon);
  CHECK(meters.facts("", kMono, kNoon).empty());
  metrics::Counters::install(nullptr);
}

TEST_CASE("meters: what is told of them, and reset") {
  Meters meters;
  config::LimitDecl limit = declared("bandwidth 1KB/s quota 1KB/day");
  MeterUse use = meters.use(limit, "x a", kMono);
  use->add(100, kNoon, meters.zone());
  for (int i = 0; i < 3; ++i) {
    use->take_turn(kMono);
  }
  auto facts = meters.facts("x", kMono, kNoon);
  REQUIRE(facts.size() == 1);
  CHECK((facts[0].limit == "x" && facts[0].key == "a" && facts[0].users == 1));
  CHECK((facts[0].used == 100 && facts[0].quota == 1024 && facts[0].bandwidth == 1024));
  CHECK((facts[0].wait == 2s && meters.facts("x", kMono, kNoon + 12h)[0].used == 0));
  CHECK(meters.facts("y", kMono, kNoon).empty());
  CHECK(meters.reset("x", "b") == 0);
  CHECK(meters.reset("x", "a") == 1);
  CHECK(meters.quota(use, kNoon).left == 1024);
  CHECK(use->take_turn(kMono).due == kMono);
}
