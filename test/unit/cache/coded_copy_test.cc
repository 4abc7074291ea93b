// SPDX-License-Identifier: Apache-2.0
#include "cache/coded_copy.h"

#include "cache/key.h"
#include "disk_kit.h"

namespace weir::cache {

TEST_CASE("A coded copy is found by its bytes, coding and level, after a restart too") {
  TempDir dir;
  const std::string body = body_of(1, 200'000);
  const std::string copy = body_of(2, 90'000);
  std::string key;
  {
    auto disk = open_tier(settings_in(dir.path()));
    key = coded_copy_key(*disk, body, http::Coding::br, 8);
    CHECK(read_coded_copy(*disk, key).empty());
    store_coded_copy(*disk, key, {Slice(std::string_view(copy))});
    REQUIRE(disk->settle().has_value());
    CHECK(joined(read_coded_copy(*disk, key)) == copy);
  }
  auto disk = open_tier(settings_in(dir.path()));
  CHECK(coded_copy_key(*disk, body, http::Coding::br, 8) == key);
  CHECK(joined(read_coded_copy(*disk, key)) == copy);
  for (const std::string& other : {coded_copy_key(*disk, body, http::Coding::gzip, 8),
                                   coded_copy_key(*disk, body, http::Coding::br, 9),
                                   coded_copy_key(*disk, body + ' ', http::Coding::br, 8)}) {
    CHECK(other != key);
    CHECK(read_coded_copy(*disk, other).empty());
  }
}

TEST_CASE("The key of a coded copy is not that of a response, and belongs to no host") {
  TempDir dir;
  auto disk = open_tier(settings_in(dir.path()));
  std::string key = coded_copy_key(*disk, "body", http::Coding::gzip, 6);
  CHECK(is_coded_copy(key));
  CHECK(key_host(key).empty());
  Arena arena;
  for (std::string_view realm : {"", "C", "www"}) {
    KeyParts parts;
    parts.realm = realm;
    parts.scheme = "http";
    parts.host = "a.test";
    parts.port = 80;
    parts.target = "/";
    CHECK_FALSE(is_coded_copy(Key::make(parts, disk->key_secret(), arena).bytes));
  }
  CHECK_FALSE(is_coded_copy({}));
}

TEST_CASE("What has the hash of a coded copy and another key is none") {
  TempDir dir;
  auto disk = open_tier(settings_in(dir.path()));
  std::string key = coded_copy_key(*disk, "body", http::Coding::gzip, 6);
  auto store = disk->begin_store(disk->hash_of(key));
  store->commit(meta_of("other", 0));
  REQUIRE(disk->settle().has_value());
  CHECK(read_coded_copy(*disk, key).empty());
}

} // namespace weir::cache
