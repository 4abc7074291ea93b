// SPDX-License-Identifier: Apache-2.0
#include "cache/key.h"

#include <array>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::cache;

namespace {

const HashKey kSecret{11, 12};

KeyParts usual() {
  KeyParts parts;
  parts.realm = "office";
  parts.scheme = "http";
  parts.host = "example.com";
  parts.port = 80;
  parts.target = "/a?b=1";
  return parts;
}

} // namespace

TEST_CASE("C1.1 realm, scheme, host, port, path and query each tell keys apart") {
  Arena arena;
  std::vector<KeyParts> all(10, usual());
  all[1].realm = "shop";
  all[2].realm = "";
  all[3].scheme = "https";
  all[4].host = "example.org";
  all[5].port = 8080;
  all[6].target = "/a?b=2";
  all[7].target = "/a";
  all[8].target = "/A?b=1";   // W7.2: path case matters
  all[9].target = "/a?b=%31"; // and nothing is decoded
  std::set<std::string> bytes;
  std::set<Hash128> hashes;
  for (const KeyParts& parts : all) {
    Key key = Key::make(parts, kSecret, arena);
    bytes.emplace(key.bytes);
    hashes.insert(key.hash);
  }
  CHECK(bytes.size() == all.size());
  CHECK(hashes.size() == all.size());
}

TEST_CASE("C1.1 the same request has the same key, and the hash is keyed") {
  Arena arena;
  Key one = Key::make(usual(), kSecret, arena);
  Key two = Key::make(usual(), kSecret, arena);
  CHECK(one.bytes == two.bytes);
  CHECK(one.hash == two.hash);
  CHECK(one.hash != Key::make(usual(), HashKey{11, 13}, arena).hash);
}

TEST_CASE("W7.2 what a route adds is part of the key, in order, and where parts end is certain") {
  Arena arena;
  auto with = [&](std::vector<std::string_view> extra) {
    KeyParts parts = usual();
    parts.extra = extra;
    return std::string(Key::make(parts, kSecret, arena).bytes);
  };
  std::set<std::string> keys{with({}),     with({""}),          with({"a"}),
                             with({"b"}),  with({"a", "b"}),    with({"b", "a"}),
                             with({"ab"}), with({"a", "b", ""})};
  CHECK(keys.size() == 8);

  KeyParts left = usual();
  KeyParts right = usual();
  left.realm = "ab";
  left.target = "/c";
  right.realm = "a";
  right.target = "/c";
  CHECK(Key::make(left, kSecret, arena).bytes != Key::make(right, kSecret, arena).bytes);
}

TEST_CASE("W7.2 a part with NUL makes no key") {
  Arena arena;
  for (int i = 0; i < 4; ++i) {
    KeyParts parts = usual();
    std::string_view bad("a\0b", 3);
    std::array<std::string_view, 1> extra{bad};
    switch (i) {
    case 0:
      parts.realm = bad;
      break;
    case 1:
      parts.host = bad;
      break;
    case 2:
      parts.target = bad;
      break;
    default:
      parts.extra = extra;
      break;
    }
    CHECK(Key::make(parts, kSecret, arena).bytes.empty());
  }
}

TEST_CASE("a key can be read again") {
  Arena arena;
  std::array<std::string_view, 2> extra{"x", "y"};
  KeyParts parts = usual();
  parts.extra = extra;
  Key key = Key::make(parts, kSecret, arena);
  KeyParts read = key_parts(key.bytes);
  CHECK(read.realm == "office");
  CHECK(read.scheme == "http");
  CHECK(read.host == "example.com");
  CHECK(read.port == 80);
  CHECK(read.target == "/a?b=1");
  CHECK(key_url(key.bytes) == "http://example.com/a?b=1");
  CHECK(key_host(key.bytes) == "example.com");
  parts.port = 65535;
  parts.scheme = "https";
  parts.realm = "";
  CHECK(key_url(Key::make(parts, kSecret, arena).bytes) == "https://example.com:65535/a?b=1");
  CHECK(key_parts("").host.empty());
}
