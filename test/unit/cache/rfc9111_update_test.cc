// SPDX-License-Identifier: Apache-2.0
//
// CACHE_RULES 2.10, 2.11, 5, 6.8, 8 and 11: stored heads, validation, invalidation.
#include <array>
#include <map>
#include <random>

#include <catch2/catch.hpp>

#include "cache/rfc9111.h"
#include "scene.h"

using namespace weir;
using namespace weir::cache;
using http::FieldId;
using http::Method;

namespace {

std::string head_of(Lines lines, int status = 200) {
  Scene scene(lines, status);
  return write_stored_head(scene.response, at());
}

const std::string kDate = "Date: " + date();

Meta stored_meta(Lines lines, Lines request = {}) {
  Meta meta = make_meta(Scene(lines, 200, request).received(), "key");
  meta.body_size = 5;
  meta.tags = {"t"};
  meta.purge_number = 3;
  return meta;
}

/// The stored head after a 304 with these lines, ten seconds later; "refused".
std::string updated_head(Lines stored, Lines update) {
  Scene scene(update, 304);
  scene.sent = scene.arrived = at(10);
  auto updated = update_from_304(stored_meta(stored), scene.received());
  return updated ? updated->meta.head : "refused";
}

bool has_line(const std::string& head, const std::string& line) {
  return head.find("\r\n" + line + "\r\n") != std::string::npos;
}

} // namespace

TEST_CASE("C2.10 W5.1 what belongs to a connection is not stored") {
  CHECK(head_of({kDate, "Connection: Foo, close", "foo: 1", "FOO: 2", "Bar: 3", "Keep-Alive: x",
                 "Proxy-Connection: keep-alive", "TE: trailers", "Transfer-Encoding: chunked",
                 "Upgrade: h2c", "Trailer: X", "Proxy-Authenticate: Basic",
                 "Proxy-Authentication-Info: x", "Proxy-Authorization: y", "Content-Length: 5",
                 "Age: 10"}) == "HTTP/1.1 200 OK\r\n" + kDate + "\r\nBar: 3\r\n");
}

TEST_CASE("C2.10 fields that the response's Connection names go, over all lines") {
  CHECK(head_of({kDate, "Connection: a", "Connection: , b ,", "A: 1", "B: 2", "C: 3"}) ==
        "HTTP/1.1 200 OK\r\n" + kDate + "\r\nC: 3\r\n");
}

TEST_CASE("C2.11 everything else is kept, order, case and lines too") {
  std::string all = "HTTP/1.1 200 OK\r\n" + kDate +
                    "\r\nset-cookie: a=b\r\nSet-Cookie: c=d\r\nX-ODD: \x80\xff\r\n"
                    "Content-Range: bytes 0-1/9\r\nClear-Site-Data: \"*\"\r\nSet-Cookie2: x\r\n"
                    "Expires: 0\r\nEmpty: \r\n";
  CHECK(head_of({kDate, "set-cookie: a=b", "Set-Cookie: c=d", "X-ODD: \x80\xff",
                 "Content-Range: bytes 0-1/9", "Clear-Site-Data: \"*\"", "Set-Cookie2: x",
                 "Expires: 0", "Empty:"}) == all);
}

TEST_CASE("C5.4 the received Age is never replayed") {
  CHECK_FALSE(has_line(head_of({kDate, "Age: 30"}), "Age: 30"));
}

TEST_CASE("C5.5 Date as received; added only where there is none") {
  CHECK(has_line(head_of({"X: y"}), kDate));
  CHECK(has_line(head_of({"Date: " + date(-500)}), "Date: " + date(-500)));
  CHECK_FALSE(has_line(head_of({"Date: " + date(-500)}), kDate));
  CHECK(has_line(head_of({"Date: whenever"}), "Date: whenever"));
}

TEST_CASE("a reason as received, or the usual one") {
  Scene scene({kDate}, 404);
  CHECK(write_stored_head(scene.response, at()).starts_with("HTTP/1.1 404 Not Found\r\n"));
  scene.response.reason = "Gone fishing";
  CHECK(write_stored_head(scene.response, at()).starts_with("HTTP/1.1 404 Gone fishing\r\n"));
  scene.response.status = 599;
  scene.response.reason = "";
  CHECK(write_stored_head(scene.response, at()).starts_with("HTTP/1.1 599 \r\n"));
}

TEST_CASE("a head that could end a line is not written") {
  Scene scene({kDate});
  scene.response.fields.add({"X", "a\r\nY: b", FieldId::other}, scene.arena);
  CHECK(write_stored_head(scene.response, at()).empty());
}

