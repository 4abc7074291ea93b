// SPDX-License-Identifier: Apache-2.0
#include "log/ring.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>

#include "sample.h"

using namespace weir;
using namespace weir::log;
using weir::log::test::Samples;

namespace {

std::string as_json(const AccessRecord& r) {
  std::string out;
  append_json(r, out);
  return out;
}

} // namespace

TEST_CASE("log ring: what goes in comes out, over many wraps") {
  LogRing ring(1);
  CHECK(ring.capacity() == 1U << 20);
  Samples samples(1);
  std::size_t pushed = 0;
  std::uint64_t bytes = 0;
  std::deque<std::string> expected; // never emptied: it goes around
  while (bytes < 5 * ring.capacity()) {
    for (std::size_t i = 0; i < 100; ++i) {
      auto s = samples.next(static_cast<std::int64_t>(++pushed));
      std::string path(samples.below(3000), 'p');
      s.record.path = path;
      std::size_t before = ring.used();
      REQUIRE(ring.push(s.record));
      bytes += ring.used() - before;
      expected.push_back(as_json(s.record));
    }
    while (expected.size() > 1) {
      const AccessRecord* r = ring.peek();
      REQUIRE(r != nullptr);
      CHECK(ring.peek() == r);
      CHECK(as_json(*r) == expected.front());
      expected.pop_front();
      ring.advance();
    }
    ring.release();
    CHECK(ring.used() > 0);
  }
  REQUIRE(ring.peek() != nullptr);
  ring.advance();
  CHECK(ring.peek() == nullptr);
  ring.release();
  CHECK(ring.used() == 0);
}

TEST_CASE("log ring: one that was emptied begins again at its front") {
  LogRing ring(1);
  AccessRecord sent;
  std::string path(1000, 'p');
  sent.path = path;
  auto take = [&](std::int64_t expected) {
    const AccessRecord* r = ring.peek();
    REQUIRE(r != nullptr);
    CHECK(r->status == expected);
    ring.advance();
    return r->path.data();
  };
  REQUIRE(ring.push(sent));
  const char* front = take(0);
  std::uint64_t written = 0;
  std::int64_t number = 0;
  const char* farthest = front;
  while (written < 3 * ring.capacity()) {
    for (int i = 0; i < 10; ++i) {
      sent.status = ++number;
      REQUIRE(ring.push(sent));
    }
    written += ring.used();
    for (int i = 9; i >= 0; --i) {
      farthest = std::max(farthest, take(number - i));
    }
    if (number % 30 == 0) {
      ring.rewind(); // read twice
      for (int i = 9; i >= 0; --i) {
        take(number - i);
      }
    }
    ring.release();
    CHECK(ring.used() == 0);
  }
  CHECK(static_cast<std::size_t>(farthest - front) < ring.capacity() / 8);

  // All of it is free behind the place where it began anew.
  std::size_t fits = 0;
  while (ring.push(sent)) {
    ++fits;
  }
  CHECK(ring.used() <= ring.capacity());
  CHECK(ring.used() + 1200 > ring.capacity() / 16 * 15);
  for (std::size_t i = 0; i < fits; ++i) {
    take(number);
  }
  CHECK(ring.peek() == nullptr);
}

TEST_CASE("log ring: rewind reads again what was not released") {
  LogRing ring(1);
  for (int i = 1; i <= 3; ++i) {
    AccessRecord r;
    r.status = i;
    ring.push(r);
  }
  CHECK(ring.peek()->status == 1);
  ring.advance();
  ring.release();
  CHECK(ring.peek()->status == 2);
  ring.advance();
  CHECK(ring.peek()->status == 3);
  ring.rewind();
  CHECK(ring.peek()->status == 2);
  ring.advance();
  ring.release(); // record 3 was not read: it stays
  ring.rewind();
  CHECK(ring.peek()->status == 3);
}

TEST_CASE("log ring: a full one drops, counts, and takes again after release") {
  LogRing ring(1);
  AccessRecord r;
  std::string path(kMostText, 'x');
  r.path = path;
  std::size_t in = 0;
  while (ring.push(r)) {
    ++in;
  }
  CHECK(in > 100);
  CHECK(ring.dropped() == 1);
  CHECK(!ring.push(r));
  CHECK(ring.dropped() == 2);
  std::size_t out = 0;
  for (; ring.peek() != nullptr; ring.advance()) {
    ++out;
  }
  CHECK(out == in);
  CHECK(!ring.push(r)); // read, not yet released
  ring.release();
  CHECK(ring.push(r));
}

TEST_CASE("log ring: overlong texts are cut") {
  LogRing ring(1);
  AccessRecord r;
  std::string path(100'000, 'x');
  r.path = path;
  REQUIRE(ring.push(r));
  CHECK(ring.peek()->path.size() == kMostText);
}

TEST_CASE("log ring: one producer, one consumer, nothing lost or torn") {
  LogRing ring(1);
  constexpr std::int64_t kRecords = 200'000;
  std::atomic<bool> done{false};
  std::int64_t pushed = 0;
  std::thread producer([&] {
    std::string path;
    for (std::int64_t i = 1; i <= kRecords; ++i) {
      path.assign(static_cast<std::size_t>(i % 701), static_cast<char>('a' + i % 26));
      AccessRecord r;
      r.time = i;
      r.path = path;
      r.worker = i * 3;
      pushed += ring.push(r) ? 1 : 0;
    }
    done = true;
  });
  std::int64_t last = 0;
  std::int64_t seen = 0;
  bool sound = true;
  for (;;) {
    bool finished = done;
    const AccessRecord* r = ring.peek();
    if (r == nullptr) {
      ring.release();
      if (finished) {
        break;
      }
      std::this_thread::yield();
      continue;
    }
    sound =
        sound && r->time > last && r->worker == r->time * 3 &&
        r->path.size() == static_cast<std::size_t>(r->time % 701) &&
        r->path.find_first_not_of(static_cast<char>('a' + r->time % 26)) == std::string_view::npos;
    last = r->time;
    ++seen;
    ring.advance();
    if (seen % 64 == 0) {
      ring.release();
    }
  }
  producer.join();
  CHECK(sound);
  CHECK(seen == pushed);
  CHECK(seen + static_cast<std::int64_t>(ring.dropped()) == kRecords);
}
