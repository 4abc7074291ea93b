// SPDX-License-Identifier: Apache-2.0
//
// CACHE_RULES 1, 2 and 4: what may be stored.
#include <vector>

#include <catch2/catch.hpp>

#include "cache/rfc9111.h"
#include "http/h1_parser.h"
#include "scene.h"

using namespace weir;
using namespace weir::cache;
using http::Method;

namespace {

NoStore verdict(Lines response, int status = 200, Lines request = {}) {
  return Scene(response, status, request).verdict();
}

constexpr std::string_view kFresh = "Cache-Control: max-age=3600";

} // namespace

TEST_CASE("C1.2 only answers to GET are stored") {
  Scene scene({kFresh});
  CHECK(scene.verdict() == NoStore::none);
  for (Method method : {Method::head, Method::post, Method::put, Method::delete_, Method::options,
                        Method::patch, Method::trace, Method::purge, Method::connect}) {
    scene.request.method = method;
    CHECK(scene.verdict() == NoStore::method);
  }
}

TEST_CASE("C1.4 an answer to an unknown method is not stored") {
  Scene scene({kFresh});
  scene.request.method = Method::other;
  CHECK(scene.verdict() == NoStore::method);
}

TEST_CASE("C1.5 only final responses are stored") {
  for (int status : {100, 101, 102, 103, 199}) {
    CHECK(verdict({kFresh}, status) == NoStore::status);
  }
}

TEST_CASE("W7.2 a GET with a body is not stored") {
  Scene scene({kFresh});
  scene.request.framing = {http::Framing::Kind::length, 3};
  CHECK(scene.verdict() == NoStore::request_body);
  scene.request.framing = {http::Framing::Kind::length, 0};
  CHECK(scene.verdict() == NoStore::none);
}

TEST_CASE("C2.1 no-store in response or request, in any letter case") {
  CHECK(verdict({"Cache-Control: no-store, max-age=3600"}) == NoStore::no_store);
  CHECK(verdict({kFresh, "cache-control: NO-Store"}) == NoStore::no_store);
  CHECK(verdict({"Cache-Control: max-age=3600,, no-store"}) == NoStore::no_store);
  CHECK(verdict({"Cache-Control: no-store=x, max-age=3600"}) == NoStore::no_store);
  CHECK(verdict({kFresh}, 200, {"Cache-Control: No-Store"}) == NoStore::request_no_store);
  CHECK(verdict({"Cache-Control: max-age=3600, x=\"no-store\""}) == NoStore::none);
  CHECK(verdict({"Cache-Control: max-age=3600, no-stores"}) == NoStore::none);
}

TEST_CASE("C13 a switch ignores the no-store of a request") {
  Scene scene({kFresh}, 200, {"Cache-Control: no-store"});
  scene.ignore_directives = true;
  CHECK(scene.verdict() == NoStore::none);
}

TEST_CASE("C2.2 private, whole or for some fields") {
  CHECK(verdict({"Cache-Control: private, max-age=3600"}) == NoStore::is_private);
  CHECK(verdict({"Cache-Control: max-age=3600, PRIVATE"}) == NoStore::is_private);
  CHECK(verdict({"Cache-Control: max-age=3600, private=\"set-cookie, x\""}) == NoStore::is_private);
  CHECK(verdict({"Cache-Control: public, private, s-maxage=3600"}) == NoStore::is_private);
}

TEST_CASE("C2.3 must-understand goes by the status, and then no-store does not count") {
  CHECK(verdict({"Cache-Control: must-understand, no-store, max-age=9"}) == NoStore::none);
  CHECK(verdict({"Cache-Control: must-understand, max-age=9"}, 302) == NoStore::none);
  CHECK(verdict({"Cache-Control: must-understand, no-store, max-age=9"}, 599) ==
        NoStore::must_understand);
  CHECK(verdict({"Cache-Control: must-understand, max-age=9"}, 299) == NoStore::must_understand);
  CHECK(verdict({"Cache-Control: must-understand, private, max-age=9"}) == NoStore::is_private);
}

TEST_CASE("C2.4 explicit freshness makes any status storable") {
  for (int status :
       {200, 201, 202, 203, 204, 205, 299, 300, 301, 302, 303, 307, 308, 399, 400, 401, 403,
        404, 405, 410, 412, 414, 416, 418, 429, 499, 500, 501, 502, 503, 504, 505, 599}) {
    CAPTURE(status);
    CHECK(verdict({kFresh}, status) == NoStore::none);
    CHECK(verdict({"Cache-Control: s-maxage=9"}, status) == NoStore::none);
    CHECK(verdict({"Date: " + date(), "Expires: " + date(9)}, status) == NoStore::none);
  }
}

