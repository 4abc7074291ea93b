// SPDX-License-Identifier: Apache-2.0
//
// CACHE_RULES 7, 13 and 16: what a stored response may answer.
#include <vector>

#include <catch2/catch.hpp>

#include "cache/outcome.h"
#include "cache/rfc9111.h"
#include "scene.h"

using namespace weir;
using namespace weir::cache;

namespace {

/// A response with this Cache-Control, asked for at this age.
ServeVerdict serve(std::string_view control, std::int64_t age, Lines request = {},
                   int status = 200) {
  Scene scene({"Cache-Control: " + std::string(control), "ETag: \"a\""}, status, request);
  return may_serve(scene.fresh(), seconds(age), scene.request.fields);
}
Serve what(std::string_view control, std::int64_t age, Lines request = {}) {
  return serve(control, age, request).serve;
}
bool on_error(std::string_view control, std::int64_t age, bool unreachable, Lines request = {},
              int status = 200) {
  Scene scene({"Cache-Control: " + std::string(control), "ETag: \"a\""}, status, request);
  return may_serve_on_error(scene.fresh(), seconds(age), unreachable,
                            read_request_directives(scene.request.fields));
}

} // namespace

TEST_CASE("C16.6 fresh while the lifetime is strictly greater than the age") {
  CHECK(what("max-age=60", 59) == Serve::fresh);
  CHECK(what("max-age=60", 60) == Serve::validate);
  CHECK(what("max-age=2", 3) == Serve::validate);
  CHECK(what("max-age=0", 0) == Serve::validate);
  CHECK(serve("max-age=60", 59).reason.empty());
  CHECK(serve("max-age=60", 60).reason == fwd::kStale);
}

TEST_CASE("C7.1 nothing stale without leave") {
  CHECK(what("max-age=60", 61) == Serve::validate);
  CHECK(what("max-age=60, stale-if-error=600", 61) == Serve::validate);
  CHECK(what("max-age=60, stale-while-revalidate=0", 60) == Serve::validate);
}

TEST_CASE("C7.2 an origin that does not answer: stale, however old") {
  CHECK(on_error("max-age=60", 61, true));
  CHECK(on_error("max-age=60", 1000000, true));
  CHECK(on_error("max-age=60, stale-if-error=1", 1000000, true));
}

TEST_CASE("C7.2 a server error to a validation: stale, within stale-if-error where it is given") {
  CHECK(on_error("max-age=60", 61, false));
  CHECK(on_error("max-age=60, stale-if-error=10", 70, false));
  CHECK_FALSE(on_error("max-age=60, stale-if-error=10", 71, false));
  for (int status : {500, 502, 503, 504}) {
    CHECK(is_server_failure(status));
  }
  for (int status : {200, 304, 400, 404, 499, 501, 505, 599}) {
    CHECK_FALSE(is_server_failure(status));
  }
}

TEST_CASE("C7.3 forbidden by must-revalidate, proxy-revalidate, s-maxage, no-cache") {
  for (std::string control : {"max-age=60, must-revalidate", "max-age=60, proxy-revalidate",
                              "s-maxage=60", "s-maxage=x, max-age=60", "max-age=60, no-cache"}) {
    CAPTURE(control);
    CHECK_FALSE(on_error(control, 61, true));
    CHECK_FALSE(on_error(control, 61, false));
    CHECK_FALSE(on_error(control + ", stale-if-error=600", 61, false));
    CHECK(what(control + ", stale-while-revalidate=600", 61) == Serve::validate);
    CHECK(what(control, 61, {"Cache-Control: max-stale"}) == Serve::validate);
    CHECK(what(control, 61, {"Cache-Control: max-stale=99999"}) == Serve::validate);
  }
}

TEST_CASE("C7.4 within stale-while-revalidate: at once, and validated behind") {
  CHECK(what("max-age=60, stale-while-revalidate=10", 59) == Serve::fresh);
  CHECK(what("max-age=60, stale-while-revalidate=10", 60) == Serve::refresh);
  CHECK(what("max-age=60, stale-while-revalidate=10", 70) == Serve::refresh);
  CHECK(what("max-age=60, stale-while-revalidate=10", 71) == Serve::validate);
  CHECK(what("max-age=0, stale-while-revalidate=10", 0) == Serve::refresh);
}

TEST_CASE("C7.4 a client that wants it fresher gets it validated") {
  std::string control = "max-age=60, stale-while-revalidate=10";
  CHECK(what(control, 65, {"Cache-Control: no-cache"}) == Serve::validate);
  CHECK(what(control, 65, {"Cache-Control: max-age=90"}) == Serve::validate);
  CHECK(what(control, 65, {"Cache-Control: min-fresh=0"}) == Serve::validate);
  CHECK(what(control, 65, {"Cache-Control: max-age=90, max-stale"}) == Serve::refresh);
}

TEST_CASE("C7.5 an error is never served stale") {
  for (int status : {400, 404, 410, 500, 503}) {
    CHECK_FALSE(on_error("max-age=60, stale-if-error=600", 61, true, {}, status));
    CHECK(serve("max-age=60, stale-while-revalidate=600", 61, {}, status).serve == Serve::validate);
    CHECK(serve("max-age=60", 59, {}, status).serve == Serve::fresh);
  }
  CHECK(on_error("max-age=60", 61, true, {}, 301));
}

TEST_CASE("C8.2 no-cache is validated at each use") {
  CHECK(what("no-cache, max-age=60", 0) == Serve::validate);
  CHECK(what("no-cache=\"x\", max-age=60", 0) == Serve::validate);
  CHECK(what("no-cache, max-age=60", 0, {"Cache-Control: max-stale"}) == Serve::validate);
}

