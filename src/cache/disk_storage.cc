// SPDX-License-Identifier: Apache-2.0
#include "cache/disk_storage.h"

#include <algorithm>
#include <cstring>

#include "cache/bans.h"
#include "metrics/metrics.h"

namespace weir::cache {

using metrics::Metric;

namespace {

std::uint64_t mark(const HashKey& secret, char kind, std::string_view name) {
  std::string text(1, kind);
  text.append(name);
  return siphash64(secret, text);
}

/// The bytes that chunks first .. first+count of a body of `size` take in the log.
std::uint64_t log_bytes(std::uint64_t size, std::uint64_t first, std::uint64_t count) {
  std::uint64_t end = std::min(size, (first + count) * kDiskChunk);
  return end - first * kDiskChunk + count * (kChunkHead + body_row(0, 0).size());
}

std::string number_value(std::uint64_t n) {
  std::string value;
  for (int shift = 56; shift >= 0; shift -= 8) {
    value.push_back(static_cast<char>(n >> shift));
  }
  return value;
}

/// Slices that together are the first `size` bytes of the queue, taken off it.
std::vector<Slice> take(std::deque<Slice>& from, std::uint64_t size) {
  std::vector<Slice> parts;
  while (size > 0) {
    auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size, from.front().size));
    parts.push_back(from.front().take_front(n));
    if (from.front().empty()) {
      from.pop_front();
    }
    size -= n;
  }
  return parts;
}

} // namespace

std::uint64_t tag_mark(const HashKey& secret, std::string_view tag) {
  return mark(secret, 't', tag);
}
std::uint64_t host_mark(const HashKey& secret, std::string_view host) {
  return mark(secret, 'h', host);
}

DiskStorage::DiskStorage(DiskDb& db, Segments& segments, HitSet& hits,
                         const DiskStorageSettings& settings)
    : db_(db), segments_(segments), hits_(hits), settings_(settings), first_own_(segments.open()) {
  publish();
}

Result<void> DiskStorage::write(const DiskBatch& batch) {
  if (auto done = db_.write(batch); !done) {
    return done;
  }
  dirty_ += batch.bytes();
  metrics::set(metrics::Metric::disk_dirty_bytes, static_cast<std::int64_t>(dirty_));
  metrics::count(Metric::disk_writes);
  metrics::count(Metric::disk_write_bytes, batch.bytes());
  return {};
}

Result<void> DiskStorage::append(GrowingBody& body, Slice slice) {
  if (body.dead()) {
    return {};
  }
  body.size_ += slice.size;
  body.pending_bytes_ += slice.size;
  pending_ += slice.size;
  body.pending_.push_back(std::move(slice));
  if (body.size_ > settings_.capacity / 4) {
    abandon(body);
    return fail(Code::too_large, Side::cache);
  }
  if (body.pending_bytes_ >= kRun * kDiskChunk ||
      (pending_ > settings_.pending_bytes && body.pending_bytes_ >= kDiskChunk)) {
    return write_chunks(body, false);
  }
  return {};
}

Result<void> DiskStorage::write_chunks(GrowingBody& body, bool all) {
  while (body.pending_bytes_ >= kDiskChunk || (all && body.pending_bytes_ > 0)) {
    std::uint64_t whole = body.pending_bytes_ / kDiskChunk;
    std::uint64_t chunks = whole + (all && body.pending_bytes_ % kDiskChunk != 0 ? 1 : 0);
    auto run = static_cast<std::uint32_t>(std::min<std::uint64_t>(chunks, kRun));
    if (auto done = write_run(body, run); !done) {
      return done;
    }
    if (dirty_ >= settings_.dirty_bytes) {
      if (auto done = flush(); !done) {
        return done;
      }
    }
  }
  return {};
}

