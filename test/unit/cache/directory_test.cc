// SPDX-License-Identifier: Apache-2.0
#include "cache/directory.h"

#include <catch2/catch.hpp>
#include <deque>
#include <functional>

#include "event/loop.h"

using namespace weir;
using namespace weir::cache;

namespace {

const HashKey kSecret{1, 2};

class NoVary final : public Selector {
public:
  std::string_view values(std::string_view) override { return {}; }
};

/// One value for whatever is asked.
class Table final : public Selector {
public:
  explicit Table(std::string value) : value_(std::move(value)) {}
  std::string_view values(std::string_view) override { return value_; }

private:
  std::string value_;
};

Meta meta_of(std::string key, std::string head, std::uint64_t size) {
  Meta meta;
  meta.key = std::move(key);
  meta.head = std::move(head);
  meta.status = 200;
  meta.body_size = size;
  meta.freshness.response_time = Clock::wall();
  meta.freshness.lifetime = std::chrono::seconds(60);
  return meta;
}

Ref<Entry> entry_of(const std::string& key, std::size_t size, std::string_view vary = {},
                    std::string_view selecting = {}) {
  static const std::string bytes(3 << 20, 'x');
  Meta meta = meta_of(key, "HTTP/1.1 200 OK\r\n", size);
  meta.vary = vary;
  meta.selecting = selecting;
  return Entry::in_memory(meta, siphash128(kSecret, key),
                          {Slice(std::string_view(bytes).substr(0, size))});
}

/// An origin in a script: the test says what has arrived and wakes.
class Scripted final : public Producer {
public:
  struct Script {
    Ref<const FillHead> head;
    std::deque<std::string> body;
    bool end = false;
    Error error;
    bool gone = false;
    weir::event::Task* consumer = nullptr;
  };
  explicit Scripted(Script& script) : script_(script) {}
  ~Scripted() override { script_.gone = true; }
  void start(weir::event::Task& consumer) override { script_.consumer = &consumer; }
  void hand_to(weir::event::Task& consumer) override { script_.consumer = &consumer; }
  std::string take_interim() override { return {}; }
  Ref<const FillHead> head() override { return script_.head; }
  Ref<const Entry> revalidated() override { return {}; }
  Pull pull(OutQueue& out, std::size_t room) override {
    if (script_.error.code != Code::none) {
      return Pull::failed;
    }
    if (script_.body.empty()) {
      return script_.end ? Pull::end : Pull::blocked;
    }
    auto& front = script_.body.front();
    std::size_t n = std::min(room, front.size());
    Ref<Chunk> chunk = Chunk::of_capacity(n);
    front.copy(chunk->data(), n);
    out.push(Slice({chunk->data(), n}, chunk));
    front.erase(0, n);
    if (front.empty()) {
      script_.body.pop_front();
    }
    return Pull::more;
  }
  Error error() const override { return script_.error; }

private:
  Script& script_;
};

Ref<const FillHead> head_of(const std::string& key, bool storable) {
  auto head = make_ref<FillHead>();
  head->meta = meta_of(key, "HTTP/1.1 200 OK\r\n", 0);
  head->storable = storable;
  head->marks_key = !storable;
  return head;
}

std::string read_all(FillReader& reader, std::size_t step = 1 << 20) {
  std::string all;
  while (true) {
    OutQueue out;
    Pull got = reader.pull(out, step, {});
    while (!out.empty()) {
      all += out.pop().view();
    }
    if (got != Pull::more) {
      return all;
    }
  }
}

struct World {
  weir::event::Loop loop;
  NoVary any;
  Directory directory{DirectoryLimits{}};
  std::string key = "realm/http/example.com/";
  Hash128 hash = siphash128(kSecret, key);
  Claim claim() { return directory.claim(key, hash, any, nullptr, loop); }
};

} // namespace

