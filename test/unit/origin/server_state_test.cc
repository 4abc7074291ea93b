// SPDX-License-Identifier: Apache-2.0
#include "origin/server_state.h"

#include <thread>
#include <vector>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::origin;

namespace {

class Waiter final : public weir::event::Task {
public:
  explicit Waiter(weir::event::Loop& loop) : loop_(loop), ticket(loop.issue(*this)) {}
  ~Waiter() override { loop_.revoke(ticket); }
  void run() override { ++runs; }

private:
  weir::event::Loop& loop_;

public:
  const weir::event::Ticket ticket;
  int runs = 0;
};

void turns(weir::event::Loop& loop) {
  for (int i = 0; i < 3; ++i) {
    loop.turn(false);
  }
}

} // namespace

TEST_CASE("a server has so many slots, and no limit with 0") {
  ServerState server;
  CHECK(server.take_slot(2));
  CHECK(server.take_slot(2));
  CHECK_FALSE(server.take_slot(2));
  CHECK(server.take_slot(0));
  CHECK(server.in_use() == 3);
  server.release_slot();
  server.release_slot();
  CHECK(server.take_slot(2));
  CHECK(server.in_use() == 2);
}

TEST_CASE("slots taken by many threads are never more than the limit") {
  ServerState server;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        if (server.take_slot(2)) {
          int now = ++inside;
          int seen = most.load();
          while (now > seen && !most.compare_exchange_weak(seen, now)) {
          }
          --inside;
          server.release_slot();
        }
      }
    });
  }
  for (std::thread& each : threads) {
    each.join();
  }
  CHECK(most.load() >= 1);
  CHECK(most.load() <= 2);
  CHECK(server.in_use() == 0);
}

TEST_CASE("a slot that is free wakes who waits longest, one at a time") {
  weir::event::Loop loop;
  ServerState server;
  Waiter first(loop);
  Waiter second(loop);
  REQUIRE(server.take_slot(1));
  server.wait(first.ticket);
  server.wait(second.ticket);
  server.wait(first.ticket); // stands there already
  CHECK(server.waiting() == 2);
  server.release_slot();
  turns(loop);
  CHECK(first.runs == 1);
  CHECK(second.runs == 0);
  CHECK(server.waiting() == 1);
}

TEST_CASE("who leaves the queue takes its ticket out: no wake is lost on it") {
  weir::event::Loop loop;
  ServerState server;
  Waiter gone(loop);
  Waiter next(loop);
  REQUIRE(server.take_slot(1));
  server.wait(gone.ticket);
  server.wait(next.ticket);
  SECTION("while it stands there") {
    server.leave(gone.ticket, false);
    CHECK(server.waiting() == 1);
    server.release_slot();
  }
  SECTION("woken, but without a slot: the wake goes on to the next") {
    server.release_slot();
    CHECK(server.waiting() == 1);
    server.leave(gone.ticket, false);
  }
  turns(loop);
  CHECK(next.runs == 1);
  CHECK(server.waiting() == 0);
}

TEST_CASE("who was woken and has the slot keeps the wake for itself") {
  weir::event::Loop loop;
  ServerState server;
  Waiter served(loop);
  Waiter next(loop);
  REQUIRE(server.take_slot(1));
  server.wait(served.ticket);
  server.wait(next.ticket);
  server.release_slot();
  REQUIRE(server.take_slot(1));
  server.leave(served.ticket, true);
  turns(loop);
  CHECK(next.runs == 0);
  CHECK(server.waiting() == 1);
  server.release_slot();
  turns(loop);
  CHECK(next.runs == 1);
}

TEST_CASE("an idle connection keeps its slot until somebody elsewhere waits for it") {
  weir::event::Loop here;
  weir::event::Loop there;
  ServerState server;
  Waiter idle(here);
  Waiter near(here);
  Waiter far(there);
  REQUIRE(server.take_slot(1));
  SECTION("nobody waits: it is parked, and asked to end by who comes then") {
    REQUIRE(server.park(idle.ticket));
    CHECK(server.is_parked(idle.ticket));
    CHECK(server.parked() == 1);
    CHECK_FALSE(server.take_slot(1));
    server.wait(far.ticket);
    CHECK_FALSE(server.is_parked(idle.ticket));
    turns(here);
    CHECK(idle.runs == 1);
    CHECK_FALSE(server.unpark(idle.ticket));
    server.release_slot();
    turns(there);
    CHECK(far.runs == 1);
  }
  SECTION("somebody waits on another worker: it must end") {
    server.wait(far.ticket);
    CHECK_FALSE(server.park(idle.ticket));
    CHECK(server.parked() == 0);
    CHECK(server.waiting() == 1);
  }
  SECTION("somebody waits on its own worker, who takes it") {
    server.wait(near.ticket);
    CHECK(server.park(idle.ticket));
    turns(here);
    CHECK(near.runs == 1);
    CHECK(idle.runs == 0);
    CHECK(server.unpark(idle.ticket));
    CHECK(server.in_use() == 1);
  }
}

TEST_CASE("states go on by name: a pool's server, and where round robin stands") {
  ServerStates states;
  ServerState& a = states.server("app", "192.0.2.1:80");
  REQUIRE(a.take_slot(0));
  CHECK(&states.server("app", "192.0.2.1:80") == &a);
  CHECK(&states.server("other", "192.0.2.1:80") != &a);
  CHECK(states.server("app", "192.0.2.1:80").in_use() == 1);
  states.pool("app").cursor = 7;
  CHECK(states.pool("app").cursor.load() == 7);
  CHECK(states.pool("other").cursor.load() == 0);
}
