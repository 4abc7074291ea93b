// SPDX-License-Identifier: Apache-2.0
#include "cache/outcome.h"

#include <array>
#include <string>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::cache;
using Kind = Outcome::Kind;

namespace {

std::string line(const Outcome& outcome, std::size_t room = 256) {
  std::string text(room, '\0');
  http::H1Writer out(text.data(), text.size());
  outcome.write(out);
  return std::string(out.bytes()) + (out.ok() ? "" : "!");
}

Outcome of(Kind kind, std::string_view forward = {}) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.forward = forward;
  return outcome;
}

} // namespace

TEST_CASE("C16.2 a hit, with what is left of its freshness") {
  Outcome hit = of(Kind::hit);
  CHECK(line(hit) == "Cache-Status: weir; hit\r\n");
  hit.ttl = std::chrono::milliseconds(30999);
  CHECK(line(hit) == "Cache-Status: weir; hit; ttl=30\r\n");
  hit.kind = Kind::stale;
  hit.ttl = std::chrono::milliseconds(-1);
  CHECK(line(hit) == "Cache-Status: weir; hit; ttl=-1\r\n");
}

TEST_CASE("C16.2 what went on says why and what came back; hit and fwd exclude each other") {
  Outcome miss = of(Kind::miss, fwd::kUriMiss);
  miss.forward_status = 200;
  miss.stored = true;
  CHECK(line(miss) == "Cache-Status: weir; fwd=uri-miss; fwd-status=200; stored\r\n");
  miss.stored = false;
  miss.detail = "no-store";
  CHECK(line(miss) == "Cache-Status: weir; fwd=uri-miss; fwd-status=200; detail=no-store\r\n");
  Outcome collapsed = of(Kind::collapsed, fwd::kStale);
  collapsed.stored = true;
  CHECK(line(collapsed) == "Cache-Status: weir; fwd=stale; stored; collapsed\r\n");
  Outcome stale = of(Kind::stale, fwd::kStale); // after an error
  stale.forward_status = 503;
  CHECK(line(stale) == "Cache-Status: weir; fwd=stale; fwd-status=503\r\n");
}

TEST_CASE("C16.2 nothing for a cache that was not asked") { CHECK(line(of(Kind::none)).empty()); }

TEST_CASE("what does not fit fails whole") {
  Outcome hit = of(Kind::hit);
  CHECK(line(hit, 10) == "!");
  std::string text(300, 'x');
  hit.detail = text;
  CHECK(line(hit, 1000).empty());
}

TEST_CASE("each kind has its word") {
  CHECK(of(Kind::none).word() == "none");
  CHECK(of(Kind::hit).word() == "hit");
  CHECK(of(Kind::stale).word() == "stale");
  CHECK(of(Kind::revalidated).word() == "revalidated");
  CHECK(of(Kind::miss).word() == "miss");
  CHECK(of(Kind::collapsed).word() == "collapsed");
  CHECK(of(Kind::pass).word() == "pass");
}
