// SPDX-License-Identifier: Apache-2.0
#include "proxy/compress.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

#include "http/h1_parser.h"

using namespace weir;
using namespace weir::proxy;
using http::Coding;
using http::FieldId;
using Body = CodingPlan::Body;

namespace {

struct Asked {
  std::string request = "GET / HTTP/1.1\r\nHost: a\r\n";
  std::string accepts = "gzip, br";
  std::string answer = "HTTP/1.1 200 OK\r\n";
  std::string fields = "Content-Type: text/html; charset=utf-8\r\n";
  std::optional<std::uint64_t> length = 5000;
};

config::CompressDecl rule() {
  config::CompressDecl decl;
  decl.codings = {Coding::br, Coding::gzip};
  decl.min = 1024;
  decl.types = {"text/*", "application/json", "*+xml"};
  return decl;
}

CodingPlan plan(const Asked& asked, const config::CompressDecl& decl = rule()) {
  Arena arena;
  http::RequestHead request;
  http::ResponseHead answer;
  http::H1Parser one;
  http::H1Parser two;
  std::string text = asked.request +
                     (asked.accepts.empty() ? "" : "Accept-Encoding: " + asked.accepts + "\r\n") +
                     "\r\n";
  std::string back = asked.answer + asked.fields + "\r\n";
  REQUIRE(one.parse_request(text, request, arena));
  REQUIRE(two.parse_response(back, http::Method::get, answer, arena));
  return plan_coding(decl, request, answer, asked.length);
}

} // namespace

TEST_CASE("who takes a coding gets it, the one it likes best, else the first of the route") {
  struct Case {
    const char* accepts;
    Body body;
    Coding coding;
  };
  const Case cases[] = {
      {"gzip, br", Body::encode, Coding::br},
      {"br;q=0.5, gzip", Body::encode, Coding::gzip},
      {"gzip;q=0.1", Body::encode, Coding::gzip},
      {"x-gzip", Body::encode, Coding::gzip},
      {"*", Body::encode, Coding::br},
      {"*;q=0.5, br;q=0", Body::encode, Coding::gzip},
      {"identity;q=0, gzip;q=0.001", Body::encode, Coding::gzip},
      {"zstd", Body::varies, Coding::identity},
      {"gzip;q=0", Body::varies, Coding::identity},
      {"identity, gzip;q=0.5", Body::varies, Coding::identity},
      {"", Body::varies, Coding::identity},
      {"identity;q=0, *;q=0", Body::varies, Coding::identity},
  };
  for (const Case& each : cases) {
    CAPTURE(each.accepts);
    CodingPlan got = plan({.accepts = each.accepts});
    CHECK(got.body == each.body);
    CHECK(got.coding == each.coding);
  }
}

