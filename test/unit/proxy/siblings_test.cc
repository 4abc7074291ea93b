// SPDX-License-Identifier: Apache-2.0
#include "proxy/siblings.h"

#include <catch2/catch.hpp>

#include <string>

#include "http/h1_parser.h"

using namespace weir;
using namespace weir::proxy;
using http::Coding;

namespace {

config::CompressDecl rule() {
  config::CompressDecl decl;
  decl.codings = {Coding::br, Coding::gzip};
  decl.min = 1024;
  decl.types = {"text/*"};
  return decl;
}

constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\nContent-Type: text/css; charset=utf-8\r\n"
                                   "ETag: \"t\"\r\nAccept-Ranges: bytes\r\n";

struct World {
  weir::event::BackgroundPool pool{"work", 1, 1, 0, nullptr};
  cache::Tier tier{"main", {}};
  std::string body;
  Hash128 hash = siphash128(tier.secret, "k");

  explicit World(std::string of_body = std::string(100'000, 'a')) : body(std::move(of_body)) {
    Clock::tick();
    cache::Meta meta;
    meta.key = "k";
    meta.head = kHead;
    meta.status = 200;
    meta.body_size = body.size();
    meta.freshness.response_time = Clock::wall();
    tier.directory.insert(cache::Entry::in_memory(meta, hash, {Slice(std::string_view(body))}));
  }
  Ref<const cache::Entry> now() { return tier.directory.variants("k", hash).at(0); }
  void find(int times) {
    class None final : public cache::Selector {
      std::string_view values(std::string_view) override { return {}; }
    } none;
    for (int i = 0; i < times; ++i) {
      tier.directory.find("k", hash, none);
    }
  }
  /// Asks for it, and waits for what comes of it.
  void make(Coding coding) {
    Ref<const cache::Entry> before = now();
    make_sibling(pool, tier, before, coding);
    while (now().get() == before.get()) {
      std::this_thread::yield();
    }
  }
  const cache::Sibling* choose(const std::string& fields, const config::CompressDecl& decl = rule(),
                               const char* method = "GET") {
    Arena arena;
    http::RequestHead request;
    http::H1Parser parser;
    std::string text = std::string(method) + " / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
    REQUIRE(parser.parse_request(text, request, arena));
    return choose_sibling(decl, request, *now());
  }
};

} // namespace

TEST_CASE("a cold entry, or one that somebody works on, is left as it is") {
  World w;
  w.find(1);
  make_sibling(w.pool, w.tier, w.now(), Coding::br);
  CHECK(w.now()->begin_sibling()); // nobody had begun
  w.find(5);
  make_sibling(w.pool, w.tier, w.now(), Coding::br);
  CHECK(w.pool.queued() == 0);
  CHECK_FALSE(w.now()->siblings());
}

TEST_CASE("a hot entry gets a body in each coding asked for; who is served it, and who is not") {
  World w;
  w.find(2);
  w.make(Coding::br);
  w.make(Coding::gzip);
  const cache::Sibling* br = w.choose("Accept-Encoding: gzip, br\r\n");
  REQUIRE(br != nullptr);
  CHECK(br->coding() == Coding::br);
  CHECK(br->body_size() < 1000);
  CHECK(br->head() == "HTTP/1.1 200 OK\r\nContent-Type: text/css; charset=utf-8\r\n"
                      "ETag: W/\"t\"\r\nContent-Encoding: br\r\nVary: Accept-Encoding\r\n");
  CHECK(w.choose("Accept-Encoding: gzip\r\n")->coding() == Coding::gzip);
  CHECK(w.choose("Accept-Encoding: gzip\r\n", rule(), "HEAD") != nullptr);
  CHECK(w.choose("") == nullptr);
  CHECK(w.choose("Accept-Encoding: zstd\r\n") == nullptr);
  CHECK(w.choose("Accept-Encoding: br\r\nRange: bytes=0-1\r\n") == nullptr);
  CHECK(w.choose("Accept-Encoding: br\r\nCache-Control: no-transform\r\n") == nullptr);
  config::CompressDecl other = rule();
  other.types = {"image/*"};
  CHECK(w.choose("Accept-Encoding: br\r\n", other) == nullptr);
  other = rule();
  other.min = 200'000;
  CHECK(w.choose("Accept-Encoding: br\r\n", other) == nullptr);
  other = rule();
  other.codings = {Coding::gzip};
  CHECK(w.choose("Accept-Encoding: br, gzip\r\n", other)->coding() == Coding::gzip);

  auto chain = with_head(*w.now(), "HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nX: 1\r\n");
  const cache::Sibling* again = cache::find_sibling(chain.get(), Coding::br);
  REQUIRE(again != nullptr);
  CHECK(again->body().front().data == br->body().front().data);
  CHECK(again->head().find("X: 1\r\n") != std::string_view::npos);
  CHECK_FALSE(with_head(*w.now(), "HTTP/1.1 200 OK\r\nCache-Control: no-transform\r\n"));
  CHECK_FALSE(with_head(*w.now(), "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"));
}

TEST_CASE("what does not get smaller is known, and not served") {
  HashKey key = HashKey::random();
  std::string noise(100'000, '\0');
  for (std::size_t i = 0; i + 16 <= noise.size(); i += 16) {
    Hash128 some = siphash128(key, std::to_string(i));
    std::memcpy(noise.data() + i, &some, 16);
  }
  World w(noise);
  w.find(2);
  w.make(Coding::gzip);
  REQUIRE(w.now()->siblings());
  CHECK_FALSE(w.now()->siblings()->gains());
  CHECK(w.choose("Accept-Encoding: gzip\r\n") == nullptr);
}
