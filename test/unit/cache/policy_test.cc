// SPDX-License-Identifier: Apache-2.0
#include "cache/policy.h"

#include <catch2/catch.hpp>

#include "scene.h"

using namespace weir;
using namespace weir::cache;

namespace {

std::string edited(QueryRule::Kind kind, std::vector<std::string> names, std::string_view target) {
  Arena arena;
  return std::string(key_target(target, {kind, std::move(names)}, arena));
}

struct Judged {
  NoStore why;
  std::int64_t lifetime;
  Freshness fresh;
};

Judged judge(const Policy& policy, Lines response, int status = 200, Lines request = {}) {
  Scene scene(response, status, request);
  Received r = scene.received();
  r.policy = &policy;
  Freshness f = freshness(r);
  return {may_store(r), f.lifetime / seconds(1), f};
}

} // namespace

TEST_CASE("C1.1 the query of a key: all, none, sorted, only some, without some") {
  using Kind = QueryRule::Kind;
  CHECK(edited(Kind::all, {}, "/a?b=2&a=1") == "/a?b=2&a=1");
  CHECK(edited(Kind::none, {}, "/a?b=2&a=1") == "/a");
  CHECK(edited(Kind::none, {}, "/a") == "/a");
  CHECK(edited(Kind::sort, {}, "/a?b=2&a=1&b=1&&a") == "/a?a=1&a&b=2&b=1");
  CHECK(edited(Kind::only, {"a", "id*"}, "/a?z=1&idx=3&a=2") == "/a?a=2&idx=3");
  CHECK(edited(Kind::drop, {"utm_*", "gclid"}, "/a?utm_source=x&q=1&gclid=9&gclidx=2") ==
        "/a?gclidx=2&q=1");
  CHECK(edited(Kind::drop, {"q"}, "/a?q=1") == "/a");
  std::string many = "/a?";
  for (int i = 0; i < 200; ++i) {
    many += "x&";
  }
  CHECK(edited(Kind::drop, {"y"}, many) == many);
}

TEST_CASE("C1.1 cookies, fields and a host of the route make keys of their own") {
  Arena arena;
  const HashKey secret{1, 2};
  Policy policy;
  policy.key_cookies = {"lang"};
  policy.key_headers = {"x-device"};
  policy.key_host = "www.test";
  KeyParts parts{"r", "http", "other.test", 80, "/a"};
  auto key_of = [&](Lines lines) {
    Scene scene({}, 200, lines);
    return std::string(policy.make_key(parts, &scene.request.fields, secret, arena).bytes);
  };
  std::string plain = key_of({});
  CHECK(plain == key_of({"Cookie: other=1"}));
  CHECK(plain != key_of({"Cookie: a=b; lang=de"}));
  CHECK(key_of({"Cookie: lang=de"}) == key_of({"Cookie: x=y;lang=de ; z=1"}));
  CHECK(key_of({"Cookie: lang=de"}) != key_of({"Cookie: lang=fr"}));
  CHECK(plain != key_of({"X-Device: phone"}));
  CHECK(key_of({"X-Device: a", "X-Device: b"}) == key_of({"X-Device: a,b"}));
  // A value cannot pass for another part.
  CHECK(key_of({"Cookie: lang=h:x-device=phone"}) != key_of({"X-Device: phone"}));
  std::string base(policy.make_key(parts, nullptr, secret, arena).bytes);
  // Who has to log in comes first, whatever else there is.
  std::string_view login = "u:staff";
  cache::KeyParts guarded = parts;
  guarded.extra = {&login, 1};
  std::string alone(policy.make_key(guarded, nullptr, secret, arena).bytes);
  CHECK(alone == base + '\0' + "u:staff");
  Scene other({}, 200, {"Cookie: lang=de"});
  std::string both(policy.make_key(guarded, &other.request.fields, secret, arena).bytes);
  CHECK(both.starts_with(alone + '\0' + "c:lang=de"));
  CHECK(key_of({"Cookie: lang=de"}) != both);
  CHECK(plain.starts_with(base + '\0'));
  CHECK(key_host(plain) == "www.test");
}

TEST_CASE("a route's ttl stands where the origin says nothing") {
  Policy policy;
  policy.ttl = seconds(100);
  CHECK(judge(policy, {}).why == NoStore::none);
  CHECK(judge(policy, {}).lifetime == 100);
  CHECK(judge(policy, {"Cache-Control: max-age=5"}).lifetime == 5);
  CHECK(judge(policy, {"Expires: 0"}).why != NoStore::none); // C4.1: invalid is explicit
  CHECK(judge(policy, {}, 500).why == NoStore::status);
  CHECK(judge(policy, {"Cache-Control: no-store"}).why == NoStore::no_store);
  policy.status_ttls = {{400, 499, seconds(7)}, {404, 404, seconds(9)}, {500, 500, seconds(3)}};
  CHECK(judge(policy, {}, 404).lifetime == 9);
  CHECK(judge(policy, {}, 403).lifetime == 7);
  CHECK(judge(policy, {}, 403).why == NoStore::none);
  CHECK(judge(policy, {}, 500).why == NoStore::none);
  CHECK(judge(policy, {"Cache-Control: max-age=1"}, 404).lifetime == 1);
  CHECK(judge(policy, {}, 200).lifetime == 100);
}