TEST_CASE("C16.5 no-transform of either side, and what is not for compression, goes as it is") {
  const std::string html = "Content-Type: text/html\r\n";
  CHECK(plan({.fields = html + "Cache-Control: public, no-transform\r\n"}).body == Body::as_is);
  CHECK(plan({.request = "GET / HTTP/1.1\r\nHost: a\r\nCache-Control: no-transform\r\n"}).body ==
        Body::as_is);
  CHECK(plan({.accepts = "br",
              .fields = html + "Content-Encoding: gzip\r\nCache-Control: no-transform\r\n"})
            .body == Body::as_is);
  CHECK(plan({.fields = "Content-Type: image/png\r\n"}).body == Body::as_is);
  CHECK(plan({.fields = ""}).body == Body::as_is);
  CHECK(plan({.length = 1023}).body == Body::as_is);
  CHECK(plan({.length = 1024}).body == Body::encode);
  CHECK(plan({.length = std::nullopt}).body == Body::encode);
  CHECK(plan({.answer = "HTTP/1.1 204 No Content\r\n"}).body == Body::as_is);
  CHECK(plan({.answer = "HTTP/1.1 304 Not Modified\r\n"}).body == Body::as_is);
  CHECK(plan({.answer = "HTTP/1.1 404 Not Found\r\n"}).body == Body::encode);
  CHECK(plan({.request = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n"}).body == Body::as_is);
  CHECK(plan({.fields = html + "Content-Encoding: gzip, br\r\n"}).body == Body::as_is);
  CHECK(plan({.fields = html + "Content-Encoding: aes128gcm\r\n"}).body == Body::as_is);
  CHECK(plan({}, {}).body == Body::as_is);
}

TEST_CASE("a part is never coded, nor the whole that stands for one; both vary") {
  CHECK(plan({.answer = "HTTP/1.1 206 Partial Content\r\n", .length = 10}).body == Body::varies);
  CHECK(plan({.request = "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n"}).body ==
        Body::varies);
  CHECK(plan({.request = "HEAD / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n"}).body ==
        Body::encode); // Range means nothing there
}

TEST_CASE("what comes coded is decoded for who does not take it, and only then") {
  const std::string gzip = "Content-Type: image/png\r\nContent-Encoding: gzip\r\n";
  struct Case {
    const char* accepts;
    Body body;
  };
  for (const Case& each : std::initializer_list<Case>{{"gzip", Body::varies},
                                                      {"*;q=0.1", Body::varies},
                                                      {"br", Body::decode},
                                                      {"", Body::decode},
                                                      {"gzip;q=0", Body::decode},
                                                      {"br, identity;q=0", Body::varies}}) {
    CAPTURE(each.accepts);
    CHECK(plan({.accepts = each.accepts, .fields = gzip}).body == each.body);
  }
  CHECK(plan({.accepts = "", .answer = "HTTP/1.1 206 Partial Content\r\n", .fields = gzip}).body ==
        Body::varies);
}

TEST_CASE("media types") {
  CHECK(matches_type("text/html", "text/html"));
  CHECK(matches_type("TEXT/Html", "text/html"));
  CHECK(matches_type("text/html", "text/*"));
  CHECK(matches_type("image/svg+xml", "*+xml"));
  CHECK_FALSE(matches_type("text", "text/*"));
  CHECK_FALSE(matches_type("textile/x", "text/*"));
  CHECK_FALSE(matches_type("application/xml", "*+xml"));
  CHECK_FALSE(matches_type("+xml", "*+xml"));
  CHECK_FALSE(matches_type("text/htm", "text/html"));
}

TEST_CASE("C9 a coded answer is a weak equivalent of the plain one") {
  Arena arena;
  CHECK(weaken("\"x\"", arena) == "W/\"x\"");
  CHECK(weaken("W/\"x\"", arena) == "W/\"x\"");
  CHECK(weaken("x", arena) == "x"); // no tag: left alone
  auto knows = [&](std::string_view list, std::string_view tag) {
    http::Fields request;
    request.add(FieldId::if_none_match, list, arena);
    return is_known_weakly(request, tag);
  };
  CHECK(knows("W/\"x\"", "\"x\""));
  CHECK(knows("\"y\", W/\"x\"", "\"x\""));
  CHECK_FALSE(knows("\"x\"", "\"x\""));
  CHECK_FALSE(knows("W/\"x\", \"x\"", "\"x\""));
  CHECK_FALSE(knows("W/\"x\"", "W/\"x\""));
  CHECK_FALSE(knows("*", "\"x\""));
  CHECK_FALSE(knows("W/\"x\"", ""));
}

TEST_CASE("the head of a coded answer says nothing of the octets that were") {
  Arena arena;
  http::Fields fields;
  auto add = [&](FieldId id, std::string_view value) { fields.add(id, value, arena); };
  add(FieldId::content_type, "text/html");
  add(FieldId::content_length, "9");
  add(FieldId::accept_ranges, "bytes");
  add(FieldId::etag, "\"x\"");
  add(FieldId::vary, "Cookie");
  fields.add({"content-md5", "abc", FieldId::other}, arena);
  fields.add({"Repr-Digest", "sha-256=:x:", FieldId::other}, arena);
  edit_coded(fields, {Body::encode, Coding::gzip}, arena);
  CHECK(fields.size() == 5);
  CHECK(fields.value(FieldId::content_encoding) == "gzip");
  CHECK(fields.value(FieldId::etag) == "W/\"x\"");
  CHECK(fields.count(FieldId::vary) == 2);
  CHECK(varies_by_coding(fields));
  edit_coded(fields, {Body::decode, Coding::gzip}, arena);
  CHECK_FALSE(fields.has(FieldId::content_encoding));
  CHECK(fields.count(FieldId::vary) == 2); // not once more
}