TEST_CASE("C8.3 must-revalidate and fresh: served") {
  CHECK(what("max-age=60, must-revalidate", 59) == Serve::fresh);
  CHECK(what("s-maxage=60, proxy-revalidate", 59) == Serve::fresh);
}

TEST_CASE("C16.1 immutable changes nothing once stale") {
  CHECK(what("max-age=60, immutable", 59) == Serve::fresh);
  CHECK(what("max-age=60, immutable", 60) == Serve::validate);
}

TEST_CASE("C13 max-age of the request bounds the age") {
  CHECK(what("max-age=60", 10, {"Cache-Control: max-age=10"}) == Serve::fresh);
  CHECK(what("max-age=60", 11, {"Cache-Control: max-age=10"}) == Serve::validate);
  CHECK(serve("max-age=60", 11, {"Cache-Control: max-age=10"}).reason == fwd::kRequest);
  CHECK(serve("max-age=60", 61, {"Cache-Control: max-age=10"}).reason == fwd::kStale);
  CHECK(what("max-age=60", 1, {"Cache-Control: max-age=0"}) == Serve::validate);
  CHECK(what("max-age=60", 61, {"Cache-Control: max-age=70"}) == Serve::validate);
  // Also where staleness is no matter.
  CHECK(what("max-age=60", 80, {"Cache-Control: max-age=70, max-stale"}) == Serve::validate);
  CHECK(what("max-age=60", 65, {"Cache-Control: max-age=70, max-stale"}) == Serve::stale_allowed);
}

TEST_CASE("C13 min-fresh asks for freshness still to come") {
  CHECK(what("max-age=60", 50, {"Cache-Control: min-fresh=10"}) == Serve::fresh);
  CHECK(what("max-age=60", 51, {"Cache-Control: min-fresh=10"}) == Serve::validate);
}

TEST_CASE("C13 max-stale takes what is stale, to its bound") {
  CHECK(what("max-age=60", 70, {"Cache-Control: max-stale=10"}) == Serve::stale_allowed);
  CHECK(what("max-age=60", 71, {"Cache-Control: max-stale=10"}) == Serve::validate);
  CHECK(what("max-age=60", 99999, {"Cache-Control: max-stale"}) == Serve::stale_allowed);
  CHECK(what("max-age=60", 99999, {"Cache-Control: max-stale=x"}) == Serve::validate);
  CHECK(what("max-age=60", 59, {"Cache-Control: max-stale"}) == Serve::fresh);
}

TEST_CASE("C13 no-cache, no-store, Pragma") {
  CHECK(what("max-age=60", 0, {"Cache-Control: no-cache"}) == Serve::validate);
  CHECK(serve("max-age=60", 0, {"Cache-Control: no-cache"}).reason == fwd::kRequest);
  CHECK(what("max-age=60", 0, {"Cache-Control: no-store"}) == Serve::validate);
  CHECK(what("max-age=60", 0, {"Pragma: no-cache"}) == Serve::validate);
  CHECK(what("max-age=60", 0, {"Pragma: foo"}) == Serve::fresh);
  CHECK(what("max-age=60", 0, {"Pragma: no-cache", "Cache-Control:"}) == Serve::fresh);
  CHECK(what("max-age=60", 0, {"Pragma: no-cache", "Cache-Control: max-age=5"}) == Serve::fresh);
}

TEST_CASE("C13 what is unknown or invalid in a request is ignored") {
  CHECK(what("max-age=60", 30, {"Cache-Control: foo, bar=1"}) == Serve::fresh);
  CHECK(what("max-age=60", 30, {"Cache-Control: max-age=x"}) == Serve::fresh);
  CHECK(what("max-age=60", 30, {"Cache-Control: x=\"no-cache\""}) == Serve::fresh);
}

TEST_CASE("C13 only-if-cached and no-store can be asked for") {
  Scene scene({}, 200, {"Cache-Control: Only-If-Cached, no-store"});
  auto asked = read_request_directives(scene.request.fields);
  CHECK(asked.only_if_cached);
  CHECK(asked.no_store);
  CHECK_FALSE(read_request_directives(Scene().request.fields).only_if_cached);
}

TEST_CASE("C13 what the client refused is not given after an error either") {
  CHECK_FALSE(on_error("max-age=60", 61, true, {"Cache-Control: no-cache"}));
  CHECK_FALSE(on_error("max-age=60", 61, true, {"Cache-Control: max-age=60"}));
  CHECK(on_error("max-age=60", 61, true, {"Cache-Control: max-age=70"}));
}

TEST_CASE("the hot path and the full judgement agree") {
  std::vector<std::string> requests{"X: y", "Cache-Control: max-age=30", "Pragma: no-cache",
                                    "Cache-Control: no-cache", "Cache-Control: min-fresh=31"};
  for (std::string control : {"max-age=60", "no-cache, max-age=60", "s-maxage=60", "max-age=0"}) {
    for (const std::string& request : requests) {
      for (std::int64_t age : {0, 29, 30, 31, 59, 60, 61}) {
        Scene scene({"Cache-Control: " + control}, 200, {request});
        Freshness f = scene.fresh();
        auto asked = read_request_directives(scene.request.fields);
        CHECK(may_serve(f, seconds(age), scene.request.fields).serve ==
              may_serve(f, seconds(age), asked).serve);
      }
    }
  }
}