TEST_CASE("C2.4 206 and 304 are not stored as wholes") {
  CHECK(verdict({kFresh, "Content-Range: bytes 0-1/9"}, 206) == NoStore::partial);
  CHECK(verdict({kFresh, "ETag: \"a\""}, 304, {"If-None-Match: \"a\""}) == NoStore::not_modified);
}

TEST_CASE("C2.5 without explicit freshness only some statuses, or public") {
  std::string modified = "Last-Modified: " + date(-100000);
  for (int status : {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}) {
    CAPTURE(status);
    CHECK(verdict({modified}, status) == NoStore::none);
  }
  for (int status :
       {201, 202, 205, 299, 302, 303, 307, 400, 401, 403, 413, 431, 499, 500, 502, 503, 504, 599}) {
    CAPTURE(status);
    CHECK(verdict({modified}, status) == NoStore::status);
    CHECK(verdict({modified, "ETag: \"a\""}, status) == NoStore::status);
    CHECK(verdict({modified, "Cache-Control: public"}, status) == NoStore::none);
  }
}

TEST_CASE("C2.6 what is stale on arrival is kept for validation, but never an error") {
  CHECK(verdict({"Cache-Control: max-age=0", "ETag: \"a\""}) == NoStore::none);
  CHECK(verdict({"Cache-Control: max-age=0", "Last-Modified: " + date(-9)}) == NoStore::none);
  CHECK(verdict({"Cache-Control: max-age=5", "Age: 5", "ETag: \"a\""}, 301) == NoStore::none);
  CHECK(verdict({"Cache-Control: max-age=0"}) == NoStore::expired);
  CHECK(verdict({"Cache-Control: max-age=0", "Last-Modified: yesterday"}) == NoStore::expired);
  CHECK(verdict({"Cache-Control: max-age=0", "ETag: \"a\""}, 503) == NoStore::expired);
  CHECK(verdict({"Cache-Control: max-age=0", "ETag: \"a\""}, 404) == NoStore::expired);
  CHECK(verdict({"Cache-Control: max-age=5", "Age: 9", "ETag: \"a\""}, 500) == NoStore::expired);
  CHECK(verdict({"Cache-Control: max-age=0, stale-if-error=60"}, 503) == NoStore::expired);
}

TEST_CASE("C2.6 stale on arrival with leave to be used stale is kept") {
  CHECK(verdict({"Cache-Control: max-age=0, stale-while-revalidate=60"}) == NoStore::none);
  CHECK(verdict({"Cache-Control: max-age=0, stale-if-error=60"}) == NoStore::none);
  CHECK(verdict({"Cache-Control: max-age=0, stale-if-error=60", "Age: 60"}) == NoStore::expired);
  CHECK(verdict({"Cache-Control: max-age=0, stale-if-error=60, must-revalidate"}) ==
        NoStore::expired);
}

TEST_CASE(
    "C2.7 W7.4 an authorised answer is stored with public, s-maxage or must-revalidate only") {
  auto authorised = [](std::string_view control) {
    return verdict({control}, 200, {"Authorization: Basic eDp5"});
  };
  CHECK(authorised("Cache-Control: max-age=60") == NoStore::authorization);
  CHECK(authorised("Cache-Control: max-age=60, proxy-revalidate") == NoStore::authorization);
  CHECK(authorised("Cache-Control: max-age=60, public=1") == NoStore::authorization);
  CHECK(authorised("Cache-Control: max-age=60, s-maxage=abc") == NoStore::authorization);
  CHECK(authorised("Cache-Control: max-age=60, public") == NoStore::none);
  CHECK(authorised("Cache-Control: s-maxage=60") == NoStore::none);
  CHECK(authorised("Cache-Control: max-age=60, must-revalidate") == NoStore::none);
  CHECK(verdict({kFresh}, 200, {"authorization:"}) == NoStore::authorization);
}

TEST_CASE("C2.7 and is reused only then") {
  Scene asker({}, 200, {"Authorization: Basic eDp5"});
  CHECK_FALSE(may_share_with(Scene({kFresh}).fresh(), asker.request.fields));
  CHECK_FALSE(may_share_with(Scene({"Cache-Control: max-age=9, proxy-revalidate"}).fresh(),
                             asker.request.fields));
  CHECK(may_share_with(Scene({"Cache-Control: public, max-age=9"}).fresh(), asker.request.fields));
  CHECK(may_share_with(Scene({kFresh}).fresh(), Scene().request.fields));
}

