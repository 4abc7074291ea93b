// SPDX-License-Identifier: Apache-2.0
#include "origin/pool.h"

#include <catch2/catch.hpp>

#include "event/loop.h"
#include "event/mailbox.h"

using namespace weir;
using namespace weir::origin;

namespace {

config::PoolDecl decl(std::initializer_list<std::uint32_t> weights) {
  config::PoolDecl made;
  made.name = "app";
  char host = 'a';
  for (std::uint32_t weight : weights) {
    config::ServerDecl server;
    server.host = std::string(1, host++);
    server.port = 80;
    server.weight = weight;
    made.servers.push_back(server);
  }
  return made;
}

/// The first choices of `n` requests: "aabac".
std::string turns(const Pool& pool, int n) {
  std::string all;
  for (int i = 0; i < n; ++i) {
    Pool::Tried tried = 0;
    all += pool.choose(tried)->host;
  }
  return all;
}

class Counting final : public weir::event::Task {
public:
  void run() override { ++runs; }
  int runs = 0;
};

/// A task of a loop, with the ticket that names it.
struct Waiter {
  explicit Waiter(weir::event::Loop& in) : loop(in), ticket(in.issue(task)) {}
  ~Waiter() { loop.revoke(ticket); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  weir::event::Loop& loop;
  Counting task;
  weir::event::Ticket ticket;
};

} // namespace

TEST_CASE("a server that is down gets no turn, if the pool is checked") {
  ServerStates states;
  config::PoolDecl checked = decl({1, 1, 1});
  checked.check.kind = config::CheckDecl::Kind::connect;
  Pool pool(checked, states);
  pool.servers()[1].state->health().note(false, "refused", 1, 1);
  CHECK(turns(pool, 6).find('b') == std::string::npos);
  CHECK(turns(Pool(decl({1, 1, 1}), states), 6).find('b') != std::string::npos);
  for (const Pool::Server& each : pool.servers()) {
    each.state->health().note(false, "refused", 1, 1);
  }
  Pool::Tried tried = 0;
  CHECK(pool.choose(tried) == nullptr);
}

TEST_CASE("round robin by weight spreads a heavy server's turns over the period") {
  ServerStates states;
  SECTION("equal weights take turns, whatever the number") {
    Pool pool(decl({7, 7, 7}), states);
    CHECK(turns(pool, 7) == "abcabca");
  }
  SECTION("5 1 1, as nginx does it") {
    Pool pool(decl({5, 1, 1}), states);
    CHECK(turns(pool, 14) == "aabacaaaabacaa");
  }
  SECTION("only the ratio counts") {
    Pool pool(decl({500, 100, 100}), states);
    CHECK(turns(pool, 7) == "aabacaa");
  }
  SECTION("one server") {
    Pool pool(decl({3}), states);
    CHECK(turns(pool, 3) == "aaa");
  }
}

TEST_CASE("the turn goes on over a reload, and is shared by name only") {
  ServerStates states;
  Pool before(decl({1, 1, 1}), states);
  CHECK(turns(before, 2) == "ab");
  Pool after(decl({1, 1, 1}), states);
  CHECK(turns(after, 2) == "ca");
  CHECK(before.servers()[0].state == after.servers()[0].state);
  config::PoolDecl other = decl({1, 1, 1});
  other.name = "other";
  Pool another(other, states);
  CHECK(turns(another, 1) == "a");
  CHECK(another.servers()[0].state != after.servers()[0].state);
}

TEST_CASE("W6.11 a request tries each server once, then there is none") {
  ServerStates states;
  Pool pool(decl({5, 1, 1}), states);
  for (int start = 0; start < 7; ++start) { // wherever the cursor stands
    Pool::Tried tried = 0;
    std::string all;
    while (const Pool::Server* server = pool.choose(tried)) {
      all += server->host;
      REQUIRE(all.size() <= 3);
    }
    std::sort(all.begin(), all.end());
    CHECK(all == "abc");
  }
}

TEST_CASE("one that is asked first counts as tried, and costs nobody a turn") {
  ServerStates states;
  Pool pool(decl({1, 1, 1}), states);
  Pool::Tried tried = 0;
  CHECK(pool.choose(tried, &pool.servers()[2])->host == "c");
  CHECK(pool.choose(tried)->host == "a");
  CHECK(pool.choose(tried)->host == "b");
  CHECK(pool.choose(tried) == nullptr);
}

TEST_CASE("a pool without servers chooses none") {
  ServerStates states;
  Pool pool(decl({}), states);
  Pool::Tried tried = 0;
  CHECK(pool.choose(tried) == nullptr);
}

TEST_CASE("a server is labelled as the log shows it; an address needs no look-up") {
  ServerStates states;
  config::PoolDecl made = decl({1, 1, 1});
  made.servers[0].host = "app.example";
  made.servers[0].port = 8080;
  made.servers[1].host = "192.0.2.1";
  made.servers[2].host = "2001:db8::1";
  Pool pool(made, states);
  CHECK(pool.servers()[0].label == "app.example:8080");
  CHECK_FALSE(pool.servers()[0].literal);
  CHECK(pool.servers()[1].label == "192.0.2.1:80");
  CHECK(pool.servers()[1].literal == Address::parse("192.0.2.1", 80));
  CHECK(pool.servers()[2].label == "[2001:db8::1]:80");
}

TEST_CASE("slots: the limit holds, and 0 is none") {
  ServerState state;
  CHECK(state.take_slot(2));
  CHECK(state.take_slot(2));
  CHECK_FALSE(state.take_slot(2));
  CHECK(state.in_use() == 2);
  state.release_slot();
  CHECK(state.take_slot(2));
  CHECK(state.take_slot(0)); // a reload took the limit away
  CHECK(state.in_use() == 3);
  CHECK_FALSE(state.take_slot(3));
}

TEST_CASE("a slot that gets free wakes the one that has waited longest, and no other") {
  weir::event::Loop loop;
  ServerState state;
  Waiter first(loop);
  Waiter second(loop);
  REQUIRE(state.take_slot(1));
  state.wait(first.ticket);
  state.wait(second.ticket);
  state.wait(first.ticket); // asking again changes nothing
  CHECK(state.waiting() == 2);
  state.release_slot();
  loop.turn(false);
  loop.turn(false);
  CHECK(first.task.runs == 1);
  CHECK(second.task.runs == 0);
  CHECK(state.waiting() == 1);
  REQUIRE(state.take_slot(1));
  state.release_slot();
  loop.turn(false);
  loop.turn(false);
  CHECK(first.task.runs == 1);
  CHECK(second.task.runs == 1);
  CHECK(state.waiting() == 0);
}
