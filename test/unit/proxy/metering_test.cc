// SPDX-License-Identifier: Apache-2.0
//
// Turns and deadlines of one exchange, on a loop whose clock the test sets.
#include "proxy/metering.h"

#include <catch2/catch.hpp>

#include "metrics/metrics.h"

using namespace weir;
using namespace weir::proxy;
using namespace std::chrono_literals;

namespace {

struct Woken final : weir::event::Task {
  void run() override { ++times; }
  int times = 0;
};

config::LimitDecl limit_of(const char* name, std::uint64_t bandwidth, std::uint64_t quota) {
  config::LimitDecl limit;
  limit.name = name;
  limit.bandwidth = bandwidth;
  limit.quota = quota;
  return limit;
}

struct World {
  World() { metrics::Counters::install(&metrics.make_counters()); }
  ~World() { metrics::Counters::install(nullptr); }
  rules::MeterUse use(const config::LimitDecl& limit) {
    return limits.meters().use(limit, limit.name + " a", Clock::mono());
  }
  std::int64_t waiting() const { return metrics.value(metrics::Metric::bandwidth_waiting); }

  metrics::Metrics metrics;
  weir::event::Loop loop;
  rules::Limits limits;
  Woken owner;
};

} // namespace

TEST_CASE("metering: turn after turn, then a wait, of which the owner is woken") {
  World world;
  config::LimitDecl limit = limit_of("slow", 100 * 1024, 0);
  Clock::tick();
  Metering metering(world.loop, world.limits);
  metering.add(limit, world.use(limit));
  for (int i = 0; i < 20; ++i) {
    CHECK(metering.room_now(1000, world.owner) == 1000);
    metering.pulled(1000);
    CHECK(metering.room_now(1 << 20, world.owner) == 4120);
    metering.pulled(4120);
  }
  CHECK(metering.slowest() == nullptr);
  CHECK(metering.room_now(1 << 20, world.owner) == 0);
  CHECK(metering.room_now(1 << 20, world.owner) == 0); // asked again it has its turn still
  CHECK(world.waiting() == 1);
  CHECK(metering.slowest() == &limit);
  while (world.owner.times == 0) {
    world.loop.turn(true);
  }
  CHECK(metering.room_now(1 << 20, world.owner) == 5120);
  CHECK(world.waiting() == 0);
  CHECK(metering.waited() > 0s);
  CHECK(metering.spent() == nullptr);
}

TEST_CASE("metering: of several the slowest sets the pace; more than the room is owed") {
  World world;
  config::LimitDecl slow = limit_of("slow", 20 * 1024, 0);
  config::LimitDecl quick = limit_of("quick", 1 << 20, 0);
  Clock::tick();
  {
    Metering metering(world.loop, world.limits);
    metering.add(quick, world.use(quick));
    metering.add(slow, world.use(slow));
    CHECK(metering.room_now(1 << 20, world.owner) == 1024);
    metering.pulled(60 * 1024); // a source that gave what it had
    CHECK(metering.room_now(1 << 20, world.owner) == 0);
    CHECK(metering.slowest() == &slow);
    CHECK(world.waiting() == 1);
    auto facts = world.limits.meters().facts("slow", Clock::mono(), Clock::wall());
    CHECK((facts.at(0).wait > 1900ms && facts.at(0).users == 1));
  }
  // It left while it waited: what it had not sent is nobody's loss.
  CHECK(world.waiting() == 0);
  auto facts = world.limits.meters().facts("slow", Clock::mono(), Clock::wall());
  CHECK((facts.at(0).wait <= 2s && facts.at(0).users == 0));
  CHECK(world.metrics.value(metrics::Metric::bandwidth_bytes) == 60 * 1024);
}

TEST_CASE("metering: a quota alone holds nothing back, and says when it is spent") {
  World world;
  config::LimitDecl limit = limit_of("few", 0, 1000);
  Metering metering(world.loop, world.limits);
  metering.add(limit, world.use(limit));
  CHECK(metering.room_now(1 << 20, world.owner) == 1 << 20);
  metering.pulled(1 << 20);
  metering.count(999);
  CHECK(metering.spent() == nullptr);
  metering.count(1);
  CHECK(metering.spent() == &limit);
}
