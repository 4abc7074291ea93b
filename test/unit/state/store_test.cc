// SPDX-License-Identifier: Apache-2.0
#include "state/store.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <filesystem>
#include <future>
#include <optional>

using namespace weir;
using namespace weir::state;

namespace {

/// A directory of its own, gone at the end.
struct Scratch {
  std::filesystem::path path;
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-state-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  std::string file() const { return path / "state.db"; }
};

std::unique_ptr<Store> open(const std::string& path) {
  auto store = Store::open(path);
  REQUIRE(store.has_value());
  return std::move(*store);
}

/// Puts and waits until it is durable.
Result<std::uint64_t> put(Store& store, const std::string& table, const std::string& key,
                          const std::string& value) {
  std::promise<Result<std::uint64_t>> done;
  store.put(table, key, value, [&done](Result<std::uint64_t> r) { done.set_value(r); });
  return done.get_future().get();
}

} // namespace

TEST_CASE("state: rows outlive the store, in the order of their numbers") {
  Scratch dir;
  {
    auto store = open(dir.file());
    CHECK(store->last_number() == 0);
    CHECK(put(*store, "purge", "b", "1") == 1U);
    CHECK(put(*store, "purge", std::string("a\0z", 3), std::string("\0\xff", 2)) == 2U);
    CHECK(put(*store, "quota", "b", "other table") == 3U);
    CHECK(put(*store, "purge", "b", "again") == 4U);
    CHECK(put(*store, "purge", "", "") == 5U);
  }
  auto store = open(dir.file());
  auto rows = store->read("purge");
  REQUIRE(rows.has_value());
  REQUIRE(rows->size() == 3);
  CHECK((*rows)[0].key == std::string("a\0z", 3));
  CHECK((*rows)[0].value == std::string("\0\xff", 2));
  CHECK((*rows)[0].number == 2);
  CHECK((*rows)[1].key == "b");
  CHECK((*rows)[1].value == "again");
  CHECK((*rows)[1].number == 4);
  CHECK((*rows)[2].key.empty());
  CHECK(store->read("nothing")->empty());
}

TEST_CASE("state: what is queued at the end is committed") {
  Scratch dir;
  std::atomic<int> done{0};
  {
    auto store = open(dir.file());
    for (int i = 0; i < 1000; ++i) {
      store->put("t", std::to_string(i), "v",
                 [&done](Result<std::uint64_t> r) { done += r ? 1 : 0; });
    }
    store->erase("t", "7", {});
  }
  CHECK(done == 1000);
  CHECK(open(dir.file())->read("t")->size() == 999);
}

TEST_CASE("state: erasing up to a number leaves a row that was put again") {
  Scratch dir;
  {
    auto store = open(dir.file());
    std::uint64_t first = store->put("purge", "a", "1", {});
    store->put("purge", "b", "1", {});
    store->put("purge", "a", "2", {});
    store->erase("purge", "a", {}, first);
    store->erase("purge", "b", {}, first + 1);
  }
  auto rows = open(dir.file())->read("purge");
  REQUIRE(rows->size() == 1);
  CHECK(rows->front().value == "2");
}

TEST_CASE("state: numbers grow over restarts, even those that were never committed") {
  Scratch dir;
  std::uint64_t last = 0;
  for (int run = 0; run < 3; ++run) {
    auto store = open(dir.file());
    CHECK(store->last_number() >= last);
    auto number = put(*store, "t", "k", "v");
    REQUIRE(number.has_value());
    CHECK(*number > last);
    last = *number;
  }
}

TEST_CASE("state: an acknowledged row survives kill -9 at once, and its number is not used again") {
  Scratch dir;
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  pid_t child = ::fork();
  if (child == 0) {
    auto store = Store::open(dir.file());
    if (!store) {
      ::_exit(1);
    }
    (*store)->put("purge", "key", "value", [&pipe](Result<std::uint64_t> r) {
      std::uint64_t n = r ? *r : 0;
      if (::write(pipe[1], &n, sizeof n) < 0) {
        ::_exit(1);
      }
    });
    for (;;) {
      ::pause();
    }
  }
  std::uint64_t number = 0;
  REQUIRE(::read(pipe[0], &number, sizeof number) == sizeof number);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipe[0]);
  ::close(pipe[1]);
  REQUIRE(number > 0);
  auto store = open(dir.file());
  auto rows = store->read("purge");
  REQUIRE(rows->size() == 1);
  CHECK(rows->front().value == "value");
  CHECK(store->last_number() >= number);
}

TEST_CASE("state: the file is for its owner only") {
  Scratch dir;
  auto store = open(dir.file());
  CHECK(put(*store, "t", "k", "secret"));
  for (const auto& entry : std::filesystem::directory_iterator(dir.path)) {
    struct stat st {};
    REQUIRE(::stat(entry.path().c_str(), &st) == 0);
    INFO(entry.path());
    CHECK((st.st_mode & 0777) == 0600);
  }
}

TEST_CASE("state: a second store on the same file is refused") {
  Scratch dir;
  auto store = open(dir.file());
  auto second = Store::open(dir.file());
  REQUIRE(!second);
  CHECK(second.error().code == Code::exists);
}

TEST_CASE("state: a file that is no database, or no place for one, is an error") {
  Scratch dir;
  {
    FILE* f = std::fopen(dir.file().c_str(), "w");
    std::fputs(std::string(4096, 'x').c_str(), f);
    std::fclose(f);
  }
  auto store = Store::open(dir.file());
  REQUIRE(!store);
  CHECK(store.error().code == Code::corrupt);
  CHECK(Store::open((dir.path / "none" / "state.db").string()).error().code == Code::io);
}
