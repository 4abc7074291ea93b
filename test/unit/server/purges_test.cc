// SPDX-License-Identifier: Apache-2.0
//
// Purges over a real state database and a disk tier in memory, whose storage thread is held where
// the test wants it.
#include "server/purges.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include <catch2/catch.hpp>

#include "cache/disk_memory_db.h"
#include "server/build.h"

using namespace weir;
using namespace weir::server;

namespace {

constexpr const char* kConfig = R"(
workers 1
cache main { memory 1MB }
pool app { server 127.0.0.1:9 }
site www.example.com {
  listen 127.0.0.1:80
  route / { cache main; pool app }
}
)";

struct World {
  World() {
    const char* base = ::getenv("TMPDIR");
    folder = std::string(base != nullptr ? base : "/tmp") + "/weir-purges-XXXXXX";
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    std::string file = folder + "/weir.conf";
    std::ofstream(file) << kConfig;
    Built built = build(file, lasting, 1);
    INFO(config::print(built.diagnostics));
    REQUIRE(built.generation);
    generation = built.generation;
    for (auto& tier : built.new_tiers) {
      lasting.tiers[tier->name] = std::move(tier);
    }
    cache::DiskSettings settings;
    settings.capacity = 64 << 20;
    auto opened = cache::DiskTier::open_on(settings, std::make_unique<cache::MemoryDb>());
    REQUIRE(opened);
    tier().disk = std::move(*opened);
    tier().secret = tier().disk->key_secret();
    auto made = state::Store::open(folder + "/state.db");
    REQUIRE(made);
    store = std::move(*made);
    purges = std::make_unique<Purges>(loop, store.get(), lasting.tiers);
  }
  ~World() {
    lasting.tiers.clear(); // its storage thread erases rows
    store.reset();
    std::filesystem::remove_all(folder);
  }

  cache::Tier& tier() { return *lasting.tiers.at("main"); }

  /// Holds the storage thread until the promise is kept.
  std::shared_ptr<std::promise<void>> hold() {
    auto gate = std::make_shared<std::promise<void>>();
    tier().disk->flush([held = gate->get_future().share()](Result<void>) { held.wait(); });
    return gate;
  }
  admin::PurgeOutcome purge(bool dry_run = false) {
    std::optional<admin::PurgeOutcome> told;
    admin::PurgeAsk ask{"http", "www.example.com", 80, "/a", "", dry_run};
    purges->purge(*generation, ask,
                  [&told](const admin::PurgeOutcome& outcome) { told = outcome; });
    while (!told) {
      loop.turn(true);
    }
    return *told;
  }
  /// What was asked of the database before this is done.
  void settle() {
    std::promise<void> told;
    store->put("other", "k", "", [&told](Result<std::uint64_t>) { told.set_value(); });
    told.get_future().wait();
  }
  std::vector<state::Row> rows() {
    settle();
    return store->read("purges").value();
  }
  void drain_disk() { REQUIRE(tier().disk->flush().has_value()); }

  std::string folder;
  event::Loop loop;
  Lasting lasting;
  std::shared_ptr<const proxy::Generation> generation;
  std::unique_ptr<state::Store> store;
  std::unique_ptr<Purges> purges;
};

} // namespace

TEST_CASE("a purge is a row before it is answered; the row goes when the disk has forgotten") {
  World world;
  auto gate = world.hold();
  admin::PurgeOutcome outcome = world.purge();
  CHECK(outcome.error.empty());
  CHECK(outcome.number > 0);
  auto rows = world.rows();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].number == outcome.number);
  gate->set_value();
  world.drain_disk();
  CHECK(world.rows().empty());
}

TEST_CASE("a purge repeated keeps its row until the second one is forgotten too") {
  World world;
  auto first_gate = world.hold();
  admin::PurgeOutcome first = world.purge();
  auto second_gate = world.hold(); // behind the first's flush, before the second's
  admin::PurgeOutcome second = world.purge();
  CHECK(second.number > first.number);
  first_gate->set_value();
  // The first purge's row is erased now: what stands there is the second's.
  for (int i = 0; i < 200; ++i) {
    auto rows = world.rows();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].number == second.number);
  }
  second_gate->set_value();
  world.drain_disk();
  CHECK(world.rows().empty());
}

TEST_CASE("rows of a crash are carried out again at the next start") {
  World world;
  auto gate = world.hold();
  world.purge();
  REQUIRE(world.rows().size() == 1);
  gate->set_value();
  world.drain_disk();
  world.settle();
  world.store->put("purges", std::string("main") + '\0' + "key", "", nullptr);
  world.store->put("purges", "no-such-cache", "", nullptr);
  world.settle();
  Purges again(world.loop, world.store.get(), world.lasting.tiers);
  again.replay();
  CHECK(world.rows().empty());
}

TEST_CASE("a dry run records and drops nothing") {
  World world;
  admin::PurgeOutcome outcome = world.purge(true);
  CHECK(outcome.number == 0);
  CHECK(outcome.error.empty());
  CHECK(world.rows().empty());
}

TEST_CASE("without a state database a purge is carried out, and says that it is not recorded") {
  World world;
  world.purges = std::make_unique<Purges>(world.loop, nullptr, world.lasting.tiers);
  CHECK_FALSE(world.purge().error.empty());
}