Result<void> DiskStorage::write_run(GrowingBody& body, std::uint32_t chunks) {
  std::uint64_t payload =
      std::min<std::uint64_t>(body.pending_bytes_, std::uint64_t{chunks} * kDiskChunk);
  std::uint64_t bytes = log_bytes(payload, 0, chunks);
  if (auto done = ensure_room(bytes); !done) {
    return done;
  }
  Extent extent = segments_.place(chunks, bytes);
  DiskBatch batch;
  for (std::uint32_t i = 0; i < chunks; ++i) {
    std::vector<Slice> parts =
        take(body.pending_, std::min<std::uint64_t>(kDiskChunk, body.pending_bytes_));
    for (const Slice& part : parts) {
      body.pending_bytes_ -= part.size;
      pending_ -= part.size;
    }
    std::string head = chunk_head(body.id_, body.chunks_ + i, parts);
    batch.put(Family::body, body_row(extent.segment, extent.first + i), std::move(head),
              std::move(parts));
  }
  if (auto done = write(batch); !done) {
    return done;
  }
  body.chunks_ += chunks;
  std::lock_guard lock(body.mutex_);
  Extent* last = body.extents_.empty() ? nullptr : &body.extents_.back();
  if (last != nullptr && last->segment == extent.segment &&
      last->first + last->count == extent.first) {
    last->count += extent.count;
  } else {
    body.extents_.push_back(extent);
  }
  body.written_.fetch_add(payload, std::memory_order_release);
  return {};
}

void DiskStorage::abandon(GrowingBody& body) {
  if (body.dead()) {
    return;
  }
  body.dead_.store(true, std::memory_order_release);
  pending_ -= body.pending_bytes_;
  body.pending_bytes_ = 0;
  body.pending_.clear();
  for (const Extent& extent : body.place().extents) {
    segments_.add_dead(extent.segment, std::uint64_t{extent.count} * kDiskChunk);
  }
}

Result<void> DiskStorage::commit(GrowingBody& body, const Meta& meta) {
  if (body.dead()) {
    return fail(Code::abandoned, Side::cache);
  }
  if (body.size_ != meta.body_size) {
    abandon(body);
    return fail(Code::internal, Side::cache);
  }
  VariantRecord record;
  record.meta = meta;
  if (body.size_ <= kDiskInline) {
    for (const Slice& slice : body.pending_) {
      record.body.bytes.append(slice.view());
    }
    pending_ -= body.pending_bytes_;
    body.pending_bytes_ = 0;
    body.pending_.clear();
  } else if (auto done = write_chunks(body, true); !done) {
    return done;
  }
  BodyPlace place = body.place();
  record.body.key = body.key_;
  record.body.variant = siphash128(settings_.secret, meta.selecting);
  record.body.id = body.id_;
  record.body.size = body.size_;
  record.body.extents = std::move(place.extents);
  for (const Extent& extent : record.body.extents) {
    if (extent.segment < segments_.low()) { // so large, or so slow, that its beginning went
      abandon(body);
      return fail(Code::too_large, Side::cache);
    }
  }
  if (record.body.is_inline()) {
    if (auto done = ensure_room(record.body.size + meta.head.size() + meta.key.size()); !done) {
      return done;
    }
    record.segment = segments_.open();
  }
  auto old = load_variant(variant_row(record.body.key, record.body.variant));
  if (!old) {
    return fail(old.error());
  }
  if (auto done = put_variant(record, *old); !done) {
    return done;
  }
  metrics::count(Metric::cache_stores_disk);
  return dirty_ >= settings_.dirty_bytes ? flush() : Result<void>();
}

Result<void> DiskStorage::put_variant(VariantRecord& record,
                                      const std::optional<VariantRecord>& old) {
  std::string row = variant_row(record.body.key, record.body.variant);
  std::uint64_t index = 0;
  DiskBatch batch;
  if (old) {
    for (std::string& each : index_rows(*old, row)) {
      batch.erase(Family::index, std::move(each));
    }
  }
  std::uint64_t erased = batch.bytes();
  if (!record.body.is_inline()) {
    record.segment = record.body.extents.front().segment;
    for (const Extent& extent : record.body.extents) {
      record.segment = std::min(record.segment, extent.segment);
      batch.put(Family::dir, dir_row(extent.segment, row),
                number_value(log_bytes(record.body.size, index, extent.count)));
      index += extent.count;
    }
  }
  std::string value = encode(record, row);
  if (record.body.is_inline()) {
    batch.put(Family::dir, dir_row(record.segment, row), number_value(value.size()));
  }
  batch.put(Family::meta, row, std::move(value));
  for (std::string& each : index_rows(record, row)) {
    batch.put(Family::index, std::move(each), {});
  }
  if (auto done = put_key(batch, record); !done) {
    return done;
  }
  if (auto done = write(batch); !done) {
    return done;
  }
  bool same_body = old && old->body.id == record.body.id;
  if (old) {
    segments_.lose_object(old->segment);
  }
  if (old && !same_body) {
    bury(*old);
  }
  segments_.add_object(record.segment);
  if (!same_body || old->segment != record.segment) { // a head refreshed in place takes no more
    segments_.add_rows(record.segment, batch.bytes() - erased);
  }
  publish();
  return {};
}

