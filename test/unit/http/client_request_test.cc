// SPDX-License-Identifier: Apache-2.0
#include "http/client_request.h"

#include <catch2/catch.hpp>

#include "http/message.h"

using namespace weir;

namespace {

std::string written(std::string_view method, std::string_view url, bool to_proxy,
                    std::vector<std::string> fields = {}) {
  Arena arena;
  auto target = http::parse_target(http::Method::get, url, arena);
  REQUIRE(target);
  return http::write_client_request(method, *target, to_proxy, fields);
}

} // namespace

TEST_CASE("a client writes a path to a site, the whole URL to a proxy, an authority to CONNECT") {
  CHECK(written("GET", "http://A.test/x?y", false) == "GET /x?y HTTP/1.1\r\nHost: a.test\r\n\r\n");
  CHECK(written("GET", "http://a.test:80/", true) ==
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n");
  CHECK(written("GET", "https://a.test:444/", true, {"X: 1", "Y: 2"}) ==
        "GET https://a.test:444/ HTTP/1.1\r\nHost: a.test:444\r\nX: 1\r\nY: 2\r\n\r\n");
  CHECK(written("CONNECT", "https://a.test/", true) ==
        "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
}
