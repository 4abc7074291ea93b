// SPDX-License-Identifier: Apache-2.0
//
// W11: kills, damage, folders that are gone. The process that is killed is this program again, at
// the hidden test case [.disk-child]: RocksDB's threads do not survive a bare fork().
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "disk_kit.h"

namespace weir::cache {

namespace {

constexpr std::uint64_t kNames = 60; // each is stored again and again, with other bytes

DiskSettings crash_settings(const std::string& path) {
  DiskSettings settings = settings_in(path, 32 << 20);
  settings.segment_bytes = 2 << 20;
  settings.dirty_bytes = 1 << 20;
  settings.flush = std::chrono::milliseconds(100);
  return settings;
}

std::size_t size_at(std::uint64_t round) {
  return static_cast<std::size_t>(round * 2654435761U % 9 == 0 ? round * 7919 % 4000
                                                               : round * 104729 % 300'000);
}

/// The body stored at `round` begins with the round, so that a reader knows what to expect.
std::string body_at(std::uint64_t round) {
  return std::to_string(round) + "\n" + body_of(round, size_at(round));
}

bool is_right(const std::string& body) {
  return body == body_at(std::strtoull(body.c_str(), nullptr, 10));
}

/// Starts the child; `progress`: a byte for each flush it has made.
pid_t start_child(const std::string& path, std::uint64_t from, int& progress) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
  std::string where = "WEIR_DISK_CHILD=" + path;
  std::string round = "WEIR_DISK_ROUND=" + std::to_string(from);
  char self[] = "/proc/self/exe";
  char tag[] = "[.disk-child]";
  char* arguments[] = {self, tag, nullptr};
  std::vector<char*> environment;
  for (char** each = environ; *each != nullptr; ++each) {
    environment.push_back(*each);
  }
  environment.insert(environment.end(), {where.data(), round.data(), nullptr});
  pid_t child = 0;
  REQUIRE(::posix_spawn(&child, self, &actions, nullptr, arguments, environment.data()) == 0);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  progress = ends[0];
  return child;
}

/// Kills a child under load; checks everything that is found. The round it had reached at least.
void kill_once(const std::string& path, unsigned run, std::uint64_t& round) {
  int progress = -1;
  pid_t child = start_child(path, round, progress);
  std::uint64_t last = 0;
  for (unsigned told = 0; told < 2 + run % 5; ++told) {
    REQUIRE(::read(progress, &last, sizeof last) == static_cast<ssize_t>(sizeof last));
  }
  REQUIRE(::kill(child, SIGKILL) == 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  std::uint64_t flushed = last;
  while (::read(progress, &last, sizeof last) == static_cast<ssize_t>(sizeof last)) {
    flushed = last;
  }
  ::close(progress);
  auto tier = open_tier(crash_settings(path));
  unsigned found = 0;
  for (std::uint64_t name = 0; name < kNames; ++name) {
    auto body = load(*tier, std::to_string(name));
    if (body) {
      ++found;
      REQUIRE(is_right(*body));
    } else {
      REQUIRE(body.error().code == Code::not_found); // no damage: what is found is whole
    }
  }
  CHECK(found > 0);
  // What was flushed last is there, in this version or a later one.
  auto newest = load(*tier, std::to_string(flushed % kNames));
  REQUIRE(newest.has_value());
  CHECK(std::strtoull(newest->c_str(), nullptr, 10) >= flushed);
  round = flushed + 1;
}

void damage_files(const std::string& path, const std::string& ending, unsigned step) {
  for (const auto& each : std::filesystem::recursive_directory_iterator(path)) {
    if (each.is_regular_file() && each.path().extension() == ending) {
      std::fstream file(each.path(), std::ios::in | std::ios::out | std::ios::binary);
      for (std::uintmax_t at = step; at < each.file_size(); at += step) {
        file.seekg(static_cast<std::streamoff>(at));
        char byte = static_cast<char>(file.get() ^ 0x10);
        file.seekp(static_cast<std::streamoff>(at));
        file.put(byte);
      }
    }
  }
}

void fill(const std::string& path) {
  auto tier = open_tier(settings_in(path));
  for (std::uint64_t i = 0; i < 50; ++i) {
    REQUIRE(store(*tier, std::to_string(i), body_at(i)).has_value());
  }
}

/// How many are found; each must be right.
unsigned count_right(DiskTier& tier) {
  unsigned found = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    if (auto body = load(tier, std::to_string(i))) {
      ++found;
      CHECK(*body == body_at(i));
    }
  }
  return found;
}

} // namespace

TEST_CASE("stores until it is killed", "[.disk-child]") {
  const char* path = std::getenv("WEIR_DISK_CHILD");
  const char* from = std::getenv("WEIR_DISK_ROUND");
  REQUIRE(path != nullptr);
  REQUIRE(from != nullptr);
  auto tier = open_tier(crash_settings(path));
  for (std::uint64_t round = std::strtoull(from, nullptr, 10);; ++round) {
    std::string key = std::to_string(round % kNames);
    REQUIRE(store(*tier, key, body_at(round)).has_value());
    tier->touch(tier->hash_of(key), tier->hash_of(""));
    if (round % 50 == 49) {
      REQUIRE(tier->flush().has_value());
      if (::write(3, &round, sizeof round) != static_cast<ssize_t>(sizeof round)) {
        return; // who started it has gone
      }
    }
  }
}

TEST_CASE("W11.1 Killed in the middle of stores: what is found is right") {
  TempDir dir;
  std::uint64_t round = 0;
  for (unsigned run = 0; run < 5; ++run) {
    kill_once(dir.path(), run, round);
  }
}

TEST_CASE("W11.1 Fifty kills", "[.long]") {
  TempDir dir;
  std::uint64_t round = 0;
  for (unsigned run = 0; run < 50; ++run) {
    kill_once(dir.path(), run, round);
  }
}

TEST_CASE("W11.2 Damaged bytes in files of rows give misses, never wrong bytes") {
  unsigned step = GENERATE(100'003U, 20'011U, 977U);
  TempDir dir;
  fill(dir.path());
  damage_files(dir.path(), ".sst", step);
  auto opened = DiskTier::open(settings_in(dir.path()));
  REQUIRE(opened.has_value());
  DiskTier& tier = **opened;
  CHECK(count_right(tier) < 50);
  // It works on: new objects are stored and found.
  if (!tier.failed()) {
    REQUIRE(store(tier, "new", body_of(1, 100'000)).has_value());
    CHECK(load(tier, "new").value() == body_of(1, 100'000));
  }
}

TEST_CASE("W11.2 A database that cannot be opened is begun anew; foreign files stay") {
  TempDir dir;
  fill(dir.path());
  std::ofstream(dir.path() + "/db/letter.txt") << "not weir's";
  std::ofstream(dir.path() + "/photo.jpg") << "not weir's";
  int how = GENERATE(0, 1, 2, 3, 4);
  std::string manifest;
  std::vector<std::string> rows;
  for (const auto& each : std::filesystem::directory_iterator(dir.path() + "/db")) {
    if (each.path().filename().string().rfind("MANIFEST", 0) == 0) {
      manifest = each.path();
    } else if (each.path().extension() == ".sst") {
      rows.push_back(each.path());
    }
  }
  REQUIRE_FALSE(rows.empty());
  if (how == 0) {
    std::ofstream(dir.path() + "/db/CURRENT") << "garbage";
  } else if (how == 1) {
    std::filesystem::resize_file(manifest, std::filesystem::file_size(manifest) / 2);
  } else if (how == 2) {
    for (const std::string& each : rows) {
      std::filesystem::remove(each);
    }
  } else if (how == 3) {
    for (const std::string& each : rows) {
      std::filesystem::resize_file(each, std::filesystem::file_size(each) / 2);
    }
  } else {
    std::ofstream(dir.path() + "/damaged") << "";
  }
  {
    auto tier = open_tier(settings_in(dir.path()));
    CHECK(count_right(*tier) < 50);
    REQUIRE(store(*tier, "new", body_of(1, 100'000)).has_value());
  }
  auto tier = open_tier(settings_in(dir.path()));
  CHECK(load(*tier, "new").value() == body_of(1, 100'000));
  CHECK(std::filesystem::exists(dir.path() + "/db/letter.txt"));
  CHECK(std::filesystem::exists(dir.path() + "/photo.jpg"));
  CHECK_FALSE(std::filesystem::exists(dir.path() + "/damaged"));
}

TEST_CASE("W11.2 Damage met by a compaction turns the tier off; the next start heals it") {
  TempDir dir;
  auto put = [](DiskTier& tier, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
      if (!store(tier, std::to_string(i), body_of(i, 3000)) ||
          (i % 20 == 19 && !tier.flush().has_value())) {
        return false;
      }
    }
    return true;
  };
  {
    auto tier = open_tier(settings_in(dir.path()));
    REQUIRE(put(*tier, 0, 19)); // flushed once: one file of records
    REQUIRE(put(*tier, 1000, 1200));
  }
  std::string largest;
  for (const auto& each : std::filesystem::directory_iterator(dir.path() + "/db")) {
    if (each.path().extension() == ".sst" &&
        (largest.empty() || each.file_size() > std::filesystem::file_size(largest))) {
      largest = each.path();
    }
  }
  { // near its beginning: not where the tier's own facts stand
    std::fstream file(largest, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5000);
    file.write("damaged", 7);
  }
  {
    auto tier = open_tier(settings_in(dir.path()));
    for (std::uint64_t i = 2000; i < 20'000 && put(*tier, i, i + 20); i += 20) {
    }
    CHECK(tier->failed());
    CHECK(std::filesystem::exists(dir.path() + "/damaged"));
  }
  auto tier = open_tier(settings_in(dir.path()));
  CHECK_FALSE(tier->failed());
  REQUIRE(put(*tier, 0, 100));
  CHECK(load(*tier, "99").value() == body_of(99, 3000));
}

TEST_CASE("A folder that cannot be made or used is an error, not a crash") {
  TempDir dir;
  std::ofstream(dir.path() + "/file") << "in the way";
  CHECK(DiskTier::open(settings_in(dir.path() + "/file/tier")).error().code == Code::io);
  CHECK(DiskTier::open(settings_in("/proc/weir")).error().code == Code::io);
}

TEST_CASE("W11.3 A folder that goes away while it runs turns the tier off") {
  TempDir dir;
  auto tier = open_tier(settings_in(dir.path() + "/tier"));
  REQUIRE(store(*tier, "k", body_of(1, 100'000)).has_value());
  std::filesystem::remove_all(dir.path() + "/tier");
  CHECK_FALSE(tier->flush().has_value());
  CHECK(tier->failed());
  CHECK_FALSE(tier->status().last_error.empty());
  KeyRecord key;
  CHECK(tier->probe(tier->hash_of("k"), &key) == Probe::no);
  CHECK(tier->begin_store(tier->hash_of("k")) == nullptr);
}

} // namespace weir::cache
