// SPDX-License-Identifier: Apache-2.0
//
// DiskStorage, the part about space: a full segment, a full tier, small files.
#include <algorithm>
#include <array>

#include "cache/disk_storage.h"
#include "metrics/metrics.h"

namespace weir::cache {

using metrics::Metric;

std::uint64_t DiskStorage::used() {
  // Records take what their files take, dead ones not yet rewritten with them, but no less than
  // twice the live ones: so they grow until the next rewriting. That needs room for them once more.
  std::uint64_t files = db_.space().records;
  std::uint64_t rows = segments_.row_bytes();
  if (!counts_.counted.load(std::memory_order_relaxed)) {
    rows = std::max(rows, files);
  }
  return segments_.bytes() + std::max(2 * rows, files);
}

Result<void> DiskStorage::ensure_room(std::uint64_t bytes) {
  if (segments_.has_room(bytes)) {
    return {};
  }
  if (auto done = roll(); !done) {
    return done;
  }
  return make_room();
}

Result<void> DiskStorage::roll() {
  // No file spans two segments, so that a segment's files go with it.
  if (auto done = flush(); !done) {
    return done;
  }
  segments_.roll();
  flushes_ = 0;
  return {};
}

Result<void> DiskStorage::make_room() {
  // One segment for what is written until the next look, one for a merge's copies.
  std::uint64_t reserve = 2 * segments_.size() + settings_.capacity / 16; // and the files beside
  std::uint64_t target = settings_.capacity > reserve ? settings_.capacity - reserve : 0;
  while (used() > target && segments_.count() > 1) {
    auto done = records_to_rewrite() ? rewrite_records() : drop_oldest();
    if (!done) {
      return done;
    }
  }
  counts_.full.store(used() + segments_.size() > target, std::memory_order_relaxed);
  return settle_files(target);
}

/// A job of the database keeps files that went until it ends, and on a slow disk that takes a
/// while.
Result<void> DiskStorage::settle_files(std::uint64_t most) {
  if (db_.bytes_on_disk() <= most) {
    return {};
  }
  db_.finish_background();
  bool over = db_.bytes_on_disk() > most && segments_.count() > 1;
  return over ? drop_oldest() : Result<void>();
}

Result<void> DiskStorage::drop_oldest() {
  std::uint32_t low = segments_.low();
  std::uint32_t new_low = segments_.after_oldest();
  std::vector<std::string> hit;
  auto scanned = db_.scan(Family::dir, segment_prefix(low), segment_prefix(new_low),
                          [&](std::string_view row, std::string_view) {
                            std::string_view meta_row =
                                row.substr(std::min<std::size_t>(4, row.size()));
                            auto names = parse_variant_row(meta_row);
                            if (names && hits_.take(names->key, names->variant)) {
                              hit.emplace_back(meta_row);
                            }
                            return true;
                          });
  if (!scanned && scanned.error().code == Code::io) {
    return scanned;
  }
  std::uint64_t budget = segments_.size() / 4;
  for (const std::string& row : hit) {
    auto taken = rescue(row, new_low, budget);
    if (!taken) {
      return fail(taken.error());
    }
    budget -= std::min(budget, *taken);
  }
  // The new lowest segment is durable before files go: a restart must not take the rest of a
  // dropped segment for alive.
  DiskBatch batch;
  batch.put(Family::meta, "low", encode_fact("low", new_low, {}));
  if (auto done = write(batch); !done) {
    return done;
  }
  if (auto done = flush(); !done) {
    return done;
  }
  segments_.drop_below(new_low);
  std::string end = segment_prefix(new_low);
  for (Family family : {Family::body, Family::dir}) {
    if (auto done = db_.drop(family, {}, end); !done) {
      return done;
    }
  }
  dropped_ = true;
  metrics::count(Metric::disk_segments_dropped);
  publish();
  return {};
}

Result<std::uint64_t> DiskStorage::rescue(std::string_view row, std::uint32_t new_low,
                                          std::uint64_t budget) {
  auto loaded = load_variant(row);
  if (!loaded) {
    return fail(loaded.error());
  }
  if (!*loaded || (*loaded)->segment >= new_low) {
    return std::uint64_t{0}; // gone, or has moved already
  }
  VariantRecord record = **loaded;
  std::uint64_t bytes = record.body.bytes.size() + record.meta.head.size();
  for (const Extent& extent : record.body.extents) {
    bytes += extent.segment < new_low ? std::uint64_t{extent.count} * kDiskChunk : 0;
  }
  if (bytes > budget) {
    return std::uint64_t{0};
  }
  if (record.body.is_inline()) {
    if (!segments_.has_room(bytes)) {
      if (auto done = roll(); !done) {
        return fail(done.error());
      }
    }
    record.segment = segments_.open();
  } else {
    auto copied = copy_chunks(record, new_low);
    if (!copied) {
      return fail(copied.error());
    }
    if (!*copied) {
      return std::uint64_t{0};
    }
  }
  if (auto done = put_variant(record, *loaded); !done) {
    return fail(done.error());
  }
  metrics::count(Metric::disk_second_chances);
  return bytes;
}

/// False: a chunk is damaged; the object goes with its segment.
Result<bool> DiskStorage::copy_chunks(VariantRecord& record, std::uint32_t new_low) {
  std::vector<Extent> extents;
  std::uint64_t index = 0;
  for (const Extent& old : record.body.extents) {
    if (old.segment >= new_low) {
      extents.push_back(old);
      index += old.count;
      continue;
    }
    for (std::uint32_t done = 0; done < old.count;) {
      std::uint32_t run = std::min(kRun, old.count - done);
      std::uint64_t bytes = 0;
      std::vector<Slice> chunks;
      for (std::uint32_t i = 0; i < run; ++i, ++index) {
        auto chunk = db_.get(Family::body, body_row(old.segment, old.first + done + i));
        auto size = static_cast<std::size_t>(
            std::min<std::uint64_t>(kDiskChunk, record.body.size - index * kDiskChunk));
        if (!chunk && chunk.error().code == Code::io) {
          return fail(chunk.error());
        }
        if (!chunk || !open_chunk(record.body.id, index, size, chunk->view())) {
          return false;
        }
        bytes += chunk->size + 8;
        chunks.push_back(std::move(*chunk));
      }
      if (!segments_.has_room(bytes)) {
        if (auto rolled = roll(); !rolled) {
          return fail(rolled.error());
        }
      }
      Extent placed = segments_.place(run, bytes);
      DiskBatch batch;
      for (std::uint32_t i = 0; i < run; ++i) {
        batch.put(Family::body, body_row(placed.segment, placed.first + i), {},
                  {std::move(chunks[i])});
      }
      if (auto written = write(batch); !written) {
        return fail(written.error());
      }
      extents.push_back(placed);
      done += run;
    }
  }
  record.body.extents = std::move(extents);
  return true;
}

Result<void> DiskStorage::flush() {
  if (dirty_ == 0) {
    return {};
  }
  if (auto done = db_.flush(); !done) {
    return done;
  }
  dirty_ = 0;
  metrics::set(metrics::Metric::disk_dirty_bytes, 0);
  Result<void> merged = ++flushes_ > kMostSmallFiles ? merge_small_files() : Result<void>();
  publish();
  return merged;
}

Result<void> DiskStorage::merge_small_files() {
  std::string begin = segment_prefix(segments_.open());
  std::string end = segment_prefix(segments_.open() + 1);
  std::vector<DiskDb::File> files = db_.files(Family::body, begin, end);
  std::vector<std::uint64_t> sizes;
  sizes.reserve(files.size());
  for (const DiskDb::File& file : files) {
    sizes.push_back(file.bytes);
  }
  std::size_t from = merge_from(sizes, segments_.size() / 32);
  if (from == files.size()) {
    flushes_ = std::min(files.size(), kMostSmallFiles / 2);
    return {};
  }
  flushes_ = 0;
  return db_.merge(Family::body, files[from].first, end);
}

/// Whether the files of records hold so much that is dead that rewriting them pays.
bool DiskStorage::records_to_rewrite() {
  if (!dropped_ || !counts_.counted.load(std::memory_order_relaxed)) {
    return false;
  }
  std::uint64_t slack = std::min<std::uint64_t>(8 << 20, settings_.capacity / 16);
  return db_.space().records > 2 * segments_.row_bytes() + slack;
}

Result<void> DiskStorage::rewrite_records() {
  dropped_ = false;
  for (Family family : {Family::meta, Family::dir, Family::index}) {
    if (auto done = db_.merge(family, {}, {}); !done) {
      return done;
    }
  }
  return {};
}

void DiskStorage::publish() {
  auto set = [](std::atomic<std::uint64_t>& to, std::uint64_t value) {
    to.store(value, std::memory_order_relaxed);
  };
  set(counts_.bytes, segments_.bytes());
  set(counts_.objects, segments_.live_objects());
  set(counts_.segments, segments_.count());
  if (dirty_ == 0) { // just flushed: the files have changed
    DiskSpace space = db_.space();
    set(counts_.dead_bytes, segments_.dead_bytes());
    set(counts_.file_bytes, space.total);
    set(counts_.body_files, space.body_files);
    metrics::set(Metric::disk_bytes, static_cast<std::int64_t>(space.total));
    metrics::set(Metric::disk_body_files, static_cast<std::int64_t>(space.body_files));
  }
}

} // namespace weir::cache
