// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include "cache/disk_memory_db.h"
#include "disk_kit.h"

namespace weir::cache {

namespace {

constexpr std::size_t kSizes[] = {0,     1,     4095,   4096,    4097,      65535,
                                  65536, 65537, 131072, 1 << 20, 1'100'000, 10 << 20};

struct Fake {
  explicit Fake(Duration retry = std::chrono::hours(1), Duration flush = {}) {
    auto made = std::make_unique<MemoryDb>();
    db = made.get();
    DiskSettings settings = settings_in("", 64 << 20);
    settings.host_of_key = [](std::string_view key) { return key.substr(0, key.find('/')); };
    settings.retry = retry;
    settings.flush = flush == Duration{} ? settings.flush : flush;
    auto opened = DiskTier::open_on(settings, std::move(made));
    REQUIRE(opened.has_value());
    tier = std::move(*opened);
  }
  MemoryDb* db = nullptr;
  std::unique_ptr<DiskTier> tier;
};

} // namespace

TEST_CASE("Bodies of every size come back, whole and in ranges") {
  TempDir dir;
  auto tier = open_tier(settings_in(dir.path()));
  for (std::size_t size : kSizes) {
    std::string key = "size/" + std::to_string(size);
    std::string body = body_of(size, size);
    REQUIRE(store(*tier, key, body).has_value());
    auto found = tier->read_variant(tier->hash_of(key), tier->hash_of(""));
    REQUIRE(found.has_value());
    CHECK(found->meta == meta_of(key, size));
    CHECK(found->body.is_inline() == (size <= kDiskInline));
    CHECK(load(*tier, key).value() == body);
    for (std::size_t begin : {std::size_t{0}, std::size_t{1}, std::size_t{65535}, size / 2, size}) {
      for (std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{65537}}) {
        if (begin <= size && length <= size - begin) {
          CHECK(joined(tier->read_body(found->body, begin, length).value()) ==
                body.substr(begin, length));
        }
      }
    }
    CHECK_FALSE(tier->read_body(found->body, size, 1).has_value());
  }
  CHECK(tier->status().objects == std::size(kSizes));
}

