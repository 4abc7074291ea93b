// SPDX-License-Identifier: Apache-2.0
#include "cache/bans.h"

#include <array>

#include <catch2/catch.hpp>

#include "base/arena.h"
#include "cache/key.h"
#include "cache/tier.h"

using namespace weir;
using namespace weir::cache;

namespace {

using std::chrono::seconds;

const HashKey kSecret{5, 6};

std::string key(std::string_view realm, std::string_view host, std::string_view target,
                std::string_view extra = {}) {
  Arena arena;
  std::array<std::string_view, 1> parts{extra};
  KeyParts all{realm, "http", host, 80, target};
  if (!extra.empty()) {
    all.extra = parts;
  }
  return std::string(Key::make(all, kSecret, arena).bytes);
}

Meta meta_of(std::string stored_key, std::uint64_t number, std::vector<std::string> tags = {}) {
  Meta meta;
  meta.key = std::move(stored_key);
  meta.head = "HTTP/1.1 200 OK\r\n";
  meta.status = 200;
  meta.tags = std::move(tags);
  meta.purge_number = number;
  meta.freshness.response_time = Clock::wall();
  meta.freshness.lifetime = seconds(100);
  return meta;
}

Ban mark(std::uint64_t number, bool hard, MarkKind kind, std::string_view realm,
         std::string_view name) {
  return {number, hard, Clock::wall(), ban_mark(kSecret, kind, realm, name), nullptr};
}

class BySize final : public BanTest {
public:
  bool matches(const Subject& subject, WallTime) const override { return subject.body_size > 10; }
};

Bans::Effect effect(const Bans& bans, const Meta& meta) {
  return bans.judge(Subject::of(meta)).effect;
}

} // namespace

TEST_CASE("a mark names a URL with whatever parts, a host, a tag; and what is older only") {
  Bans bans(kSecret);
  CHECK_FALSE(bans.concern(0));
  std::string url = key("site", "a.test", "/x");
  bans.add(mark(5, true, MarkKind::url, {}, url));
  CHECK(bans.concern(4));
  CHECK_FALSE(bans.concern(5));
  CHECK(effect(bans, meta_of(url, 4)) == Bans::Effect::hard);
  CHECK(effect(bans, meta_of(url, 5)) == Bans::Effect::none);
  CHECK(effect(bans, meta_of(key("site", "a.test", "/x", "c:a=b"), 4)) == Bans::Effect::hard);
  CHECK(effect(bans, meta_of(key("site", "a.test", "/xy"), 4)) == Bans::Effect::none);
  bans.add(mark(6, false, MarkKind::tag, {}, "red"));
  CHECK(effect(bans, meta_of(key("s", "b.test", "/"), 1, {"blue", "red"})) == Bans::Effect::soft);
  CHECK(effect(bans, meta_of(key("s", "b.test", "/"), 1, {"redder"})) == Bans::Effect::none);
  bans.add(mark(7, false, MarkKind::host, "one", "c.test"));
  CHECK(effect(bans, meta_of(key("one", "c.test", "/"), 1)) == Bans::Effect::soft);
  CHECK(effect(bans, meta_of(key("two", "c.test", "/"), 1)) == Bans::Effect::none);
  bans.add(mark(8, true, MarkKind::host, {}, "c.test"));
  CHECK(effect(bans, meta_of(key("one", "c.test", "/"), 1)) == Bans::Effect::hard);
}

TEST_CASE("a ban that is settled is in force no more, and costs nothing") {
  Bans bans(kSecret);
  bans.add({3, false, Clock::wall(), 0, std::make_shared<BySize>()});
  Meta meta = meta_of(key("s", "a.test", "/"), 1);
  CHECK(effect(bans, meta) == Bans::Effect::none);
  meta.body_size = 11;
  CHECK(effect(bans, meta) == Bans::Effect::soft);
  bans.add(mark(4, true, MarkKind::host, {}, "z.test"));
  bans.settle(3);
  CHECK(effect(bans, meta) == Bans::Effect::none);
  CHECK(bans.concern(1));
  bans.settle(4);
  CHECK(bans.size() == 0);
  CHECK_FALSE(bans.concern(1));
}

TEST_CASE("what became stale by a purge is stale since then") {
  Freshness fresh;
  fresh.response_time = WallTime(seconds(1000));
  fresh.initial_age = seconds(5);
  fresh.lifetime = seconds(100);
  CHECK(made_stale(fresh, WallTime(seconds(1010))).lifetime == seconds(15));
  CHECK(made_stale(fresh, WallTime(seconds(5000))).lifetime == seconds(100));
  CHECK(made_stale(fresh, WallTime(seconds(900))).lifetime == seconds(5));
}

TEST_CASE("a tier settles what it has: a stale copy in its place, or nothing") {
  Tier tier("t", {});
  tier.secret = kSecret;
  std::string stored = key("s", "a.test", "/", {});
  auto put = [&] {
    auto entry = Entry::in_memory(meta_of(stored, 0, {"red"}), siphash128(kSecret, stored), {});
    tier.directory.insert(entry);
    return Ref<const Entry>(entry);
  };
  auto entry = put();
  CHECK(tier.settle(entry).get() == entry.get());
  tier.bans.add(mark(1, false, MarkKind::tag, {}, "red"));
  auto stale = tier.settle(entry);
  REQUIRE(stale);
  CHECK(stale.get() != entry.get());
  CHECK(stale->freshness().lifetime < seconds(100));
  CHECK(stale->purge_number() == 1);
  CHECK(tier.settle(stale).get() == stale.get());
  auto kept = tier.directory.variants(stored, siphash128(kSecret, stored));
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].get() == stale.get());
  tier.bans.add(mark(2, true, MarkKind::host, {}, "a.test"));
  CHECK_FALSE(tier.settle(stale));
  CHECK(tier.directory.variants(stored, siphash128(kSecret, stored)).empty());
  // One that is out of the store already is not put back.
  auto gone = put();
  tier.bans.add(mark(3, false, MarkKind::tag, {}, "red"));
  tier.directory.drop(*gone);
  tier.settle(gone);
  CHECK(tier.directory.variants(stored, siphash128(kSecret, stored)).empty());
}

TEST_CASE("an era passes only when no fetch of the one before is left") {
  Directory directory({});
  std::uint64_t first = directory.enter_era();
  directory.pass_era();
  CHECK(directory.era() == first + 1);
  directory.pass_era();
  CHECK(directory.era() == first + 1);
  directory.leave_era(first);
  directory.pass_era();
  CHECK(directory.era() == first + 2);
}