TEST_CASE("an entry holds head and body in one block and its age grows") {
  Clock::tick();
  auto entry = entry_of("k", 1000);
  CHECK(entry->head() == "HTTP/1.1 200 OK\r\n");
  CHECK(entry->inline_body() == std::string(1000, 'x'));
  CHECK(entry->age(Clock::mono()) == Duration::zero());
  CHECK(entry->age(Clock::mono() + std::chrono::seconds(5)) == std::chrono::seconds(5));
  CHECK(entry->to_meta().key == "k");
  auto large = entry_of("k", 100'000);
  CHECK(large->inline_body().empty());
  CHECK(large->slices().size() == 2); // nobody kept those bytes: a copy
  auto newer = Entry::refreshed(*large, large->to_meta());
  CHECK(newer->slices().front().data == large->slices().front().data);
}

TEST_CASE("siblings go on under the same head, count as memory, and are found by their coding") {
  Clock::tick();
  auto plain = entry_of("k", 1000);
  auto sibling_of = [](http::Coding coding, std::size_t size, Ref<const Sibling> next) {
    static const std::string bytes(1000, 'z');
    Sibling::Parts parts;
    parts.coding = coding;
    parts.head = "HTTP/1.1 200 OK\r\nContent-Encoding: x\r\n";
    parts.body = {Slice(std::string_view(bytes).substr(0, size))};
    return make_ref<Sibling>(std::move(parts), std::move(next));
  };
  auto chain =
      sibling_of(http::Coding::br, 200, sibling_of(http::Coding::gzip, 0, Ref<const Sibling>{}));
  Meta meta = plain->to_meta();
  auto coded = Entry::refreshed(*plain, meta, chain);
  CHECK(coded->cost() >= plain->cost() + 200 + chain->cost() - 200);
  CHECK(find_sibling(coded->siblings().get(), http::Coding::br)->body_size() == 200);
  CHECK_FALSE(find_sibling(coded->siblings().get(), http::Coding::gzip)->gains());
  CHECK(find_sibling(coded->siblings().get(), http::Coding::zstd) == nullptr);

  meta.freshness.lifetime = Duration::zero(); // a soft purge
  auto stale = Entry::refreshed(*coded, meta);
  CHECK(stale->siblings().get() == chain.get());
  CHECK(stale->cost() == coded->cost());
  meta.head = "HTTP/1.1 200 OK\r\nX: 1\r\n"; // theirs does not say so
  CHECK_FALSE(Entry::refreshed(*coded, meta)->siblings());
  CHECK(coded->begin_sibling());
  CHECK_FALSE(coded->begin_sibling());
  coded->end_sibling();
  CHECK(coded->begin_sibling());
}

TEST_CASE("the whole key is compared, not its hash alone") {
  World w;
  Meta meta = meta_of("another key", "HTTP/1.1 200 OK\r\n", 0);
  w.directory.insert(Entry::in_memory(meta, w.hash, {}));
  CHECK_FALSE(w.directory.find(w.key, w.hash, w.any));
  CHECK(w.directory.find("another key", w.hash, w.any));
}

TEST_CASE("C6.2 variants stand side by side; one is replaced without the others") {
  World w;
  w.directory.insert(entry_of(w.key, 1, "accept", "a"));
  w.directory.insert(entry_of(w.key, 2, "accept", "b"));
  w.directory.insert(entry_of(w.key, 3, "accept", "a"));
  Table a("a");
  Table b("b");
  Table c("c");
  CHECK(w.directory.find(w.key, w.hash, a)->body_size() == 3);
  CHECK(w.directory.find(w.key, w.hash, b)->body_size() == 2);
  CHECK_FALSE(w.directory.find(w.key, w.hash, c));
  CHECK(w.directory.stats().entries == 2);
  CHECK(w.directory.remove(w.key, w.hash) == 2);
  CHECK(w.directory.stats().keys == 0);
}

TEST_CASE("a response counts how often it was found, over its renewals too") {
  Directory directory({});
  NoVary none;
  directory.insert(entry_of("k", 10));
  Hash128 hash = siphash128(kSecret, "k");
  CHECK(directory.variants("k", hash).at(0)->hits() == 0);
  directory.find("k", hash, none);
  auto found = directory.find("k", hash, none);
  CHECK(found->hits() == 2);
  directory.renew(*found, Entry::refreshed(*found, found->to_meta()));
  CHECK(directory.find("k", hash, none)->hits() == 3);
  directory.insert(entry_of("k", 20)); // new content
  CHECK(directory.find("k", hash, none)->hits() == 1);
}

TEST_CASE("a glance sees what a request would come upon, and leaves no trace") {
  World w;
  CHECK_FALSE(w.directory.glance(w.key, w.hash, w.any).entry);
  CHECK(w.directory.stats().keys == 0);
  w.directory.insert(entry_of(w.key, 1, "accept", "a"));
  Table a("a");
  Table b("b");
  auto seen = w.directory.glance(w.key, w.hash, a);
  REQUIRE(seen.entry);
  CHECK(seen.entry->body_size() == 1);
  CHECK(seen.entry->hits() == 0);
  CHECK_FALSE(seen.others);
  seen = w.directory.glance(w.key, w.hash, b);
  CHECK_FALSE(seen.entry);
  CHECK(seen.others);
  CHECK_FALSE(seen.arriving);
  Claim lead = w.directory.claim(w.key, w.hash, b, nullptr, w.loop);
  CHECK(w.directory.glance(w.key, w.hash, b).arriving);
  lead.reader.fill().end();
  CHECK_FALSE(w.directory.glance(w.key, w.hash, b).marked);
  w.directory.mark(w.hash);
  CHECK(w.directory.glance(w.key, w.hash, b).marked);
}

TEST_CASE("the number of variants of a key is bounded") {
  DirectoryLimits limits;
  limits.variants = 4;
  Directory directory(limits);
  World w;
  for (int i = 0; i < 100; ++i) {
    directory.insert(entry_of(w.key, 1, "accept", std::to_string(i)));
  }
  CHECK(directory.stats().entries == 4);
  Table last("99");
  CHECK(directory.find(w.key, w.hash, last));
}

TEST_CASE("the memory bound is exact, and what was hit stays") {
  DirectoryLimits limits;
  limits.memory = 1 << 20;
  Directory directory(limits);
  NoVary any;
  auto name = [](int i) { return "key" + std::to_string(i); };
  auto hash = [&](int i) { return siphash128(kSecret, name(i)); };
  for (int i = 0; i < 5000; ++i) {
    directory.insert(entry_of(name(i), 1000));
    REQUIRE(directory.stats().entry_bytes <= limits.memory);
    directory.find(name(7), hash(7), any);
  }
  CHECK(directory.stats().entry_bytes > limits.memory * 9 / 10);
  CHECK(directory.stats().evictions > 1000);
  CHECK(directory.find(name(7), hash(7), any));
  CHECK_FALSE(directory.find(name(3), hash(3), any));
}

TEST_CASE(
    "less room than the bound: what is more goes at once, and comes in again when there is room") {
  DirectoryLimits limits;
  limits.memory = 4 << 20;
  Directory directory(limits);
  int next = 0;
  auto fill = [&](int count) {
    for (int i = 0; i < count; ++i) {
      directory.insert(entry_of("key" + std::to_string(next++), 1000));
    }
    return directory.used();
  };
  CHECK(fill(5000) > (4 << 20) * 9 / 10);
  directory.set_room(1 << 20);
  CHECK(directory.used() <= 1 << 20);
  CHECK(directory.used() > (1 << 20) * 9 / 10);
  CHECK(fill(500) <= 1 << 20);
  directory.set_room(2 << 20);
  CHECK(directory.used() <= 1 << 20);
  CHECK(fill(5000) <= 2 << 20);
  CHECK(directory.used() > (2 << 20) * 9 / 10);
  directory.set_room(64 << 20); // never more than the bound
  CHECK(directory.room() == limits.memory);
}

TEST_CASE("each 16th of the memory that comes in, is evicted or removed is told of") {
  DirectoryLimits limits;
  limits.memory = 16 << 20;
  std::size_t told = 0; // the directory tells of what it loses at its end, too
  Directory directory(limits);
  directory.set_moved([&told] { ++told; });
  int next = 0;
  while (directory.used() < 8 << 20) {
    directory.insert(entry_of("key" + std::to_string(next++), 1000));
  }
  CHECK(told == 8);
  while (directory.stats().evictions == 0) {
    directory.insert(entry_of("key" + std::to_string(next++), 1000));
  }
  CHECK((told == 15 || told == 16)); // full
  for (int i = 0; i < 2000; ++i) {
    directory.insert(entry_of("key" + std::to_string(next++), 1000));
  }
  CHECK(told >= 15 + 4); // 2.4 MB in, and as much out
  std::size_t before = told;
  directory.set_room(8 << 20);
  CHECK(told >= before + 7);
}

TEST_CASE("what is large takes the oldest of all, and spares what was hit though it is alone in "
          "its part") {
  DirectoryLimits limits;
  limits.memory = 16 << 20;
  Directory directory(limits);
  NoVary any;
  auto put = [&](const std::string& name, std::size_t size) {
    directory.insert(entry_of(name, size));
  };
  auto has = [&](const std::string& name) {
    return static_cast<bool>(directory.find(name, siphash128(kSecret, name), any));
  };
  put("asked for", 1 << 20);
  for (int i = 0; directory.stats().evictions < 100; ++i) {
    put("small" + std::to_string(i), 1000);
    REQUIRE(has("asked for"));
  }
  std::uint64_t before = directory.stats().entries;
  put("large", 3 << 20); // a fifth of all
  CHECK(has("large"));
  CHECK(has("asked for"));
  std::uint64_t most = before / Directory::kShards;
  for (std::size_t part = 0; part < Directory::kShards; ++part) {
    CHECK(directory.entries(part).size() > most * 6 / 10);
  }
}

TEST_CASE("misses on one key collapse: one leads, the rest follow and all get every byte") {
  World w;
  Scripted::Script origin;
  Claim lead = w.claim();
  REQUIRE(lead.kind == Claim::Kind::lead);
  lead.reader.fill().start(std::make_unique<Scripted>(origin), {});
  Claim follower = w.claim();
  REQUIRE(follower.kind == Claim::Kind::follow);
  origin.head = head_of(w.key, true);
  origin.body = {"hello ", std::string(5000, 'y')};
  origin.consumer->run();
  CHECK(follower.reader.state() == FillState::streaming);
  CHECK(read_all(follower.reader).size() == 5006); // before the origin has ended
  CHECK(read_all(lead.reader, 7).size() == 5006);
  Claim late = w.claim();
  REQUIRE(late.kind == Claim::Kind::follow);
  lead.reader.leave(); // the lead goes; nobody is hurt
  origin.body = {"world"};
  origin.end = true;
  origin.consumer->run();
  CHECK(read_all(follower.reader) == "world");
  CHECK(read_all(late.reader) == "hello " + std::string(5000, 'y') + "world");
  CHECK(origin.gone);
  auto entry = w.directory.find(w.key, w.hash, w.any);
  REQUIRE(entry);
  CHECK(entry->body_size() == 5011);
  CHECK(w.claim().kind == Claim::Kind::entry);
}

TEST_CASE("C16.4 what is validated at each use is stored, but joined by nobody") {
  World w;
  Scripted::Script origin;
  Claim lead = w.claim();
  lead.reader.fill().start(std::make_unique<Scripted>(origin), {});
  REQUIRE(w.claim().kind == Claim::Kind::follow); // who knows yet?
  auto head = make_ref<FillHead>();
  head->meta = meta_of(w.key, "HTTP/1.1 200 OK\r\n", 0);
  head->storable = true;
  SECTION("no-cache") { head->meta.freshness.no_cache = true; }
  SECTION("never fresh") { head->meta.freshness.lifetime = {}; }
  origin.head = head;
  origin.consumer->run();
  CHECK(w.claim().kind == Claim::Kind::pass);
  origin.end = true;
  origin.consumer->run();
  auto known = w.directory.find(w.key, w.hash, w.any);
  REQUIRE(known);
  Claim first = w.directory.claim(w.key, w.hash, w.any, known.get(), w.loop);
  Claim second = w.directory.claim(w.key, w.hash, w.any, known.get(), w.loop);
  CHECK(first.kind == Claim::Kind::lead); // each validates it for itself
  CHECK(second.kind == Claim::Kind::lead);
  first.reader.fill().end();
  second.reader.fill().end();
}

TEST_CASE("W7.7 what may not be stored is the lead's alone, and the key is remembered") {
  World w;
  Scripted::Script origin;
  Claim lead = w.claim();
  lead.reader.fill().start(std::make_unique<Scripted>(origin), {});
  origin.head = head_of(w.key, false);
  origin.body = {"secret"};
  origin.end = true;
  weir::event::Task* consumer = origin.consumer;
  consumer->run();
  CHECK(read_all(lead.reader) == "secret");
  CHECK_FALSE(w.directory.find(w.key, w.hash, w.any));
  Claim first = w.claim();
  Claim second = w.claim();
  CHECK(first.kind == Claim::Kind::pass);
  CHECK(second.kind == Claim::Kind::pass);
  REQUIRE(first.marked);

  SECTION("an object that becomes cacheable is stored at once") {
    Scripted::Script again;
    again.head = head_of(w.key, true);
    FillReader mine = w.directory.lead_marked(w.key, w.hash, first.moment, w.loop);
    REQUIRE(mine);
    mine.fill().take_over(std::make_unique<Scripted>(again), {});
    again.consumer->run();
    Claim joined = w.claim();
    CHECK(joined.kind == Claim::Kind::follow);
    again.body = {"public"};
    again.end = true;
    again.consumer->run();
    CHECK(read_all(joined.reader) == "public");
    CHECK(w.claim().kind == Claim::Kind::entry);
  }
  SECTION("but not what was purged while it was on its way") {
    w.directory.remove(w.key, w.hash);
    CHECK_FALSE(w.directory.lead_marked(w.key, w.hash, first.moment, w.loop));
  }
  SECTION("nor after a purge of many") {
    w.directory.set_purge_number(7);
    CHECK_FALSE(w.directory.lead_marked(w.key, w.hash, first.moment, w.loop));
  }
  SECTION("each such answer makes it last") {
    Clock::set(Clock::mono() + std::chrono::seconds(90), Clock::wall());
    w.directory.mark(w.hash);
    Clock::set(Clock::mono() + std::chrono::seconds(90), Clock::wall());
    CHECK(w.claim().marked);
  }
  SECTION("it ends with its time") {
    Clock::set(Clock::mono() + std::chrono::seconds(121), Clock::wall());
    CHECK_FALSE(w.claim().marked);
  }
}

TEST_CASE("C2.13 a cut body is never stored and its readers see it cut") {
  World w;
  Scripted::Script origin;
  Claim lead = w.claim();
  lead.reader.fill().start(std::make_unique<Scripted>(origin), {});
  origin.head = head_of(w.key, true);
  origin.body = {"half"};
  origin.consumer->run();
  origin.error = {Code::closed, Side::origin};
  origin.consumer->run();
  OutQueue out;
  CHECK(lead.reader.pull(out, 100, {}) == Pull::more);
  out.clear();
  CHECK(lead.reader.pull(out, 100, {}) == Pull::failed);
  CHECK(lead.reader.error().code == Code::closed);
  CHECK_FALSE(w.directory.find(w.key, w.hash, w.any));
}

TEST_CASE("C11.4 a fetch in flight when the key is removed stores nothing") {
  World w;
  Scripted::Script origin;
  Claim lead = w.claim();
  lead.reader.fill().start(std::make_unique<Scripted>(origin), {});
  origin.head = head_of(w.key, true);
  origin.consumer->run();
  w.directory.remove(w.key, w.hash);
  CHECK(w.claim().kind == Claim::Kind::lead); // nobody joins it any more
  origin.body = {"old"};
  origin.end = true;
  origin.consumer->run();
  CHECK(read_all(lead.reader) == "old");
  CHECK_FALSE(w.directory.find(w.key, w.hash, w.any));
}

TEST_CASE("C7.4 C8.6 a validation answered by what nobody may store takes out what is stored") {
  World w;
  std::vector<std::string> withdrawn;
  w.directory.set_withdraw([&](const Entry& entry) { withdrawn.emplace_back(entry.key()); });
  auto answered = [&](bool stored, std::uint16_t status, bool storable) {
    withdrawn.clear();
    Ref<const Entry> known;
    if (stored) {
      w.directory.insert(entry_of(w.key, 1));
      known = w.directory.find(w.key, w.hash, w.any);
    }
    Scripted::Script origin;
    Claim lead = w.directory.claim(w.key, w.hash, w.any, known.get(), w.loop);
    REQUIRE(lead.kind == Claim::Kind::lead);
    lead.reader.fill().start(std::make_unique<Scripted>(origin), {});
    auto head = make_ref<FillHead>();
    head->meta = meta_of(w.key, "HTTP/1.1 200 OK\r\n", 0);
    head->meta.status = status;
    head->storable = storable;
    head->marks_key = !storable;
    origin.head = head;
    origin.end = true;
    origin.consumer->run();
    return withdrawn.size();
  };
  CHECK(answered(false, 200, false) == 0); // there was nothing; now the key is marked
  CHECK(answered(true, 200, true) == 0);
  CHECK(answered(true, 503, false) == 0);
  CHECK(answered(true, 404, false) == 1);
  CHECK(answered(true, 200, false) == 1);
  CHECK(withdrawn == std::vector<std::string>{w.key});
}

TEST_CASE("a body above the limit goes through a window that its slowest reader paces") {
  World w;
  Scripted::Script origin;
  Fill::Limits limits;
  limits.object_max = 10'000;
  limits.window = 20'000;
  Claim lead = w.claim();
  Fill& fill = lead.reader.fill();
  fill.start(std::make_unique<Scripted>(origin), limits);
  origin.head = head_of(w.key, true);
  for (int i = 0; i < 100; ++i) {
    origin.body.emplace_back(2000, static_cast<char>('a' + i % 26));
  }
  origin.end = true;
  weir::event::Task* consumer = origin.consumer;
  consumer->run();
  CHECK(origin.body.size() > 80); // it waits for its reader
  CHECK(w.directory.stats().fill_bytes <= 20'000 + 2000);
  CHECK(w.claim().kind == Claim::Kind::pass);
  std::string all;
  for (int i = 0; i < 1000 && !origin.gone; ++i) {
    all += read_all(lead.reader);
    w.loop.turn(false);
  }
  all += read_all(lead.reader);
  CHECK(all.size() == 200'000);
  lead.reader.leave();
  CHECK_FALSE(w.directory.find(w.key, w.hash, w.any)); // no tier took it
}

TEST_CASE("fills of all keys have a limit; beyond it an exchange goes by itself") {
  DirectoryLimits limits;
  limits.fills = 1000;
  Directory directory(limits);
  World w;
  Scripted::Script origin;
  Claim lead = directory.claim(w.key, w.hash, w.any, nullptr, w.loop);
  lead.reader.fill().start(std::make_unique<Scripted>(origin), {});
  origin.head = head_of(w.key, true);
  origin.body = {std::string(2000, 'x')};
  origin.consumer->run();
  std::string other = "other";
  CHECK(directory.claim(other, siphash128(kSecret, other), w.any, nullptr, w.loop).kind ==
        Claim::Kind::pass);
  lead.reader.fill().fail({Code::stopped, Side::self});
  lead.reader.leave();
  CHECK(directory.stats().fill_bytes == 0);
}