Result<void> DiskStorage::put_key(DiskBatch& batch, const VariantRecord& record) {
  auto loaded = load_key(record.body.key);
  if (!loaded) {
    return fail(loaded.error());
  }
  KeyRecord key = loaded->value_or(KeyRecord{});
  // Other names: the head's Vary changed, and what was filed under the old ones is not asked for
  // any more. Another key: its hash is the same, and the newer one wins.
  bool refile = key.key != record.meta.key || key.vary != record.meta.vary;
  std::vector<KeyRecord::Variant> kept;
  for (const KeyRecord::Variant& each : key.variants) {
    if (each.hash == record.body.variant) {
      continue;
    }
    if (refile) {
      batch.erase(Family::meta, variant_row(record.body.key, each.hash));
      segments_.lose_object(each.segment);
    } else if (each.segment >= segments_.low()) {
      kept.push_back(each);
    }
  }
  while (kept.size() >= kDiskVariants) {
    batch.erase(Family::meta, variant_row(record.body.key, kept.front().hash));
    segments_.lose_object(kept.front().segment);
    kept.erase(kept.begin());
  }
  kept.push_back({record.body.variant, record.segment});
  key.key = record.meta.key;
  key.vary = record.meta.vary;
  key.variants = std::move(kept);
  std::string row = key_row(record.body.key);
  std::string value = encode(key, row);
  batch.put(Family::meta, std::move(row), std::move(value));
  return {};
}

std::vector<std::string> DiskStorage::index_rows(const VariantRecord& record,
                                                 std::string_view row) const {
  std::vector<std::string> rows;
  for (const std::string& tag : record.meta.tags) {
    rows.push_back(index_row(tag_mark(settings_.secret, tag), record.segment, row));
  }
  std::string_view host = settings_.host_of_key != nullptr ? settings_.host_of_key(record.meta.key)
                                                           : std::string_view();
  if (!host.empty()) {
    rows.push_back(index_row(host_mark(settings_.secret, host), record.segment, row));
  }
  return rows;
}

Result<std::optional<VariantRecord>> DiskStorage::load_variant(std::string_view row) {
  auto bytes = db_.get(Family::meta, row);
  if (!bytes) {
    if (bytes.error().code == Code::io) {
      return fail(bytes.error());
    }
    return std::optional<VariantRecord>();
  }
  auto record = decode_variant(row, bytes->view());
  if (!record || record->segment < segments_.low()) {
    return std::optional<VariantRecord>();
  }
  return std::optional<VariantRecord>(std::move(*record));
}

Result<std::optional<KeyRecord>> DiskStorage::load_key(const Hash128& key) {
  std::string row = key_row(key);
  auto bytes = db_.get(Family::meta, row);
  if (!bytes) {
    if (bytes.error().code == Code::io) {
      return fail(bytes.error());
    }
    return std::optional<KeyRecord>();
  }
  auto record = decode_key(row, bytes->view());
  return record ? std::optional<KeyRecord>(std::move(*record)) : std::optional<KeyRecord>();
}

void DiskStorage::bury(const VariantRecord& record) {
  std::uint64_t index = 0;
  for (const Extent& extent : record.body.extents) {
    segments_.add_dead(extent.segment, log_bytes(record.body.size, index, extent.count));
    index += extent.count;
  }
  segments_.add_dead(record.segment, record.meta.head.size() + record.body.bytes.size());
}