TEST_CASE("a stored head is read again as it was") {
  std::string head = head_of({kDate, "A: 1", "a: 2", "ETag: \"x\"", "Empty:"}, 404);
  Arena arena;
  http::ResponseHead read;
  REQUIRE(read_stored_head(head, read, arena));
  CHECK(read.status == 404);
  CHECK(read.reason == "Not Found");
  REQUIRE(read.fields.size() == 5);
  CHECK(read.fields[1].name == "A");
  CHECK(read.fields[2].value == "2");
  CHECK(read.fields.value(FieldId::etag) == "\"x\"");
  CHECK(write_stored_head(read, at()) == head);
  CHECK(stored_value(head, FieldId::etag) == "\"x\"");
  CHECK(stored_value(head, FieldId::vary).empty());
}

TEST_CASE("a damaged head is noticed") {
  Arena arena;
  http::ResponseHead read;
  for (std::string_view bad :
       {"", "HTTP/1.1 200 OK", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 20\r\n", "HTTP/1.1 200 OK\r\nA: b",
        "HTTP/1.1 200 OK\r\nnothing\r\n", "HTTP/1.1 200 OK\r\n: b\r\n", "\r\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_stored_head(bad, read, arena));
  }
  std::string head = head_of({kDate, "A: 1", "ETag: \"x\""});
  std::mt19937 random(5);
  for (int round = 0; round < 3000; ++round) {
    std::string odd = head;
    odd.resize(random() % (odd.size() + 1));
    for (auto n = random() % 4; n > 0 && !odd.empty(); --n) {
      odd[random() % odd.size()] = static_cast<char>(random());
    }
    http::ResponseHead any;
    read_stored_head(odd, any, arena); // must not run over its end
    stored_value(odd, FieldId::etag);
  }
}

TEST_CASE("what a Meta holds") {
  Scene scene({"Date: " + date(-5), "ETag: W/\"x\"", "Last-Modified: " + date(-500),
               "Vary: Foo, Accept-Language", "Cache-Control: max-age=60, stale-if-error=7",
               "Content-Length: 99"},
              203, {"foo: 1", "Accept-Language: en"});
  Meta meta = make_meta(scene.received(), "the key");
  CHECK(meta.key == "the key");
  CHECK(meta.status == 203);
  CHECK(meta.vary == "accept-language,foo");
  CHECK(meta.selecting == "~en\n=1\n");
  CHECK(meta.date == at(-5));
  CHECK(meta.etag == "W/\"x\"");
  CHECK(meta.last_modified == at(-500));
  CHECK(meta.freshness == scene.fresh());
  CHECK(meta.freshness.if_error == seconds(7));
  CHECK(meta.has_validator());
  CHECK_FALSE(has_line(meta.head, "Content-Length: 99"));
}

TEST_CASE("a Last-Modified at the epoch is a validator") {
  std::string epoch = "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT";
  Meta meta = stored_meta({epoch});
  CHECK(meta.has_validator());
  CHECK("Last-Modified: " + format_http_date(meta.last_modified) == epoch);
  CHECK_FALSE(stored_meta({"Last-Modified: once"}).has_validator());
}

TEST_CASE("C8.1 the stored validators, octet for octet, in place of the client's conditions") {
  Scene scene({}, 200,
              {"Accept: x", "If-None-Match: \"client\"", "If-Modified-Since: " + date(),
               "If-Match: *", "If-Unmodified-Since: " + date(), "If-Range: \"r\"",
               "Range: bytes=1-2", "Cookie: c"});
  std::array<std::string_view, 1> tags{"W/\"x\""};
  make_conditional(scene.request.fields, tags, "sunday, 06-NOV-94 08:49:37 GMT", scene.arena);
  REQUIRE(scene.request.fields.size() == 4);
  CHECK(scene.request.fields[0].name == "Accept");
  CHECK(scene.request.fields[1].name == "Cookie");
  CHECK(scene.request.fields[2].name == "If-None-Match");
  CHECK(scene.request.fields[2].value == "W/\"x\"");
  CHECK(scene.request.fields[3].name == "If-Modified-Since");
  CHECK(scene.request.fields[3].value == "sunday, 06-NOV-94 08:49:37 GMT");
}

TEST_CASE("C8.1 one validator alone, or none") {
  Scene scene({}, 200, {"If-None-Match: \"client\""});
  make_conditional(scene.request.fields, {}, date(), scene.arena);
  REQUIRE(scene.request.fields.size() == 1);
  CHECK(scene.request.fields[0].id == FieldId::if_modified_since);
  make_conditional(scene.request.fields, {}, {}, scene.arena);
  CHECK(scene.request.fields.empty());
}

TEST_CASE("C6.7 C6.8 the tags of all variants; the request's own fields stay") {
  Scene scene({}, 200, {"Accept-Language: fr"});
  std::array<std::string_view, 3> tags{"\"a\"", "", "W/\"b,c\""};
  make_conditional(scene.request.fields, tags, {}, scene.arena);
  CHECK(scene.request.fields.value(FieldId::if_none_match) == "\"a\", W/\"b,c\"");
  CHECK(scene.request.fields.value(FieldId::accept_language) == "fr");
}

TEST_CASE("C8.4 each field of the 304 replaces, what it omits stays") {
  std::string head = updated_head(
      {"Date: " + date(), "ETag: \"a\"", "Cache-Control: max-age=1", "X-Keep: 1", "X-Old: 1",
       "x-old: 2", "Set-Cookie: a=1", "Set-Cookie: b=1", "Content-Type: text/plain"},
      {"Date: " + date(10), "ETag: \"a\"", "Cache-Control: max-age=600", "X-OLD: 3", "X-New: 4",
       "Set-Cookie: c=2", "Content-Security-Policy: x", "Content-Type: text/html"});
  CHECK(head == "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nX-Keep: 1\r\nDate: " + date(10) +
                    "\r\nCache-Control: max-age=600\r\nX-OLD: 3\r\nX-New: 4\r\nSet-Cookie: c=2\r\n"
                    "Content-Security-Policy: x\r\nContent-Type: text/html\r\n");
}

TEST_CASE("C8.4 but never Content-Length, nor what belongs to the connection") {
  std::string head = updated_head({kDate, "ETag: \"a\"", "Content-Encoding: gzip", "Foo: 1"},
                                  {"Content-Length: 0", "Connection: foo", "Foo: 2",
                                   "Keep-Alive: x", "Transfer-Encoding: chunked",
                                   "Proxy-Authenticate: Basic", "Content-Encoding: br", "Age: 5"});
  CHECK(head == "HTTP/1.1 200 OK\r\nDate: " + date(10) +
                    "\r\nETag: \"a\"\r\nContent-Encoding: gzip\r\nFoo: 1\r\n");
}

TEST_CASE("C8.4 freshness and age begin anew") {
  Scene scene({"Date: " + date(8), "Age: 4", "Cache-Control: max-age=600"}, 304);
  scene.sent = scene.arrived = at(10);
  Meta old = stored_meta({kDate, "Age: 500", "ETag: \"a\"", "Cache-Control: max-age=1"});
  auto updated = update_from_304(old, scene.received());
  REQUIRE(updated);
  const Meta& meta = updated->meta;
  CHECK(updated->why == NoStore::none);
  CHECK(meta.freshness.lifetime == seconds(600));
  CHECK(meta.freshness.initial_age == seconds(4));
  CHECK(meta.freshness.response_time == at(10));
  CHECK(meta.date == at(8));
  CHECK(meta.etag == "\"a\"");
  CHECK(meta.key == old.key);
  CHECK(meta.status == 200);
  CHECK(meta.body_size == 5);
  CHECK(meta.tags == old.tags);
  CHECK(meta.purge_number == 3);
}

TEST_CASE("C8.4 a 304 without a Date was made now") {
  Scene scene({}, 304);
  scene.sent = scene.arrived = at(100);
  auto updated = update_from_304(stored_meta({kDate, "ETag: \"a\"", "Cache-Control: max-age=60"}),
                                 scene.received());
  REQUIRE(updated);
  CHECK(updated->meta.freshness.initial_age == Duration::zero());
  CHECK(has_line(updated->meta.head, "Date: " + date(100)));
}

TEST_CASE("C8.4 a 304 that withdraws the leave to store") {
  Scene scene({"Cache-Control: no-store"}, 304);
  auto updated = update_from_304(stored_meta({kDate, "ETag: \"a\"", "Cache-Control: max-age=60"}),
                                 scene.received());
  REQUIRE(updated);
  CHECK(updated->why == NoStore::no_store);
}

TEST_CASE("C6.7 the updated response is filed under the values of the request that asked") {
  Scene scene({"ETag: \"a\""}, 304, {"Foo: 2"});
  auto updated = update_from_304(stored_meta({kDate, "ETag: \"a\"", "Vary: Foo"}, {"Foo: 1"}),
                                 scene.received());
  REQUIRE(updated);
  CHECK(updated->meta.selecting == "=2\n");
}

TEST_CASE("C8.6 a 304 with a tag of something else updates nothing") {
  struct Case {
    std::string_view stored, sent;
    bool same;
  };
  for (const Case& c :
       {Case{"\"a\"", "\"a\"", true}, Case{"\"a\"", "\"b\"", false},
        Case{"W/\"a\"", "W/\"a\"", true}, Case{"W/\"a\"", "W/\"b\"", false},
        Case{"W/\"a\"", "\"a\"", true}, Case{"\"a\"", "W/\"a\"", true}, Case{"\"a\"", "", true},
        Case{"", "\"a\"", false}, Case{"", "W/\"a\"", true}, Case{"odd", "odd", true},
        Case{"odd", "other", false}, Case{"\"A\"", "\"a\"", false}}) {
    CAPTURE(c.stored, c.sent);
    Scene scene({"ETag: " + std::string(c.sent)}, 304);
    Meta old = stored_meta({kDate, "ETag: " + std::string(c.stored), "Last-Modified: " + date(-9)});
    auto updated = update_from_304(old, scene.received());
    CHECK(updated.has_value() == c.same);
    if (!updated) {
      CHECK(updated.error().code == Code::malformed);
    } else if (!c.stored.empty()) {
      CHECK(updated->meta.etag == c.stored); // its strength is that of the stored octets
    }
  }
}

TEST_CASE("C8.4 a stored head that is damaged is not updated") {
  Meta old = stored_meta({kDate, "ETag: \"a\""});
  old.head.pop_back();
  auto updated = update_from_304(old, Scene({}, 304).received());
  REQUIRE_FALSE(updated);
  CHECK(updated.error().code == Code::corrupt);
}

TEST_CASE("C8.4 a head does not grow without end by 304s") {
  Meta meta = stored_meta({kDate, "ETag: \"a\"", "Cache-Control: max-age=60"});
  int updates = 0;
  for (; updates < 100; ++updates) {
    Scene scene({"X-" + std::to_string(updates) + ": " + std::string(10'000, 'x')}, 304);
    auto updated = update_from_304(meta, scene.received());
    if (!updated) {
      CHECK(updated.error().code == Code::malformed);
      break;
    }
    meta = updated->meta;
  }
  CHECK(updates > 5);
  CHECK(updates < 20);
}

TEST_CASE("a stored head may have more fields than a parser takes") {
  Scene scene;
  for (int i = 0; i < 1000; ++i) {
    scene.answers({"X-" + std::to_string(i) + ": y"});
  }
  std::string head = write_stored_head(scene.response, at());
  Arena arena;
  http::ResponseHead read;
  REQUIRE(read_stored_head(head, read, arena));
  CHECK(read.fields.size() == 1001);
}

TEST_CASE("C11.1 C11.3 unsafe and unknown methods invalidate, unless they failed") {
  for (Method method : {Method::post, Method::put, Method::delete_, Method::patch, Method::other}) {
    for (int status : {200, 201, 204, 299, 301, 303, 399}) {
      CHECK(invalidates(method, status));
    }
    for (int status : {100, 199, 400, 404, 405, 500, 503, 599}) {
      CHECK_FALSE(invalidates(method, status));
    }
  }
  for (Method method :
       {Method::get, Method::head, Method::options, Method::trace, Method::connect}) {
    CHECK_FALSE(invalidates(method, 200));
  }
}

TEST_CASE("C11.2 Location and Content-Location of the same origin go too, others never") {
  auto targets = [](std::string_view location, std::string_view content_location,
                    std::uint16_t port = 0) {
    Arena arena;
    http::Target request;
    request.host = "example.com";
    request.has_port = port != 0;
    request.port = port;
    request.path = "/dir/a";
    request.path_query = "/dir/a?q";
    request.query = "q";
    request.has_query = true;
    auto found = invalidated(request, http::Scheme::http, location, content_location, arena);
    std::string all;
    for (std::size_t i = 0; i < found.count; ++i) {
      all += std::string(found.targets[i]) + " ";
    }
    return all;
  };
  CHECK(targets("", "") == "/dir/a?q ");
  CHECK(targets("/b", "") == "/dir/a?q /b ");
  CHECK(targets("b?x=1", "../c") == "/dir/a?q /dir/b?x=1 /c ");
  CHECK(targets("/b", "/b") == "/dir/a?q /b ");
  CHECK(targets("http://example.com/b", "//EXAMPLE.com:80/c") == "/dir/a?q /b /c ");
  CHECK(targets("/b#frag", "") == "/dir/a?q /b ");
  CHECK(targets("http://example.org/b", "https://example.com/b") == "/dir/a?q ");
  CHECK(targets("http://example.com:8080/b", "") == "/dir/a?q ");
  CHECK(targets("http://example.com:8080/b", "http://example.com/c", 8080) == "/dir/a?q /b ");
  CHECK(targets("http://example.com.evil/b", "http://evil@example.com/b") == "/dir/a?q ");
  CHECK(targets("http://[bad/b", "ftp://example.com/b") == "/dir/a?q ");
}
