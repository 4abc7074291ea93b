// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <thread>

#include "cache/disk_memory_db.h"
#include "disk_kit.h"

namespace weir::cache {

namespace {

/// A size between 100 bytes and about 400 KB, small ones as often as large ones.
std::size_t mixed_size(std::uint64_t number) {
  std::uint64_t x = (number + 1) * 0x9e3779b97f4a7c15U;
  x ^= x >> 29;
  return static_cast<std::size_t>((x % 900 + 100) << (x >> 40) % 9);
}

void check_flushes(std::uint64_t flushes, std::uint64_t below) {
  TempDir dir;
  auto tier = open_tier(settings_in(dir.path(), std::uint64_t{1} << 30));
  std::uint64_t most = 0;
  for (std::uint64_t i = 0; i < flushes; ++i) {
    REQUIRE(store(*tier, std::to_string(i), body_of(i, 5000)).has_value());
    REQUIRE(tier->flush().has_value());
    most = std::max(most, tier->status().body_files);
  }
  CHECK(most < below);
  CHECK(most > 0);
  for (std::uint64_t i = 0; i < flushes; i += 37) {
    CHECK(load(*tier, std::to_string(i)).value() == body_of(i, 5000));
  }
}

} // namespace

TEST_CASE("The tier never takes more than its capacity, whatever is stored") {
  TempDir dir;
  constexpr std::uint64_t kCapacity = 24 << 20;
  DiskSettings settings = settings_in(dir.path(), kCapacity);
  settings.segment_bytes = 1 << 20;
  settings.dirty_bytes = 1 << 20;
  auto tier = open_tier(settings);
  std::atomic<bool> stop{false};
  std::uint64_t peak = 0;
  std::thread watcher([&] {
    while (!stop.load()) {
      peak = std::max(peak, dir.bytes());
      std::this_thread::yield();
    }
  });
  bool small_only = GENERATE(false, true);
  std::uint64_t written = 0;
  std::uint64_t number = 0;
  while (written < 4 * kCapacity) {
    std::size_t size = small_only ? 3000 + number % 1000 : mixed_size(number);
    if (!store(*tier, std::to_string(number), body_of(number, size))) {
      break;
    }
    written += size;
    ++number;
  }
  stop = true;
  watcher.join();
  CHECK(written >= 4 * kCapacity);
  CHECK(peak <= kCapacity);
  CHECK(peak > kCapacity / 4);
  // The newest are there, the oldest are not, all that is found is right.
  std::uint64_t found = 0;
  for (std::uint64_t i = 0; i < number; ++i) {
    std::size_t size = small_only ? 3000 + i % 1000 : mixed_size(i);
    if (auto body = load(*tier, std::to_string(i))) {
      found += size;
      REQUIRE(*body == body_of(i, size));
    }
  }
  CHECK_FALSE(load(*tier, "0").has_value());
  CHECK(load(*tier, std::to_string(number - 1)).has_value());
  CHECK(found > kCapacity / 6);
  tier.reset();
  tier = open_tier(settings); // what was dropped stays dropped
  CHECK_FALSE(load(*tier, "0").has_value());
  CHECK(load(*tier, std::to_string(number - 1)).has_value());
}

TEST_CASE("What was hit is written again when its segment goes") {
  bool large = GENERATE(false, true);
  DiskSettings settings = settings_in("", 16 << 20);
  settings.segment_bytes = 1 << 20;
  auto tier = std::move(DiskTier::open_on(settings, std::make_unique<MemoryDb>()).value());
  std::size_t size = large ? 150'000 : 2000;
  REQUIRE(store(*tier, "hot", body_of(1, size)).has_value());
  REQUIRE(store(*tier, "cold", body_of(2, size)).has_value());
  auto old = tier->read_variant(tier->hash_of("hot"), tier->hash_of(""));
  REQUIRE(old.has_value());
  for (std::uint64_t i = 0; i < 400; ++i) {
    tier->touch(tier->hash_of("hot"), tier->hash_of(""));
    REQUIRE(store(*tier, "f" + std::to_string(i), body_of(i, 100'000)).has_value());
  }
  CHECK(load(*tier, "hot").value() == body_of(1, size));
  CHECK_FALSE(load(*tier, "cold").has_value());
  // A reader that has the old place finds the new one.
  CHECK(joined(tier->read_body(old->body, 1000, 500).value()) ==
        body_of(1, size).substr(1000, 500));
  // Not hit any more: it goes too.
  for (std::uint64_t i = 0; i < 400; ++i) {
    REQUIRE(store(*tier, "f" + std::to_string(i), body_of(i, 100'000)).has_value());
  }
  CHECK_FALSE(load(*tier, "hot").has_value());
  CHECK(tier->status().bytes <= 16 << 20);
}

TEST_CASE("While there is room everything is worth storing; then what was asked for before") {
  bool frequent = GENERATE(true, false);
  TempDir dir;
  DiskSettings settings = settings_in(dir.path(), 16 << 20);
  settings.segment_bytes = 1 << 20;
  settings.admit_frequent = frequent;
  auto tier = open_tier(settings);
  Hash128 once = tier->hash_of("once");
  Hash128 twice = tier->hash_of("twice");
  tier->note_asked(once);
  tier->note_asked(twice);
  tier->note_asked(twice);
  std::uint64_t stored = 0;
  while (stored < 400 && tier->is_worth_storing(once)) {
    REQUIRE(store(*tier, std::to_string(stored), body_of(stored, 100'000)).has_value());
    ++stored;
  }
  CHECK(tier->is_worth_storing(twice));
  CHECK(tier->is_worth_storing(once) == !frequent);
  CHECK(stored > 80); // of about 140 that it holds
}

TEST_CASE("Second chances are a quarter of a segment at most: eviction always frees") {
  DiskSettings settings = settings_in("", 16 << 20);
  settings.segment_bytes = 1 << 20;
  auto tier = std::move(DiskTier::open_on(settings, std::make_unique<MemoryDb>()).value());
  for (std::uint64_t i = 0; i < 600; ++i) {
    std::string key = std::to_string(i);
    REQUIRE(store(*tier, key, body_of(i, 100'000)).has_value());
    tier->touch(tier->hash_of(key), tier->hash_of(""));
  }
  DiskStatus status = tier->status();
  CHECK(status.bytes <= 16 << 20);
  CHECK(load(*tier, "599").has_value());
}

TEST_CASE("Many small flushes leave few files") { check_flushes(200, 40); }
TEST_CASE("A thousand small flushes leave few files", "[.long]") { check_flushes(1000, 64); }

TEST_CASE("What is stored is flushed by itself within the time set") {
  TempDir dir;
  DiskSettings settings = settings_in(dir.path());
  settings.flush = std::chrono::milliseconds(20);
  auto tier = open_tier(settings);
  REQUIRE(store(*tier, "k", body_of(1, 100'000)).has_value());
  while (tier->status().file_bytes < 100'000) {
    std::this_thread::yield();
  }
  CHECK(load(*tier, "k").value() == body_of(1, 100'000));
}

} // namespace weir::cache