TEST_CASE("W11.1 What was stored is there after a restart, with the same secret") {
  TempDir dir;
  HashKey secret;
  {
    auto tier = open_tier(settings_in(dir.path()));
    secret = tier->key_secret();
    for (std::size_t size : kSizes) {
      REQUIRE(store(*tier, std::to_string(size), body_of(size, size)).has_value());
    }
  }
  auto tier = open_tier(settings_in(dir.path()));
  CHECK(tier->key_secret().k0 == secret.k0);
  CHECK(tier->key_secret().k1 == secret.k1);
  for (std::size_t size : kSizes) {
    CHECK(load(*tier, std::to_string(size)).value() == body_of(size, size));
  }
  while (!tier->status().counted) {
    std::this_thread::yield();
  }
  CHECK(tier->status().objects == std::size(kSizes));
  // New bodies go to a segment of their own.
  REQUIRE(store(*tier, "new", body_of(1, 100'000)).has_value());
  CHECK(load(*tier, "new").value() == body_of(1, 100'000));
}

TEST_CASE("A folder has one owner at a time") {
  TempDir dir;
  auto tier = open_tier(settings_in(dir.path()));
  CHECK(DiskTier::open(settings_in(dir.path())).error().code == Code::exists);
  tier.reset();
  CHECK(DiskTier::open(settings_in(dir.path())).has_value());
}

TEST_CASE("A probe does no I/O: no for what is not there, here for what is cached") {
  TempDir dir;
  Hash128 known;
  {
    auto tier = open_tier(settings_in(dir.path()));
    known = tier->hash_of("known");
    for (int i = 0; i < 100; ++i) {
      REQUIRE(store(*tier, i == 0 ? "known" : std::to_string(i), body_of(1, 100)).has_value());
    }
    KeyRecord key;
    CHECK(tier->probe(known, &key) == Probe::here); // still in the memtable
    CHECK(key.key == "known");
  }
  auto tier = open_tier(settings_in(dir.path()));
  KeyRecord key;
  StoredVariant variant;
  int certain = 0;
  for (int i = 0; i < 1000; ++i) { // the filter lets one in a hundred through
    certain += tier->probe(tier->hash_of("absent" + std::to_string(i)), &key) == Probe::no ? 1 : 0;
  }
  CHECK(certain > 950);
  CHECK(tier->probe(known, &key) != Probe::no); // here, if a compaction has begun to read the block
  REQUIRE(tier->read_key(known).has_value());
  REQUIRE(tier->read_variant(known, tier->hash_of("")).has_value());
  CHECK(tier->probe(known, &key) == Probe::here);
  CHECK(tier->probe_variant(known, tier->hash_of(""), &variant) == Probe::here);
  CHECK(variant.body.bytes == body_of(1, 100));
}

TEST_CASE("Variants stand side by side; other Vary names replace them all") {
  Fake fake;
  DiskTier& tier = *fake.tier;
  Hash128 key = tier.hash_of("k");
  auto put = [&](const std::string& vary, const std::string& selecting, const std::string& body) {
    Meta meta = meta_of("k", body.size());
    meta.vary = vary;
    meta.selecting = selecting;
    REQUIRE(store(tier, meta, body).has_value());
  };
  put("accept", "a", "one");
  put("accept", "b", body_of(2, 5000));
  put("accept", "a", "three");
  auto record = tier.read_key(key);
  REQUIRE(record.has_value());
  CHECK(record->key == "k");
  CHECK(record->vary == "accept");
  CHECK(record->variants.size() == 2);
  CHECK(tier.read_variant(key, tier.hash_of("a"))->body.bytes == "three");
  put("accept,cookie", "a", "four");
  CHECK(tier.read_key(key)->variants.size() == 1);
  CHECK_FALSE(tier.read_variant(key, tier.hash_of("b")).has_value());
  for (std::size_t i = 0; i < kDiskVariants + 3; ++i) {
    put("accept,cookie", "v" + std::to_string(i), "x");
  }
  CHECK(tier.read_key(key)->variants.size() == kDiskVariants);
  CHECK_FALSE(tier.read_variant(key, tier.hash_of("a")).has_value());
  CHECK(tier.status().objects == kDiskVariants);
}

TEST_CASE("What is removed is gone, with its rows in the index") {
  Fake fake;
  DiskTier& tier = *fake.tier;
  auto carriers = [&](std::uint64_t mark) {
    int n = 0;
    CHECK(tier.for_each_in_index(mark, [&n](const MetaRow&) { return ++n > 0; }).has_value());
    return n;
  };
  for (int i = 0; i < 3; ++i) {
    Meta meta = meta_of("h/" + std::to_string(i), 5000);
    meta.tags = {"all", "n" + std::to_string(i)};
    REQUIRE(store(tier, meta, body_of(1, 5000)).has_value());
  }
  CHECK(carriers(tier.mark_of_tag("all")) == 3);
  CHECK(carriers(tier.mark_of_tag("n1")) == 1);
  CHECK(carriers(tier.mark_of_host("h")) == 3);
  tier.remove(tier.hash_of("h/1"));
  tier.remove_variant(tier.hash_of("h/2"), tier.hash_of(""));
  REQUIRE(tier.flush().has_value());
  CHECK(load(tier, "h/0").has_value());
  CHECK_FALSE(load(tier, "h/1").has_value());
  CHECK(tier.read_key(tier.hash_of("h/2")).error().code == Code::not_found);
  CHECK(carriers(tier.mark_of_tag("all")) == 1);
  CHECK(carriers(tier.mark_of_tag("n1")) == 0);
  CHECK(carriers(tier.mark_of_host("h")) == 1);
  CHECK(tier.status().objects == 1);
  CHECK(tier.status().dead_bytes > 10'000);
}

TEST_CASE("A refreshed head keeps its body") {
  Fake fake;
  DiskTier& tier = *fake.tier;
  Meta meta = meta_of("k", 100'000);
  meta.tags = {"old"};
  REQUIRE(store(tier, meta, body_of(9, 100'000)).has_value());
  auto before = tier.read_variant(tier.hash_of("k"), tier.hash_of(""));
  meta.head = "HTTP/1.1 200 OK\r\nX: new\r\n";
  meta.tags = {"new"};
  meta.purge_number = 5;
  tier.update_meta(tier.hash_of("k"), tier.hash_of(""), meta);
  tier.update_meta(tier.hash_of("absent"), tier.hash_of(""), meta);
  REQUIRE(tier.flush().has_value());
  auto after = tier.read_variant(tier.hash_of("k"), tier.hash_of(""));
  REQUIRE(after.has_value());
  CHECK(after->meta == meta);
  CHECK(after->body == before->body);
  CHECK(load(tier, "k").value() == body_of(9, 100'000));
  CHECK_FALSE(tier.read_key(tier.hash_of("absent")).has_value());
  CHECK(fake.db->rows(Family::index) == 2); // the new tag and the host
}

TEST_CASE("A body can be read while it grows; it is found only when committed") {
  Fake fake;
  DiskTier& tier = *fake.tier;
  std::string body = body_of(3, 3 << 20);
  auto handle = tier.begin_store(tier.hash_of("k"));
  Ref<Chunk> chunk = chunk_of(body);
  REQUIRE(handle->append(Slice({chunk->data(), body.size()}, Ref<const Shared>(chunk))));
  REQUIRE(tier.flush().has_value());
  Ref<GrowingBody> growing = handle->growing();
  CHECK(growing->written() == body.size());
  CHECK(joined(tier.read_growing(*growing, 70'000, 100'000).value()) ==
        body.substr(70'000, 100'000));
  CHECK_FALSE(load(tier, "k").has_value());
  handle->commit(meta_of("k", body.size()));
  REQUIRE(tier.flush().has_value());
  CHECK(load(tier, "k").value() == body);
}

TEST_CASE("An abandoned store, and one of the wrong length, leaves nothing to find") {
  Fake fake;
  DiskTier& tier = *fake.tier;
  {
    auto handle = tier.begin_store(tier.hash_of("gone"));
    CHECK(handle->append(Slice(std::string_view("not kept by anybody"))));
  }
  CHECK(store(tier, meta_of("short", 10), "nine byte").error().code == Code::internal);
  CHECK_FALSE(store(tier, "huge", body_of(1, 20 << 20)).has_value()); // over a quarter of the tier
  CHECK_FALSE(tier.failed());
  CHECK_FALSE(load(tier, "gone").has_value());
  CHECK_FALSE(load(tier, "short").has_value());
  CHECK(tier.status().objects == 0);
}

TEST_CASE("Bytes that nobody keeps are copied") {
  Fake fake;
  DiskTier& tier = *fake.tier;
  std::string body = body_of(4, 70'000);
  auto handle = tier.begin_store(tier.hash_of("k"));
  {
    std::string passing = body;
    REQUIRE(handle->append(Slice(std::string_view(passing))));
    passing.assign(passing.size(), 'x');
  }
  handle->commit(meta_of("k", body.size()));
  REQUIRE(tier.flush().has_value());
  CHECK(load(tier, "k").value() == body);
}

TEST_CASE("A full queue refuses bodies and never blocks") {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  DiskSettings settings = settings_in("", 64 << 20);
  settings.queue_bytes = 100'000;
  settings.on_thread_start = [released] { released.wait(); }; // nothing is written until then
  auto tier = std::move(DiskTier::open_on(settings, std::make_unique<MemoryDb>()).value());
  auto handle = tier->begin_store(tier->hash_of("k"));
  std::string piece(60'000, 'x');
  CHECK(handle->append(Slice(std::string_view(piece))));
  CHECK_FALSE(handle->append(Slice(std::string_view(piece))));
  CHECK(tier->status().queue_bytes == 60'000);
  handle.reset();
  release.set_value();
  REQUIRE(tier->flush().has_value());
  CHECK(tier->status().queue_bytes == 0);
  CHECK(store(*tier, "k", piece).has_value());
}

TEST_CASE("What was asked before is found at once, and durable at the next flush") {
  Fake fake; // flushes by itself after ten seconds
  DiskTier& tier = *fake.tier;
  std::atomic<bool> durable{false};
  auto handle = tier.begin_store(tier.hash_of("k"));
  handle->commit(meta_of("k", 0));
  tier.when_flushed([&durable](Result<void> result) { durable = result.has_value(); });
  REQUIRE(tier.settle().has_value());
  CHECK(load(tier, "k").has_value());
  CHECK_FALSE(durable);
  REQUIRE(tier.flush().has_value());
  REQUIRE(tier.settle().has_value()); // told after the flush, before what comes next
  CHECK(durable);
  fake.db->break_writes(Code::io);
  tier.remove(tier.hash_of("k"));
  std::promise<Result<void>> told;
  tier.when_flushed([&told](Result<void> result) { told.set_value(std::move(result)); });
  CHECK_FALSE(told.get_future().get().has_value());
  CHECK_FALSE(tier.settle().has_value());
}

TEST_CASE("W11.2 Damaged rows are misses, and are dropped") {
  Fake fake;
  DiskTier& tier = *fake.tier;
  REQUIRE(store(tier, "a", body_of(1, 200'000)).has_value());
  REQUIRE(store(tier, "b", body_of(2, 100)).has_value());
  REQUIRE(store(tier, "c", body_of(3, 100)).has_value());
  auto a = tier.read_variant(tier.hash_of("a"), tier.hash_of(""));
  Extent where = a->body.extents.at(0);
  REQUIRE(fake.db->damage(Family::body, body_row(where.segment, where.first + 1), 1000));
  REQUIRE(fake.db->damage(Family::meta, variant_row(tier.hash_of("b"), tier.hash_of("")), 40));
  REQUIRE(fake.db->damage(Family::meta, key_row(tier.hash_of("c")), 10));
  // The sound chunks of a body are served, the damaged one is not.
  CHECK(joined(tier.read_body(a->body, 0, 65536).value()) == body_of(1, 200'000).substr(0, 65536));
  CHECK(tier.read_body(a->body, 0, 200'000).error().code == Code::corrupt);
  CHECK(load(tier, "b").error().code == Code::corrupt);
  KeyRecord key;
  CHECK(tier.probe(tier.hash_of("c"), &key) == Probe::no);
  REQUIRE(tier.flush().has_value());
  for (const char* each : {"a", "b", "c"}) {
    CHECK(load(tier, each).error().code == Code::not_found);
    CHECK(store(tier, each, "again").has_value());
    CHECK(load(tier, each).value() == "again");
  }
  CHECK_FALSE(tier.failed());
}

TEST_CASE("W11.3 A database that fails turns the tier off") {
  Fake fake;
  DiskTier& tier = *fake.tier;
  REQUIRE(store(tier, "k", body_of(1, 100'000)).has_value());
  auto open_store = tier.begin_store(tier.hash_of("x"));
  fake.db->break_writes(Code::io);
  CHECK_FALSE(store(tier, "l", body_of(1, 100'000)).has_value());
  CHECK(tier.failed());
  CHECK(tier.status().failed);
  CHECK(tier.status().last_error == "broken by a test");
  KeyRecord key;
  CHECK(tier.probe(tier.hash_of("k"), &key) == Probe::no);
  CHECK(tier.read_key(tier.hash_of("k")).error().code == Code::io);
  CHECK(tier.begin_store(tier.hash_of("k")) == nullptr);
  CHECK_FALSE(open_store->append(Slice(std::string_view("bytes"))));
  CHECK_FALSE(tier.flush().has_value());
}

TEST_CASE("W11.3 A tier that is off is tried again; what it missed does not come back") {
  Fake fake(std::chrono::milliseconds(1));
  DiskTier& tier = *fake.tier;
  for (const char* each : {"kept", "purged", "replaced", "refreshed"}) {
    REQUIRE(store(tier, each, body_of(1, 100'000)).has_value());
  }
  REQUIRE(tier.flush().has_value());
  auto cut = tier.begin_store(tier.hash_of("cut"));
  std::string part = body_of(2, 70'000);
  REQUIRE(cut->append(Slice(std::string_view(part))));
  fake.db->break_writes(Code::io);
  CHECK_FALSE(store(tier, "l", body_of(1, 100'000)).has_value());
  REQUIRE(tier.failed());
  tier.remove(tier.hash_of("purged"));
  tier.update_meta(tier.hash_of("refreshed"), tier.hash_of(""), meta_of("refreshed", 100'000));
  CHECK(tier.begin_store(tier.hash_of("replaced")) == nullptr);
  CHECK_FALSE(tier.flush().has_value()); // all of it has been seen by the storage thread
  CHECK(tier.failed());

  fake.db->break_writes(Code::none);
  while (tier.failed()) {
    std::this_thread::yield();
  }
  CHECK(tier.status().last_error.empty());
  CHECK(load(tier, "kept").value() == body_of(1, 100'000));
  for (const char* each : {"purged", "replaced", "refreshed", "l"}) {
    CHECK(load(tier, each).error().code == Code::not_found);
  }
  REQUIRE(cut->append(Slice(std::string_view(part)))); // nothing of it was lost
  std::promise<Result<void>> told;
  cut->commit(meta_of("cut", 140'000), [&told](Result<void> done) { told.set_value(done); });
  CHECK(told.get_future().get().has_value());
  CHECK(load(tier, "cut").value() == part + part);
  CHECK(store(tier, "replaced", "new").has_value());
  CHECK(load(tier, "replaced").value() == "new");
  CHECK(tier.flush().has_value());
}

TEST_CASE("W11.3 A flush that fails while nothing else is asked for is tried again too") {
  Fake fake(std::chrono::milliseconds(1), std::chrono::milliseconds(50));
  DiskTier& tier = *fake.tier;
  REQUIRE(store(tier, "k", body_of(1, 100'000)).has_value());
  fake.db->break_writes(Code::io); // before the flush that is due
  auto wait = [&tier](bool failed) {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (tier.failed() != failed && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    return tier.failed() == failed;
  };
  REQUIRE(wait(true));
  fake.db->break_writes(Code::none);
  CHECK(wait(false));
  CHECK(load(tier, "k").value() == body_of(1, 100'000));
}

TEST_CASE("W11.3 Damage turns the tier off for good") {
  Fake fake(std::chrono::milliseconds(1));
  DiskTier& tier = *fake.tier;
  fake.db->break_writes(Code::corrupt);
  CHECK_FALSE(store(tier, "l", body_of(1, 100'000)).has_value());
  fake.db->break_writes(Code::none);
  for (int i = 0; i < 100; ++i) { // each a turn of the storage thread
    CHECK_FALSE(tier.flush().has_value());
  }
  CHECK(tier.failed());
}

TEST_CASE("Readers and stores go on at once") {
  Fake fake;
  DiskTier& tier = *fake.tier;
  for (std::uint64_t i = 0; i < 20; ++i) {
    REQUIRE(store(tier, std::to_string(i), body_of(i, 3000 * i)).has_value());
  }
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      KeyRecord key;
      for (std::uint64_t i = 0; !stop.load(); i = (i + 1) % 20) {
        auto body = load(tier, std::to_string(i));
        if (!body || *body != body_of(i, 3000 * i)) {
          ++wrong;
        }
        tier.touch(tier.hash_of(std::to_string(i)), tier.hash_of(""));
        if (tier.probe(tier.hash_of(std::to_string(i)), &key) != Probe::here) {
          ++wrong;
        }
        tier.status();
      }
    });
  }
  for (std::uint64_t round = 0; round < 20; ++round) { // replaces what is being read
    for (std::uint64_t i = 0; i < 20; ++i) {
      CHECK(store(tier, std::to_string(i), body_of(i, 3000 * i)).has_value());
    }
  }
  stop = true;
  for (std::thread& each : readers) {
    each.join();
  }
  CHECK(wrong == 0);
}

} // namespace weir::cache