Result<void> DiskStorage::erase_variant(DiskBatch& batch, std::string_view row) {
  auto record = load_variant(row);
  if (!record) {
    return fail(record.error());
  }
  batch.erase(Family::meta, std::string(row));
  if (!*record) {
    return {};
  }
  for (std::string& each : index_rows(**record, row)) {
    batch.erase(Family::index, std::move(each));
  }
  batch.erase(Family::dir, dir_row((*record)->segment, row));
  for (const Extent& extent : (*record)->body.extents) {
    batch.erase(Family::dir, dir_row(extent.segment, row));
  }
  segments_.lose_object((*record)->segment);
  bury(**record);
  return {};
}

Result<void> DiskStorage::remove(const Hash128& key) {
  // By range, not by the key's record: nothing of a purged key may stay, whatever that record says.
  std::string prefix = key_row(key);
  std::vector<std::string> rows;
  auto scanned = db_.scan(Family::meta, prefix, after_prefix(prefix),
                          [&rows](std::string_view row, std::string_view) {
                            rows.emplace_back(row);
                            return true;
                          });
  if (!scanned) {
    return scanned;
  }
  DiskBatch batch;
  for (const std::string& row : rows) {
    if (row == prefix) {
      batch.erase(Family::meta, row);
    } else if (auto done = erase_variant(batch, row); !done) {
      return done;
    }
  }
  Result<void> done = batch.empty() ? Result<void>() : write(batch);
  publish();
  return done;
}

Result<void> DiskStorage::remove_variant(const Hash128& key, const Hash128& variant) {
  DiskBatch batch;
  if (auto done = erase_variant(batch, variant_row(key, variant)); !done) {
    return done;
  }
  auto record = load_key(key);
  if (!record) {
    return fail(record.error());
  }
  if (*record) {
    std::erase_if((*record)->variants,
                  [&](const KeyRecord::Variant& each) { return each.hash == variant; });
    std::string row = key_row(key);
    if ((*record)->variants.empty()) {
      batch.erase(Family::meta, std::move(row));
    } else {
      std::string value = encode(**record, row);
      batch.put(Family::meta, std::move(row), std::move(value));
    }
  }
  Result<void> done = write(batch);
  publish();
  return done;
}

Result<void> DiskStorage::update(const Hash128& key, const Hash128& variant, const Meta& meta) {
  auto old = load_variant(variant_row(key, variant));
  if (!old) {
    return fail(old.error());
  }
  if (!*old || (*old)->meta.key != meta.key || (*old)->meta.selecting != meta.selecting) {
    return fail(Code::not_found, Side::cache);
  }
  VariantRecord record = **old;
  record.meta = meta;
  record.meta.body_size = record.body.size;
  return put_variant(record, *old);
}

Result<void> DiskStorage::purge(const Hash128& key, const Hash128& variant,
                                const VariantPurge& purge) {
  auto old = load_variant(variant_row(key, variant));
  if (!old) {
    return fail(old.error());
  }
  if (!*old || (*old)->meta.purge_number >= purge.number) {
    return {};
  }
  if (purge.hard) {
    return remove_variant(key, variant);
  }
  VariantRecord record = **old;
  record.meta.purge_number = purge.number;
  record.meta.freshness = made_stale(record.meta.freshness, purge.at);
  return put_variant(record, *old);
}

Result<bool> DiskStorage::scan_step() {
  std::size_t rows = 0;
  std::string last;
  auto done =
      db_.scan(Family::meta, scan_from_, {}, [&](std::string_view row, std::string_view value) {
        auto segment = record_segment(value);
        if (row.size() == 32 && segment && *segment < first_own_) {
          segments_.add_rows(*segment, row.size() + value.size() + 64);
          segments_.add_object(*segment);
        }
        last = row;
        return ++rows < kScanRows;
      });
  // A damaged file ends the scan, and is no reason to stop serving what is not.
  bool more = done.has_value() && rows == kScanRows;
  if (!done && done.error().code == Code::io) {
    return fail(done.error());
  }
  scan_from_ = last + '\0';
  if (!more) {
    counts_.counted.store(true, std::memory_order_relaxed);
  }
  publish();
  return more;
}

} // namespace weir::cache