TEST_CASE("C2.8 W7.6 Set-Cookie needs explicit freshness") {
  std::string modified = "Last-Modified: " + date(-100000);
  CHECK(verdict({kFresh, "Set-Cookie: a=b"}) == NoStore::none);
  CHECK(verdict({"Expires: " + date(9), "Set-Cookie: a=b"}) == NoStore::none);
  CHECK(verdict({modified, "Set-Cookie: a=b"}) == NoStore::set_cookie);
  CHECK(verdict({modified, "Cache-Control: public", "Set-Cookie: a=b"}) == NoStore::set_cookie);
  CHECK(verdict({"ETag: \"a\"", "Set-Cookie: a=b"}) == NoStore::set_cookie);
  CHECK(verdict({kFresh}, 200, {"Cookie: a=b"}) == NoStore::none);
}

TEST_CASE("C2.8 a switch refuses Set-Cookie altogether") {
  Scene scene({kFresh, "Set-Cookie: a=b"});
  scene.refuse_set_cookie = true;
  CHECK(scene.verdict() == NoStore::set_cookie);
}

TEST_CASE("C2.9 nothing said and nothing to validate with: not stored") {
  CHECK(verdict({}) == NoStore::no_freshness);
  CHECK(verdict({"Content-Type: text/plain"}, 301) == NoStore::no_freshness);
  CHECK(verdict({"Cache-Control: public"}) == NoStore::no_freshness);
  CHECK(verdict({"Last-Modified: nonsense"}) == NoStore::no_freshness);
  CHECK(verdict({"ETag:"}) == NoStore::no_freshness);
  CHECK(verdict({"ETag: \"a\""}) == NoStore::none);
}

TEST_CASE("C2.12 no-cache with field names counts as no-cache") {
  CHECK(Scene({"Cache-Control: no-cache=\"a\", max-age=60", "ETag: \"a\""}).fresh().no_cache);
}

TEST_CASE("C2.14 W3 a body in a coding that is not understood is not stored") {
  CHECK(verdict({kFresh, "Transfer-Encoding: chunked"}) == NoStore::none);
  CHECK(verdict({kFresh, "Transfer-Encoding: foo"}) == NoStore::coding);
  CHECK(verdict({kFresh, "Transfer-Encoding: foo, chunked"}) == NoStore::coding);
}

TEST_CASE("C6.3 W7.5 Vary: * is not stored") {
  CHECK(verdict({kFresh, "Vary: a, *"}) == NoStore::vary);
  CHECK(verdict({kFresh, "Vary:", "Vary: *"}) == NoStore::vary);
  CHECK(verdict({kFresh, "Vary: a"}) == NoStore::none);
}

TEST_CASE("C8.2 no-cache is stored when there is something to validate with") {
  CHECK(verdict({"Cache-Control: no-cache, max-age=60", "ETag: \"a\""}) == NoStore::none);
  CHECK(verdict({"Cache-Control: no-cache, max-age=60"}) == NoStore::expired);
  CHECK(verdict({"Cache-Control: no-cache, stale-while-revalidate=60"}) == NoStore::expired);
}

TEST_CASE("C10.5 an answer to a range is stored only when it is the whole") {
  CHECK(verdict({kFresh}, 200, {"Range: bytes=0-1"}) == NoStore::none);
  CHECK(verdict({kFresh}, 416, {"Range: bytes=9-"}) == NoStore::range_request);
  CHECK(verdict({kFresh}, 404, {"Range: bytes=9-"}) == NoStore::range_request);
}

TEST_CASE("C9.5 a refusal of the client's own condition is not for others") {
  CHECK(verdict({kFresh}, 412, {"If-Match: \"x\""}) == NoStore::precondition);
  CHECK(verdict({kFresh}, 412, {"If-Unmodified-Since: " + date()}) == NoStore::precondition);
  CHECK(verdict({kFresh}, 412, {"If-None-Match: *"}) == NoStore::precondition);
  CHECK(verdict({kFresh}, 200, {"If-None-Match: \"x\""}) == NoStore::none);
}

TEST_CASE("only what holds for every client marks a key") {
  for (NoStore why : {NoStore::request_no_store, NoStore::authorization, NoStore::range_request,
                      NoStore::partial, NoStore::not_modified, NoStore::precondition}) {
    CHECK_FALSE(holds_for_all(why));
  }
  for (NoStore why : {NoStore::no_store, NoStore::is_private, NoStore::vary, NoStore::status,
                      NoStore::set_cookie, NoStore::no_freshness}) {
    CHECK(holds_for_all(why));
  }
}

TEST_CASE("every reason has a name of its own, a token") {
  std::vector<std::string_view> seen;
  for (int i = 0; i <= static_cast<int>(NoStore::expired); ++i) {
    std::string_view word = name(static_cast<NoStore>(i));
    CHECK(http::is_token(word));
    CHECK(std::find(seen.begin(), seen.end(), word) == seen.end());
    seen.push_back(word);
  }
}
