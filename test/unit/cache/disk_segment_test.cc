// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include <catch2/catch.hpp>

#include "cache/disk_segment.h"

namespace weir::cache {

TEST_CASE("A segment is a 256th of the tier, from 64 MiB to 4 GiB") {
  constexpr std::uint64_t kMiB = 1 << 20;
  CHECK(segment_size(512 * kMiB) == 64 * kMiB);
  CHECK(segment_size(100'000 * kMiB) == 100'000 * kMiB / 256);
  CHECK(segment_size(std::uint64_t{8} << 40) == 4096 * kMiB);
  CHECK(dirty_size(64 * kMiB) == 8 * kMiB);
  CHECK(dirty_size(1024 * kMiB) == 16 * kMiB);
  CHECK(dirty_size(std::uint64_t{8} << 40) == 32 * kMiB);
}

TEST_CASE("Segments: positions rise, sums follow what is added and dropped") {
  Segments segments(1000);
  segments.found(3, 500);
  segments.begin(3, 4);
  CHECK(segments.low() == 3);
  CHECK(segments.has_room(5000)); // an empty segment takes anything
  CHECK(segments.place(2, 600) == Extent{4, 0, 2});
  CHECK(segments.place(1, 100) == Extent{4, 2, 1});
  CHECK(segments.has_room(300));
  CHECK_FALSE(segments.has_room(301));
  segments.roll();
  CHECK(segments.place(1, 10) == Extent{5, 0, 1});
  segments.add_rows(4, 50);
  segments.add_object(4);
  segments.add_object(5);
  segments.add_rows(99, 50); // not there: nothing
  CHECK(segments.bytes() == 500 + 700 + 10 + 50);
  CHECK(segments.row_bytes() == 50);
  CHECK(segments.after_oldest() == 4);
  segments.drop_below(4);
  CHECK(segments.bytes() == 760);
  segments.drop_below(5);
  CHECK(segments.low() == 5);
  CHECK(segments.bytes() == 10);
  CHECK(segments.live_objects() == 1);
  CHECK(segments.count() == 1);
  CHECK(segments.after_oldest() == segments.open());
}

TEST_CASE("A hit counts once") {
  HitSet hits(1 << 30);
  Hash128 key{1, 2};
  Hash128 variant{3, 4};
  CHECK_FALSE(hits.take(key, variant));
  hits.touch(key, variant);
  hits.touch(key, variant);
  CHECK(hits.take(key, variant));
  CHECK_FALSE(hits.take(key, variant));
}

TEST_CASE("Small files are merged: few are left, and no byte is rewritten often") {
  std::vector<std::uint64_t> files;
  std::uint64_t rewritten = 0;
  std::size_t most = 0;
  for (int flush = 0; flush < 10'000; ++flush) {
    files.push_back(1);
    most = std::max(most, files.size());
    std::size_t from = merge_from(files, 100'000);
    if (from < files.size()) {
      std::uint64_t sum =
          std::accumulate(files.begin() + static_cast<long>(from), files.end(), std::uint64_t{0});
      rewritten += sum;
      files.resize(from);
      files.push_back(sum);
    }
  }
  CHECK(most < 32);
  CHECK(rewritten < 10 * 10'000);
  // Large ones stay as they are.
  std::vector<std::uint64_t> large(100, 8);
  CHECK(merge_from(large, 8) == large.size());
}

} // namespace weir::cache
