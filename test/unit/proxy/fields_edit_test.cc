// SPDX-License-Identifier: Apache-2.0
#include "proxy/fields_edit.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "cache/entry.h"
#include "http/h1_parser.h"

using namespace weir;
using namespace weir::proxy;

namespace {

/// A parsed message and the bytes its views are into.
template <class Head> struct Parsed {
  std::string bytes;
  Arena arena;
  Head head;
};

std::unique_ptr<Parsed<http::RequestHead>> request(const std::string& text) {
  auto made = std::make_unique<Parsed<http::RequestHead>>();
  made->bytes = text + "\r\n";
  http::H1Parser parser;
  auto progress = parser.parse_request(made->bytes, made->head, made->arena);
  INFO(text);
  REQUIRE(progress);
  REQUIRE(progress->complete);
  return made;
}

std::unique_ptr<Parsed<http::ResponseHead>> response(const std::string& text) {
  auto made = std::make_unique<Parsed<http::ResponseHead>>();
  made->bytes = text + "\r\n";
  http::H1Parser parser;
  auto progress = parser.parse_response(made->bytes, http::Method::get, made->head, made->arena);
  INFO(text);
  REQUIRE(progress);
  REQUIRE(progress->complete);
  return made;
}

Forwarding how() {
  Forwarding f;
  f.target = "/p?q";
  f.host = "www.example.com";
  f.via = "edge";
  f.client = *Address::parse("192.0.2.7", 4711);
  return f;
}

std::string forwarded(const http::RequestHead& head, const Forwarding& how) {
  Arena arena;
  return std::string(write_request(head, how, arena));
}

/// What goes out for a GET with these field lines.
std::string sent(const std::string& fields, const Forwarding& f = how()) {
  return forwarded(request("GET /p?q HTTP/1.1\r\nHost: WWW.example.com:80\r\n" + fields)->head, f);
}

bool has(const std::string& head, std::string_view line) {
  return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}
/// Whether a field of this name goes out, whatever its value.
bool names(const std::string& head, std::string_view name) {
  std::string lower;
  for (char c : head) {
    lower += http::lower(c);
  }
  return lower.find("\r\n" + std::string(name) + ":") != std::string::npos;
}
std::size_t times(const std::string& head, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = head.find(what); at != head.npos; at = head.find(what, at + 1)) {
    ++n;
  }
  return n;
}

Ref<cache::Entry> entry(std::string etag, WallTime modified) {
  cache::Meta meta;
  meta.key = "k";
  meta.status = 200;
  meta.head = "HTTP/1.1 200 OK\r\n";
  meta.etag = std::move(etag);
  meta.last_modified = modified;
  if (modified != WallTime{}) { // in a form of its own: it goes on octet for octet
    meta.head += "Last-Modified: Monday, 07-Nov-94 08:49:37 GMT\r\n";
  }
  return cache::Entry::in_memory(meta, {}, {});
}

} // namespace

