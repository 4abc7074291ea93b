// SPDX-License-Identifier: Apache-2.0
#include "proxy/coded_body.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>

using namespace weir;
using namespace weir::proxy;
using http::Coding;
using Body = CodingPlan::Body;

namespace {

constexpr Coding kAll[] = {Coding::gzip, Coding::br, Coding::zstd};

/// Octets that compress: words in some order; or do not.
std::string text_of(std::size_t size, bool random = false) {
  std::mt19937 dice(7);
  std::string out;
  while (out.size() < size) {
    out += random ? std::string(1, static_cast<char>(dice()))
                  : "word" + std::to_string(dice() % 900) + " ";
  }
  out.resize(size);
  return out;
}

/// A source that gives pieces, and between them says blocked as often as it is told to.
struct Feed {
  std::string bytes;
  std::size_t piece = SIZE_MAX;
  std::size_t at = 0;
  std::size_t stop = SIZE_MAX; // blocked from there on
  Pull last = Pull::end;
  std::size_t asked = 0;

  Pull operator()(OutQueue& out, std::size_t room) {
    ++asked;
    std::size_t n = std::min({room, piece, bytes.size() - at, stop - at});
    if (n > 0) {
      out.push(Slice(std::string_view(bytes).substr(at, n)));
      at += n;
    }
    return at == stop ? Pull::blocked : at == bytes.size() ? last : Pull::more;
  }
};

struct World {
  weir::event::Loop loop;
  CodingTurns turns{loop};
  std::size_t turns_taken = 0;
  Pull last = Pull::more;

  /// Pulls until it ends, fails, or waits for the source.
  std::string drain(CodedBody& body, Feed& feed, std::size_t room = SIZE_MAX) {
    std::string all;
    while (true) {
      OutQueue out;
      last = body.pull(out, room, [&](OutQueue& in, std::size_t most) { return feed(in, most); });
      REQUIRE(out.bytes() <= room);
      while (!out.empty()) {
        all += out.pop().view();
      }
      if (last == Pull::end || last == Pull::failed) {
        return all;
      }
      if (last == Pull::blocked) {
        if (!body.wants_turn()) {
          return all;
        }
        loop.turn(false);
        ++turns_taken;
      }
    }
  }
};

std::string decoded(Coding coding, std::string_view in) {
  auto decoder = http::make_decoder(coding, {.free_bytes = 1 << 30, .ratio = 1});
  std::string out(64 << 10, '\0');
  std::string all;
  while (true) {
    auto step = decoder->decode(in, out);
    REQUIRE(step);
    all.append(out, 0, step->made);
    in.remove_prefix(step->taken);
    if (in.empty() && step->made < out.size()) {
      return all;
    }
  }
}

std::string encoded(Coding coding, const std::string& text) {
  World world;
  CodedBody body(world.turns, {Body::encode, coding}, text.size());
  Feed feed{text};
  return world.drain(body, feed);
}

} // namespace

