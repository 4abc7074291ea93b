// SPDX-License-Identifier: Apache-2.0
#include "cache/frequency.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

using namespace weir;
using namespace weir::cache;

namespace {

Hash128 key_of(std::uint64_t number) { return siphash128({1, 2}, std::to_string(number)); }

/// A full disk tier in small: the oldest goes, what was hit since it was written is written again.
class Tier {
public:
  explicit Tier(std::size_t most) : most_(most) {}
  bool ask(std::uint64_t key) {
    auto at = stored_.find(key);
    if (at != stored_.end()) {
      at->second = true;
      return true;
    }
    return false;
  }
  void store(std::uint64_t key) {
    ++writes;
    stored_.emplace(key, false);
    order_.push_back(key);
    while (stored_.size() > most_) {
      auto oldest = stored_.find(order_.front());
      order_.pop_front();
      if (oldest->second) {
        oldest->second = false;
        order_.push_back(oldest->first);
        ++writes;
      } else {
        stored_.erase(oldest);
      }
    }
  }
  bool full() const { return stored_.size() == most_; }
  std::uint64_t writes = 0;

private:
  std::size_t most_;
  std::unordered_map<std::uint64_t, bool> stored_;
  std::deque<std::uint64_t> order_;
};

struct Outcome {
  double hits = 0;
  double writes = 0;
};

/// Requests whose popularity falls as rank^-s, over `keys`; the tier holds a twentieth of them.
Outcome run(bool frequent, double s) {
  constexpr std::size_t kKeys = 100'000;
  constexpr std::size_t kRequests = 400'000;
  static std::vector<double> sums;
  sums.clear();
  double sum = 0;
  for (std::size_t i = 0; i < kKeys; ++i) {
    sum += std::pow(static_cast<double>(i + 1), -s);
    sums.push_back(sum);
  }
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> draw(0, sum);
  Tier tier(kKeys / 20);
  Frequency asked(kKeys / 20);
  Outcome outcome;
  for (std::size_t i = 0; i < kRequests; ++i) {
    auto rank = std::lower_bound(sums.begin(), sums.end(), draw(random)) - sums.begin();
    auto key = static_cast<std::uint64_t>(rank);
    Hash128 hash = key_of(key);
    asked.note(hash);
    if (tier.ask(key)) {
      outcome.hits += 1.0 / kRequests;
    } else if (!frequent || !tier.full() || asked.estimate(hash) > 1) {
      tier.store(key);
    }
  }
  outcome.writes = static_cast<double>(tier.writes) / kRequests;
  return outcome;
}

} // namespace

TEST_CASE("a key is counted, and others are not") {
  Frequency asked(1 << 16);
  CHECK(asked.estimate(key_of(1)) == 0);
  for (unsigned i = 1; i <= 20; ++i) {
    asked.note(key_of(1));
    CHECK(asked.estimate(key_of(1)) == std::min(i, 15U));
  }
  CHECK(asked.estimate(key_of(2)) == 0);
}

TEST_CASE("of many keys asked for once, few seem to have been asked for twice") {
  Frequency asked(1 << 16);
  unsigned wrong = 0;
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    asked.note(key_of(i));
    wrong += asked.estimate(key_of(i)) > 1 ? 1 : 0;
  }
  CHECK(wrong < 200'000 / 10);
}

TEST_CASE("what was popular is forgotten in time") {
  Frequency asked(1 << 16);
  for (int i = 0; i < 20; ++i) {
    asked.note(key_of(1));
  }
  for (std::uint64_t i = 0; i < 40 * (std::uint64_t{1} << 16); ++i) {
    asked.note(key_of(2)); // at its most, it changes nothing but the time
  }
  CHECK(asked.estimate(key_of(1)) <= 1);
}

TEST_CASE("threads may note at once") {
  Frequency asked(1 << 16);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&asked] {
      for (std::uint64_t i = 0; i < 20'000; ++i) {
        asked.note(key_of(i % 100));
      }
    });
  }
  for (std::thread& each : threads) {
    each.join();
  }
  CHECK(asked.estimate(key_of(5)) == 15);
}

TEST_CASE("admission by frequency keeps the hits and spares the writes of a full tier") {
  for (double s : {0.7, 0.9, 1.1}) {
    Outcome all = run(false, s);
    Outcome frequent = run(true, s);
    std::printf("# zipf %.1f, tier of 5 %% of the keys: everything admitted %.1f %% hits, %.3f "
                "writes a request; frequent %.1f %%, %.3f\n",
                s, all.hits * 100, all.writes, frequent.hits * 100, frequent.writes);
    CHECK(frequent.hits > all.hits * 0.99);
    CHECK(frequent.writes < all.writes * 0.9);
  }
}
