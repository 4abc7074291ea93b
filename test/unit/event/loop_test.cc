// SPDX-License-Identifier: Apache-2.0
#include "event/loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <thread>

#include "event/background.h"
#include "event/deadline.h"
#include "event/mailbox.h"
#include "event/watch.h"

using namespace weir;
using namespace weir::event;

namespace {
class Counter final : public Task {
public:
  void run() override {
    ++runs;
    if (then) {
      then();
    }
  }
  int runs = 0;
  std::function<void()> then;
};
} // namespace

TEST_CASE("a task woken twice runs once, and not at all once it is gone") {
  Loop loop;
  Counter task;
  loop.wake(task);
  loop.wake(task);
  {
    Counter gone;
    loop.wake(gone);
  }
  loop.turn(false);
  CHECK(task.runs == 1);
  loop.turn(false);
  CHECK(task.runs == 1);
}

TEST_CASE("a task that wakes itself runs again without waiting") {
  Loop loop;
  Counter task;
  task.then = [&] {
    if (task.runs < 1000) {
      loop.wake(task);
    } else {
      loop.stop();
    }
  };
  loop.wake(task);
  loop.run();
  CHECK(task.runs == 1000);
}

TEST_CASE("a retired object dies at the end of the turn") {
  Loop loop;
  struct Mortal final : Task {
    explicit Mortal(bool& d) : dead(d) {}
    ~Mortal() override { dead = true; }
    void run() override {}
    bool& dead;
  };
  bool dead = false;
  Counter task;
  task.then = [&] {
    loop.retire(std::make_unique<Mortal>(dead));
    CHECK_FALSE(dead);
  };
  loop.wake(task);
  loop.turn(false);
  CHECK(dead);
}

TEST_CASE("deadlines of one length pass in order, touched ones later") {
  Loop loop;
  Counter a;
  Counter b;
  Deadline first;
  Deadline second;
  first.arm(loop, std::chrono::milliseconds(5), a);
  second.arm(loop, std::chrono::milliseconds(5), b);
  Clock::tick();
  Deadline third;
  Counter c;
  third.arm(loop, std::chrono::milliseconds(1), c);
  third.disarm();
  b.then = [&] { loop.stop(); };
  first.arm(loop, std::chrono::milliseconds(40), a); // touched
  loop.run();
  CHECK(second.passed());
  CHECK_FALSE(first.passed());
  CHECK_FALSE(third.passed());
  CHECK(c.runs == 0);
  a.then = [&] { loop.stop(); };
  loop.run();
  CHECK(first.passed());
}

TEST_CASE("an edge is told once and its fact stays") {
  Loop loop;
  int fds[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
  Counter task;
  Watch watch;
  REQUIRE(watch.open(loop, fds[0], task));
  REQUIRE(::write(fds[1], "x", 1) == 1);
  loop.turn(true);
  CHECK(watch.readable);
  CHECK_FALSE(watch.closed);
  int runs = task.runs;
  loop.turn(false);
  CHECK(task.runs == runs);
  ::close(fds[1]);
  loop.turn(true);
  CHECK(watch.closed);
  watch.close();
  ::close(fds[0]);
}

TEST_CASE("letters arrive in order, tickets wake who is there, stale ones nobody") {
  Loop loop;
  Counter task;
  Ticket ticket = loop.issue(task);
  Counter other;
  Ticket stale = loop.issue(other);
  loop.revoke(stale);
  Counter reused;
  Ticket again = loop.issue(reused);
  CHECK(again.slot == stale.slot);
  std::vector<int> order;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) {
      loop.mailbox().post([&order, i] { order.push_back(i); });
    }
    ticket.wake();
    stale.wake();
    loop.mailbox().post([&loop] { loop.stop(); });
  }).join();
  loop.run();
  loop.turn(false);
  REQUIRE(order.size() == 100);
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK(task.runs == 1);
  CHECK(other.runs == 0);
  CHECK(reused.runs == 0);
}

TEST_CASE("a background pool runs what fits and refuses the rest") {
  std::atomic<int> started{0};
  std::atomic<int> ran{0};
  std::atomic<bool> go{false};
  {
    BackgroundPool pool("test", 1, 2, 0, [&] { ++started; });
    REQUIRE(pool.submit([&] {
      while (!go) {
        std::this_thread::yield();
      }
      ++ran;
    }));
    while (pool.queued() > 0) {
      std::this_thread::yield();
    }
    CHECK(pool.submit([&] { ++ran; }));
    CHECK(pool.submit([&] { ++ran; }));
    CHECK_FALSE(pool.submit([&] { ++ran; }));
    go = true;
    while (ran < 3) {
      std::this_thread::yield();
    }
  }
  CHECK(started == 1);
  CHECK(ran == 3);
}

TEST_CASE("a deadline passes though the timer fires before its time") {
  Loop loop;
  Counter task;
  Deadline deadline;
  deadline.arm(loop, std::chrono::milliseconds(20), task);
  constexpr Duration kBehind = std::chrono::milliseconds(10);
  Clock::advance_all(-kBehind); // as if libevent's clock were ahead of ours
  std::atomic<bool> found{false};
  std::atomic<bool> too_late{false};
  std::thread guard([&] {
    for (int i = 0; i < 1000 && !found; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    too_late = true;
    loop.mailbox().post([] {});
  });
  while (!deadline.passed() && !too_late) {
    loop.turn(true);
  }
  bool in_time = !too_late;
  found = true;
  guard.join();
  Clock::advance_all(kBehind);
  Clock::tick();
  CHECK(in_time);
  CHECK(task.runs == 1);
}
