// SPDX-License-Identifier: Apache-2.0
#include "http/websocket.h"

#include <string>

#include <catch2/catch.hpp>

using namespace weir::http;

TEST_CASE("RFC 6455 §1.3: the key of the example and its answer") {
  CHECK(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("RFC 6455 §4.1: a key is 16 octets in base64, another each time") {
  std::string first = make_websocket_key();
  CHECK(first.size() == 24);
  CHECK(first.substr(22) == "==");
  CHECK(first.find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == 22);
  CHECK(make_websocket_key() != first);
}