TEST_CASE("W5.1 W5.2 what belongs to the client's connection is not sent on") {
  std::string head = sent("Connection: keep-alive, X-Mine ,, close\r\n"
                          "Connection: x-other\r\n"
                          "X-Mine: 1\r\nX-OTHER: 2\r\nX-Stays: 3\r\n"
                          "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
                          "TE: trailers\r\nTrailer: X-T\r\nUpgrade: foo\r\n");
  for (const char* gone :
       {"connection", "x-mine", "x-other", "keep-alive", "proxy-connection", "te", "upgrade"}) {
    CAPTURE(gone);
    CHECK_FALSE(names(head, gone));
  }
  CHECK(has(head, "X-Stays: 3"));
  CHECK(head.starts_with("GET /p?q HTTP/1.1\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE("W6.8 an interim head goes on without what belongs to the connection") {
  std::string head = write_interim(
      response("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: x-hop\r\n"
               "X-Hop: 1\r\n")
          ->head);
  CHECK(head == "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n");
}

TEST_CASE("W5.3 W3.7 what weir adds and what frames cannot be nominated away") {
  Forwarding f = how();
  f.reverse = true;
  std::string head =
      forwarded(request("POST / HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 5\r\n"
                        "Connection: via, x-forwarded-for, forwarded, host, content-length\r\n")
                    ->head,
                f);
  CHECK(has(head, "Via: 1.1 edge"));
  CHECK(has(head, "X-Forwarded-For: 192.0.2.7"));
  CHECK(names(head, "forwarded"));
  CHECK(has(head, "Host: www.example.com"));
  CHECK(has(head, "Content-Length: 5"));
}

TEST_CASE("W5.4 an upgrade to h2c does not reach the origin") {
  std::string head = sent("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                          "HTTP2-Settings: AAMAAABkAAQAAP__\r\n");
  CHECK_FALSE(names(head, "upgrade"));
  CHECK_FALSE(names(head, "http2-settings"));
  CHECK_FALSE(names(sent("HTTP2-Settings: AAMAAABkAAQAAP__\r\n"), "http2-settings"));
}

TEST_CASE("W5.4 an upgrade goes on with the client's key, or with weir's") {
  Forwarding f = how();
  f.websocket = true;
  std::string theirs = sent("Upgrade: websocket\r\nSec-WebSocket-Key: theirs\r\n", f);
  CHECK(has(theirs, "Connection: upgrade"));
  CHECK(has(theirs, "Upgrade: websocket"));
  CHECK(has(theirs, "Sec-WebSocket-Key: theirs"));
  f.websocket_key = "ours";
  std::string ours = sent("Sec-WebSocket-Key: theirs\r\nSec-WebSocket-Version: 13\r\n", f);
  CHECK(has(ours, "Sec-WebSocket-Key: ours"));
  CHECK(has(ours, "Sec-WebSocket-Version: 13"));
  CHECK(ours.find("theirs") == std::string::npos);
}

TEST_CASE("W5.4 by an extended CONNECT neither key nor upgrade goes on") {
  Forwarding f = how();
  f.extended_connect = true;
  std::string head =
      sent("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: theirs\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n",
           f);
  CHECK_FALSE(names(head, "upgrade"));
  CHECK_FALSE(names(head, "connection"));
  CHECK_FALSE(names(head, "sec-websocket-key"));
  CHECK(has(head, "Sec-WebSocket-Version: 13"));
  CHECK(has(head, "Sec-WebSocket-Protocol: chat"));
}

TEST_CASE("W5.5 Max-Forwards is counted down") {
  CHECK(has(sent("Max-Forwards: 7\r\n"), "Max-Forwards: 6"));
  CHECK(has(sent("Max-Forwards: 1\r\n"), "Max-Forwards: 0"));
  CHECK_FALSE(names(sent("Max-Forwards: many\r\n"), "max-forwards"));
  CHECK_FALSE(names(sent(""), "max-forwards"));
}

TEST_CASE("W5.6 Via goes behind what is there, with the version received") {
  CHECK(has(sent(""), "Via: 1.1 edge"));
  CHECK(has(sent("Via: 1.0 fred\r\nVia: 1.1 p.example.net (Apache)\r\n"),
            "Via: 1.0 fred, 1.1 p.example.net (Apache), 1.1 edge"));
  auto old = request("GET /p HTTP/1.0\r\nHost: www.example.com\r\n");
  CHECK(has(forwarded(old->head, how()), "Via: 1.0 edge"));
}

TEST_CASE("W5.6 our own pseudonym in Via is a loop, others are not") {
  auto looped = [](const std::string& via) {
    return has_looped(request("GET / HTTP/1.1\r\nHost: a\r\n" + via)->head.fields, "edge");
  };
  CHECK(looped("Via: 1.1 edge\r\n"));
  CHECK(looped("Via: 1.1 EDGE\r\n"));
  CHECK(looped("Via: 1.0 fred, HTTP/1.1 \t edge (weir 1)\r\n"));
  CHECK(looped("Via: 1.0 fred\r\nVia: 1.1 edge\r\n"));
  CHECK_FALSE(looped(""));
  CHECK_FALSE(looped("Via: 1.1 edge2\r\n"));
  CHECK_FALSE(looped("Via: 1.1 fred (edge)\r\n"));
  CHECK_FALSE(looped("Via: edge\r\n"));
  CHECK_FALSE(looped("X-Via: 1.1 edge\r\n"));
}

TEST_CASE("W7.2 an untrusted sender tells the origin nothing about who asks for what") {
  const std::string lies = "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n"
                           "X-Forwarded-Host: evil\r\nForwarded: for=10.0.0.1;host=evil\r\n"
                           "X-Host: evil\r\nX-Original-URL: /evil\r\nX-Rewrite-URL: /evil\r\n";
  SECTION("at a site the truth is written in their place") {
    Forwarding f = how();
    f.reverse = true;
    std::string head = sent(lies, f);
    CHECK(has(head, "X-Forwarded-For: 192.0.2.7"));
    CHECK(has(head, "X-Forwarded-Proto: http"));
    CHECK(has(head, "X-Forwarded-Host: www.example.com"));
    CHECK(has(head, "Forwarded: for=192.0.2.7;host=\"www.example.com\";proto=http"));
    CHECK(head.find("evil") == head.npos);
    CHECK(head.find("10.0.0.1") == head.npos);
  }
  SECTION("W8.6 a forward proxy says nothing at all") {
    std::string head = sent(lies);
    CHECK(head.find("evil") == head.npos);
    CHECK(head.find("10.0.0.1") == head.npos);
    CHECK(head.find("192.0.2.7") == head.npos);
    CHECK(head.find("orwarded") == head.npos);
  }
}

TEST_CASE("X-Forwarded-* and Forwarded of a trusted sender are kept and added to") {
  Forwarding f = how();
  f.reverse = f.trusted = true;
  std::string head = sent("X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 10.0.0.2\r\n"
                          "X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n"
                          "Forwarded: for=198.51.100.1\r\nX-Rewrite-URL: /evil\r\n",
                          f);
  CHECK(has(head, "X-Forwarded-For: 198.51.100.1, 10.0.0.2, 192.0.2.7"));
  CHECK(has(head, "X-Forwarded-Proto: https"));
  CHECK(has(head, "X-Forwarded-Host: shop.example"));
  CHECK(has(head, "Forwarded: for=198.51.100.1, "
                  "for=192.0.2.7;host=\"www.example.com\";proto=http"));
  CHECK_FALSE(names(head, "x-rewrite-url"));
}

TEST_CASE("RFC 7239 §6: an IPv6 client stands in brackets and quotes") {
  Forwarding f = how();
  f.reverse = true;
  f.client = *Address::parse("2001:db8::7", 1);
  std::string head = sent("", f);
  CHECK(has(head, "X-Forwarded-For: 2001:db8::7"));
  CHECK(head.find("Forwarded: for=\"[2001:db8::7]\";host=") != head.npos);
}

TEST_CASE("TE goes on where the origin speaks HTTP/2, and says no more than trailers") {
  const std::string te = "TE: trailers, deflate;q=0.5\r\nConnection: te\r\n";
  CHECK_FALSE(names(sent(te), "te"));
  Forwarding f = how();
  f.trailers = true;
  CHECK(has(sent(te, f), "TE: trailers"));
  CHECK(times(sent(te, f), "TE:") == 1);
  CHECK_FALSE(names(sent("TE: deflate\r\n", f), "te"));
  CHECK_FALSE(names(sent("", f), "te"));
}

TEST_CASE("W4.3 W7.2 Host is the normalised one of the key, once and first") {
  std::string head = sent("");
  CHECK(head.starts_with("GET /p?q HTTP/1.1\r\nHost: www.example.com\r\n"));
  CHECK(times(head, "Host:") == 1);
  auto absolute = request("GET http://Other.example/x HTTP/1.1\r\nHost: evil\r\n");
  CHECK(forwarded(absolute->head, how()).find("evil") == std::string::npos);
}

TEST_CASE("C8.1 a validation carries the stored response's validators, not the client's") {
  const std::string conditions =
      "If-None-Match: \"theirs\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "If-Match: \"theirs\"\r\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "If-Range: \"theirs\"\r\nRange: bytes=0-1\r\n";
  WallTime modified = *parse_http_date("Mon, 07 Nov 1994 08:49:37 GMT", Clock::wall());
  Forwarding f = how();
  SECTION("both validators") {
    auto stale = entry("W/\"ours\"", modified);
    f.validate = stale.get();
    std::string head = sent(conditions, f);
    CHECK(has(head, "If-None-Match: W/\"ours\""));
    CHECK(has(head, "If-Modified-Since: Monday, 07-Nov-94 08:49:37 GMT"));
    CHECK(head.find("theirs") == head.npos);
    CHECK_FALSE(names(head, "range"));
    CHECK_FALSE(names(head, "if-unmodified-since"));
  }
  SECTION("only a tag") {
    auto stale = entry("\"ours\"", WallTime{});
    f.validate = stale.get();
    std::string head = sent(conditions, f);
    CHECK(has(head, "If-None-Match: \"ours\""));
    CHECK_FALSE(names(head, "if-modified-since"));
  }
  SECTION("without a stored response the client's go on") {
    std::string head = sent(conditions);
    CHECK(has(head, "If-None-Match: \"theirs\""));
    CHECK(has(head, "Range: bytes=0-1"));
  }
}

TEST_CASE("W3.10 W5.7 W8.6 framing is written anew; Expect and proxy credentials stay here") {
  auto chunked = request("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n"
                         "Expect: 100-continue\r\nProxy-Authorization: Basic eA==\r\n"
                         "Authorization: Basic eQ==\r\n");
  std::string head = forwarded(chunked->head, how());
  CHECK(has(head, "Transfer-Encoding: chunked"));
  CHECK_FALSE(names(head, "expect"));
  CHECK_FALSE(names(head, "proxy-authorization"));
  CHECK(has(head, "Authorization: Basic eQ=="));
  CHECK_FALSE(names(head, "content-length"));
  CHECK_FALSE(names(sent(""), "content-length")); // W3.6
}

TEST_CASE("W2.2 nothing that could end a line is ever written") {
  SECTION("an own value with CR or LF: there is no head at all") {
    for (const std::string& bad : std::vector<std::string>{"a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rb",
                                                           std::string("a\0b", 3)}) {
      CAPTURE(bad);
      Forwarding f = how();
      f.reverse = true;
      f.host = bad;
      CHECK(forwarded(request("GET / HTTP/1.1\r\nHost: a\r\n")->head, f).empty());
      f = how();
      f.target = bad;
      CHECK(forwarded(request("GET / HTTP/1.1\r\nHost: a\r\n")->head, f).empty());
    }
  }
  SECTION("a stored ETag with a line end cannot split the request") {
    auto stale = entry("\"e\"\r\nX-Evil: 1", WallTime{});
    Forwarding f = how();
    f.validate = stale.get();
    CHECK(sent("", f).empty());
  }
  SECTION("each line of a head is one field that was meant") {
    std::string head = sent("X-A: b\tc \x80\xff\r\nX-Empty:\r\n");
    CHECK(has(head, "X-A: b\tc \x80\xff")); // W2.5
    std::size_t lines = times(head, "\r\n");
    CHECK(times(head, "\r") == lines);
    CHECK(times(head, "\n") == lines);
    CHECK(lines == 6); // request line, Host, X-A, X-Empty, Via, the empty one
  }
}

TEST_CASE("W1.14 a head of many long fields is written whole") {
  std::string fields;
  for (int i = 0; i < 60; ++i) {
    fields += "X-" + std::to_string(i) + ": " + std::string(500, 'v') + "\r\n";
  }
  std::string head = sent(fields);
  CHECK(has(head, "X-0: " + std::string(500, 'v')));
  CHECK(has(head, "X-59: " + std::string(500, 'v')));
  CHECK(has(head, "Via: 1.1 edge"));
}