TEST_CASE("a route's bounds of the freshness") {
  Policy policy;
  policy.ttl_min = seconds(10);
  policy.ttl_max = seconds(60);
  CHECK(judge(policy, {"Cache-Control: max-age=1"}).lifetime == 10);
  CHECK(judge(policy, {"Cache-Control: max-age=30"}).lifetime == 30);
  CHECK(judge(policy, {"Cache-Control: max-age=99"}).lifetime == 60);
  CHECK(judge(policy, {}).lifetime == 0); // nothing said: nothing to raise (C2.9)
  CHECK(judge(policy, {}).why != NoStore::none);
  CHECK(judge(policy, {"Cache-Control: max-age=1, private"}).why == NoStore::is_private);
}

TEST_CASE("what a route does not obey") {
  Policy policy;
  policy.ttl = seconds(50);
  policy.ignore.freshness = true;
  CHECK(judge(policy, {"Cache-Control: max-age=0"}).lifetime == 50);
  CHECK(judge(policy, {"Cache-Control: s-maxage=1"}).lifetime == 50);
  CHECK(judge(policy, {"Expires: 0"}).lifetime == 50);
  CHECK(judge(policy, {"Cache-Control: s-maxage=1"}).fresh.must_revalidate); // C7.3 still holds
  CHECK(judge(policy, {"Cache-Control: no-store"}).why == NoStore::no_store);
  policy.ignore.no_store = policy.ignore.is_private = policy.ignore.no_cache = true;
  Judged judged = judge(policy, {"Cache-Control: no-store, private, no-cache"});
  CHECK(judged.why == NoStore::none);
  CHECK_FALSE(judged.fresh.no_cache);
  CHECK(judge(policy, {"Vary: *"}).why == NoStore::vary);
  policy.ignore.vary = true;
  CHECK(judge(policy, {"Vary: *"}).why == NoStore::none);
  policy.ignore.must_revalidate = true;
  CHECK_FALSE(judge(policy, {"Cache-Control: must-revalidate"}).fresh.must_revalidate);
  CHECK(judge(policy, {"Set-Cookie: a=b"}, 200).why == NoStore::none); // ttl is explicit
  // C2.7: never for a request with Authorization, whatever is ignored.
  CHECK(judge(policy, {}, 200, {"Authorization: x"}).why == NoStore::authorization);
}

TEST_CASE("C7.4 a route's stale windows, where the origin gives none") {
  Policy policy;
  policy.while_revalidate = seconds(30);
  policy.if_error = seconds(300);
  Judged judged = judge(policy, {"Cache-Control: max-age=1"});
  CHECK(judged.fresh.while_revalidate == seconds(30));
  CHECK(judged.fresh.if_error == seconds(300));
  judged = judge(policy, {"Cache-Control: max-age=1, stale-while-revalidate=2, stale-if-error=3"});
  CHECK(judged.fresh.while_revalidate == seconds(2));
  CHECK(judged.fresh.if_error == seconds(3));
}

TEST_CASE("a route's bounds of size") {
  Policy policy;
  policy.object_min = 10;
  policy.object_max = 20;
  CHECK(policy.takes_size(10));
  CHECK_FALSE(policy.takes_size(9));
  CHECK_FALSE(policy.takes_size(21));
  Scene scene({"Cache-Control: max-age=60"});
  Received r = scene.received();
  r.policy = &policy;
  scene.response.framing = {http::Framing::Kind::length, 21};
  CHECK(may_store(r) == NoStore::size);
  scene.response.framing = {http::Framing::Kind::length, 20};
  CHECK(may_store(r) == NoStore::none);
}

TEST_CASE("tags are the words of the named fields") {
  Scene scene({"Surrogate-Key: a b  c", "Cache-Tag: d,e, a", "X-Other: z"});
  auto tags = read_tags(scene.response.fields, {"surrogate-key", "cache-tag"});
  CHECK(tags == std::vector<std::string>{"a", "b", "c", "d", "e"});
  CHECK(read_tags(scene.response.fields, {}).empty());
}

TEST_CASE("fields are taken out of a stored head") {
  std::string head = "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nDate: x\r\nset-cookie: b\r\nX: y\r\n";
  drop_stored(head, http::FieldId::set_cookie);
  CHECK(head == "HTTP/1.1 200 OK\r\nDate: x\r\nX: y\r\n");
}
