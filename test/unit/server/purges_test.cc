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
    purges = std::make_unique<Purges>(loop, *work, store.get(), lasting.tiers);
  }
  ~World() {
    work.reset();
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
  admin::PurgeOutcome purge(bool dry_run = false, const std::string& target = "/a") {
    std::optional<admin::PurgeOutcome> told;
    admin::PurgeAsk ask;
    ask.scheme = "http";
    ask.host = "www.example.com";
    ask.port = 80;
    ask.target = target;
    ask.dry_run = dry_run;
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
    return store->read("bans").value();
  }
  /// Until every walk has been carried out, and its row is gone.
  void drain() {
    while (!rows().empty()) {
      tier().disk->flush().has_value();
    }
  }

  std::string folder;
  weir::event::Loop loop;
  std::unique_ptr<weir::event::BackgroundPool> work =
      std::make_unique<weir::event::BackgroundPool>("work", 1, 16, 0, [] { Clock::tick(); });
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
  world.drain();
  CHECK(world.rows().empty());
}

TEST_CASE("a purge repeated keeps its row until the second one is carried out too") {
  World world;
  auto gate = world.hold();
  admin::PurgeOutcome first = world.purge();
  admin::PurgeOutcome second = world.purge();
  CHECK(second.number > first.number);
  auto rows = world.rows();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].number == second.number);
  gate->set_value();
  world.drain();
}

TEST_CASE("rows of a crash are in force again at the next start, and carried out") {
  World world;
  world.store->put("bans", std::string("main") + '\0' + "t" + '\0' + "red", "H1000", nullptr);
  world.store->put("bans", std::string("gone") + '\0' + "t" + '\0' + "red", "H1000", nullptr);
  world.settle();
  Purges again(world.loop, *world.work, world.store.get(), world.lasting.tiers);
  again.replay();
  CHECK(world.tier().bans.size() == 1);
  REQUIRE(again.facts().size() == 1);
  CHECK(again.facts()[0].text == "tag = red");
  while (world.rows().size() > 1) { // that of a cache that is not there stays
    world.tier().disk->flush().has_value();
  }
}

TEST_CASE("a storm of purges leaves room in the pool, and each is carried out in the end") {
  World world;
  auto gate = world.hold();
  for (int i = 0; i < 100; ++i) {
    CHECK(world.purge(false, "/" + std::to_string(i)).error.empty());
  }
  CHECK(world.work->queued() < 8);
  CHECK(world.tier().bans.size() == 100);
  CHECK(world.rows().size() == 100);
  gate->set_value();
  while (!world.rows().empty()) {
    world.loop.turn(false);
  }
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
  world.purges = std::make_unique<Purges>(world.loop, *world.work, nullptr, world.lasting.tiers);
  CHECK_FALSE(world.purge().error.empty());
}