TEST_CASE("a body comes through each coding whole, whatever the pieces and the room") {
  for (Coding coding : kAll) {
    for (std::size_t size : {std::size_t{1}, std::size_t{5000}, std::size_t{700'000}}) {
      for (bool random : {false, true}) {
        std::string text = text_of(size, random);
        for (auto [piece, room] :
             {std::pair(SIZE_MAX, SIZE_MAX), std::pair(std::size_t{997}, std::size_t{16'384}),
              std::pair(SIZE_MAX, std::size_t{61})}) {
          CAPTURE(http::name(coding), size, random, piece, room);
          World world;
          CodedBody body(world.turns, {Body::encode, coding}, {});
          Feed feed{text, piece};
          std::string coded = world.drain(body, feed, room);
          CHECK(world.last == Pull::end);
          CHECK(decoded(coding, coded) == text);
          CHECK((random || size < 5000 || coded.size() < size / 2));

          World other;
          CodedBody back(other.turns, {Body::decode, coding}, {});
          Feed again{coded, piece};
          CHECK(other.drain(back, again, room) == text);
          CHECK(other.last == Pull::end);
        }
      }
    }
  }
}

TEST_CASE("a worker codes a bounded number of octets a turn, and a body less") {
  World world;
  std::string text = text_of(1 << 20);
  CodedBody body(world.turns, {Body::encode, Coding::gzip}, text.size());
  Feed feed{text};
  OutQueue out;
  auto source = [&](OutQueue& in, std::size_t most) { return feed(in, most); };
  CHECK(body.pull(out, SIZE_MAX, source) == Pull::blocked);
  CHECK(body.wants_turn());
  CHECK(feed.at <= 2 * CodedBody::kMostBytes);
  std::size_t at = feed.at;
  CHECK(body.pull(out, SIZE_MAX, source) == Pull::blocked); // the same turn
  CHECK(feed.at == at);
  CHECK(body.wants_turn());
  std::vector<std::unique_ptr<CodedBody>> others;
  std::size_t sum = 0;
  for (int i = 0; i < 20; ++i) {
    Feed own{text};
    OutQueue some;
    others.push_back(
        std::make_unique<CodedBody>(world.turns, CodingPlan{Body::encode, Coding::zstd}, 1 << 20));
    others.back()->pull(some, SIZE_MAX,
                        [&](OutQueue& in, std::size_t most) { return own(in, most); });
    sum += some.bytes();
  }
  CHECK(world.turns.left() == 0);
  CHECK(sum < CodingTurns::kMostBytes);
  others.clear();
  CHECK_FALSE(world.turns.full());
}

TEST_CASE("what a slow source has sent goes out when nothing follows for a turn") {
  for (Coding coding : kAll) {
    CAPTURE(http::name(coding));
    World world;
    CodedBody body(world.turns, {Body::encode, coding}, {});
    Feed feed{"data: one\n\ndata: two\n\n", SIZE_MAX, 0, 11};
    std::string first = world.drain(body, feed);
    CHECK(world.last == Pull::blocked);
    CHECK(world.turns_taken == 1);
    CHECK(decoded(coding, first) == "data: one\n\n");
    CHECK(world.drain(body, feed).empty()); // nothing to flush
    feed.stop = SIZE_MAX;
    std::string rest = world.drain(body, feed);
    CHECK(world.last == Pull::end);
    CHECK(decoded(coding, first + rest) == feed.bytes);
  }
}

TEST_CASE("a source that goes on within a turn is not flushed") {
  World world;
  std::string text = text_of(200'000);
  std::size_t whole = encoded(Coding::gzip, text).size();
  CodedBody body(world.turns, {Body::encode, Coding::gzip}, {});
  Feed feed{text, 1000, 0, 1000};
  std::size_t coded = 0;
  Pull got = Pull::more;
  while (got != Pull::end) {
    OutQueue out;
    got = body.pull(out, SIZE_MAX, [&](OutQueue& in, std::size_t most) { return feed(in, most); });
    coded += out.bytes();
    feed.stop = feed.stop == feed.at ? feed.at + 1000 : feed.stop;
    if (feed.stop > text.size()) {
      feed.stop = SIZE_MAX;
    }
    if (body.wants_turn()) {
      world.loop.turn(false);
    }
  }
  CHECK(coded == whole);
}

TEST_CASE("a source that fails is a body that fails: no end is made up") {
  for (Coding coding : kAll) {
    World world;
    CodedBody body(world.turns, {Body::encode, coding}, {});
    Feed feed{text_of(5000)};
    feed.last = Pull::failed;
    world.drain(body, feed);
    CHECK(world.last == Pull::failed);
    CHECK(body.error() == Code::none); // the source knows
  }
}

TEST_CASE("a coded body that is cut, damaged or a bomb is an error") {
  for (Coding coding : kAll) {
    CAPTURE(http::name(coding));
    std::string coded = encoded(coding, text_of(50'000));
    auto outcome = [&](std::string bytes) {
      World world;
      CodedBody body(world.turns, {Body::decode, coding}, {});
      Feed feed{std::move(bytes)};
      std::string out = world.drain(body, feed);
      CHECK(world.last == Pull::failed);
      CHECK(body.error() == Code::bad_coding);
      return out.size();
    };
    outcome(coded.substr(0, coded.size() - 1));
    outcome(coded.substr(0, 100));
    outcome("not coded at all");
    std::string bomb = encoded(coding, std::string(64 << 20, '\0'));
    if (bomb.size() * 200 < (64U << 20) - (1U << 20)) { // gzip reaches 1000 times
      CHECK(outcome(bomb) < (32U << 20));
    }
  }
  World world;
  CodedBody empty(world.turns, {Body::decode, Coding::gzip}, {});
  Feed nothing{""};
  CHECK(world.drain(empty, nothing).empty());
  CHECK(world.last == Pull::end);
}

TEST_CASE("not more than so many bodies a worker") {
  World world;
  std::vector<std::unique_ptr<CodedBody>> bodies;
  while (!world.turns.full()) {
    bodies.push_back(
        std::make_unique<CodedBody>(world.turns, CodingPlan{Body::decode, Coding::gzip}, 10));
  }
  CHECK(bodies.size() == CodingTurns::kMostBodies);
  bodies.pop_back();
  CHECK_FALSE(world.turns.full());
}
