// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "cache/disk_record.h"

namespace weir::cache {

namespace {

VariantRecord sample() {
  VariantRecord record;
  record.segment = 7;
  Meta& meta = record.meta;
  meta.key = std::string("site\0GET http://example.org/", 28);
  meta.vary = "accept-encoding,accept-language";
  meta.selecting = "gzip\nde";
  meta.head = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
  meta.status = 200;
  meta.freshness.response_time = WallTime{Duration{1'700'000'000'123'456}};
  meta.freshness.initial_age = std::chrono::seconds(3);
  meta.freshness.lifetime = std::chrono::hours(24);
  meta.freshness.while_revalidate = std::chrono::seconds(30);
  meta.freshness.if_error = std::chrono::seconds(600);
  meta.freshness.must_revalidate = true;
  meta.freshness.heuristic = true;
  meta.date = WallTime{Duration{-5}}; // a clock before 1970 is no reason to lose an object
  meta.etag = "W/\"x\"";
  meta.last_modified = WallTime{std::chrono::seconds(784111777)};
  meta.addresses = {*Address::parse("192.0.2.1", 80), *Address::parse("2001:db8::1", 443),
                    Address()};
  meta.tags = {"a", "news", ""};
  meta.purge_number = 1ULL << 60;
  meta.body_size = 3 * kDiskChunk + 1;
  record.body.id = 0xfedcba9876543210;
  record.body.size = meta.body_size;
  record.body.extents = {{7, 100, 3}, {8, 0, 1}};
  record.body.key = {1, 2};
  record.body.variant = {3, 4};
  return record;
}

const std::string kRow = variant_row({1, 2}, {3, 4});

} // namespace

TEST_CASE("A variant's record holds everything of a Meta") {
  VariantRecord record = sample();
  auto back = decode_variant(kRow, encode(record, kRow));
  REQUIRE(back.has_value());
  CHECK(*back == record);
  CHECK(record_segment(encode(record, kRow)) == 7U);

  record.body.extents.clear();
  record.body.bytes = std::string(kDiskInline, '\0');
  record.body.size = record.meta.body_size = kDiskInline;
  back = decode_variant(kRow, encode(record, kRow));
  REQUIRE(back.has_value());
  CHECK(*back == record);
}

TEST_CASE("A key's record holds key, names and variants") {
  KeyRecord record{"key", "accept", {{{1, 2}, 3}, {{4, 5}, 6}, {{7, 8}, 1}}};
  std::string row = key_row({1, 2});
  auto back = decode_key(row, encode(record, row));
  REQUIRE(back.has_value());
  CHECK(*back == record);
  CHECK(record_segment(encode(record, row)) == 6U);
  CHECK_FALSE(decode_variant(row, encode(record, row)).has_value());
}

TEST_CASE("W11.2 Any changed bit of a record, and any cut, is noticed") {
  std::string bytes = encode(sample(), kRow);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string bad = bytes;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    CHECK(decode_variant(kRow, bad).error().code == Code::corrupt);
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(decode_variant(kRow, bytes.substr(0, size)).has_value());
  }
  CHECK_FALSE(decode_variant(kRow, bytes + "x").has_value());
}

TEST_CASE("W11.2 A record under another row's name is noticed") {
  CHECK_FALSE(decode_variant(variant_row({1, 2}, {3, 5}), encode(sample(), kRow)).has_value());
}

TEST_CASE("W11.2 A record that is sealed and senseless is corrupt") {
  auto wrong = [](auto&& change) {
    VariantRecord record = sample();
    change(record);
    return !decode_variant(kRow, encode(record, kRow)).has_value();
  };
  CHECK_FALSE(wrong([](VariantRecord&) {}));
  CHECK(wrong([](VariantRecord& r) { r.body.extents.pop_back(); }));
  CHECK(wrong([](VariantRecord& r) { r.body.extents.push_back({9, 0, 1}); }));
  CHECK(wrong([](VariantRecord& r) { r.body.extents[0].count = 0; }));
  CHECK(wrong([](VariantRecord& r) { r.body.extents[0].segment = 6; })); // below the record's own
  CHECK(wrong([](VariantRecord& r) { r.body.extents[0].first = 0xfffffffe; }));
  CHECK(wrong([](VariantRecord& r) { r.body.extents.clear(); }));
  CHECK(wrong([](VariantRecord& r) { r.body.bytes = "x"; }));
  // Counts far above what is there are refused before anything is reserved.
  std::string many = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  CHECK_FALSE(decode_variant(kRow, seal(Kind::variant, 1, kRow, many)).has_value());
  CHECK_FALSE(
      decode_key(key_row({1, 2}), seal(Kind::key, 1, key_row({1, 2}), std::string(2, '\0') + many))
          .has_value());
}

TEST_CASE("A chunk passes only as itself: same body, same place, same bytes") {
  std::string text(1000, 'a');
  std::vector<Slice> parts = {Slice(std::string_view(text).substr(0, 300)),
                              Slice(std::string_view(text).substr(300))};
  std::string row = chunk_head(11, 5, parts) + text;
  CHECK(open_chunk(11, 5, 1000, row).value() == text);
  CHECK(chunk_head(11, 5, std::vector<Slice>{Slice(text)}) == chunk_head(11, 5, parts));
  CHECK_FALSE(open_chunk(12, 5, 1000, row).has_value());
  CHECK_FALSE(open_chunk(11, 6, 1000, row).has_value());
  CHECK_FALSE(open_chunk(11, 5, 999, row).has_value());
  CHECK_FALSE(open_chunk(11, 5, 0, "").has_value());
  row[500] = 'b';
  CHECK_FALSE(open_chunk(11, 5, 1000, row).has_value());
}

TEST_CASE("Rows sort by their numbers and parse back") {
  CHECK(body_row(1, 0xffffffff) < body_row(2, 0));
  CHECK(body_row(0xff, 0) < body_row(0x100, 0));
  CHECK(parse_body_row(body_row(3, 4))->position == 4);
  CHECK_FALSE(parse_body_row("short").has_value());
  CHECK(parse_dir_segment(dir_row(9, kRow)) == 9U);
  CHECK(parse_index_segment(index_row(1, 9, kRow)) == 9U);
  CHECK_FALSE(parse_index_segment(kRow).has_value());
  CHECK(parse_variant_row(kRow)->variant == Hash128{3, 4});
  CHECK(after_prefix("a") == "b");
  CHECK(after_prefix(std::string("a\xff", 2)) == "b");
  CHECK(after_prefix("\xff").empty());
}

} // namespace weir::cache
