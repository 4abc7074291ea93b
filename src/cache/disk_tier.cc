// SPDX-License-Identifier: Apache-2.0
#include "cache/disk_tier.h"

#include <algorithm>
#include <cstring>
#include <future>

#include "base/errlog.h"
#include "metrics/metrics.h"

namespace weir::cache {

using metrics::Metric;

namespace {

/// Until the storage thread has carried it out.
Result<void> wait_for(DiskWriter& writer, DiskOp op) {
  std::promise<Result<void>> told;
  op.done = [&told](Result<void> result) { told.set_value(std::move(result)); };
  writer.submit(std::move(op));
  return told.get_future().get();
}

} // namespace

DiskStore::~DiskStore() {
  if (!ended_) {
    writer_.submit(DiskOp{AbandonOp{body_}, nullptr});
  }
}

bool DiskStore::append(const Slice& slice) {
  if (ended_ || body_->dead()) {
    return false;
  }
  Slice kept = slice;
  if (!kept.owner && !kept.empty()) { // nobody keeps these bytes until they are written
    Ref<Chunk> chunk = Chunk::of_capacity(slice.size);
    std::memcpy(chunk->data(), slice.data, slice.size);
    std::string_view bytes(chunk->data(), slice.size); // before the move: arguments have no order
    kept = Slice(bytes, Ref<const Shared>(std::move(chunk)));
  }
  if (kept.empty() || writer_.submit(AppendOp{body_, std::move(kept)})) {
    return true;
  }
  metrics::count(Metric::disk_stores_abandoned);
  return false;
}

void DiskStore::commit(const Meta& meta, DiskDone done) {
  ended_ = true;
  writer_.submit(DiskOp{CommitOp{body_, std::make_unique<Meta>(meta)}, std::move(done)});
}

Probe DiskTier::probe_row(const std::string& row, std::string& value) {
  if (failed()) {
    return Probe::no;
  }
  return db_->get_cached(Family::meta, row, value);
}

Probe DiskTier::probe(const Hash128& key, KeyRecord* out) {
  std::string row = key_row(key);
  std::string value;
  Probe answer = probe_row(row, value);
  if (answer == Probe::here) {
    auto record = decode_key(row, value);
    if (!record) {
      damaged("the record of a key", key, nullptr);
      answer = Probe::no;
    } else {
      std::erase_if(record->variants, [this](const KeyRecord::Variant& each) {
        return each.segment < segments_->low();
      });
      answer = record->variants.empty() ? Probe::no : Probe::here;
      *out = std::move(*record);
    }
  }
  return answer;
}

Probe DiskTier::probe_variant(const Hash128& key, const Hash128& variant, StoredVariant* out) {
  std::string row = variant_row(key, variant);
  std::string value;
  Probe answer = probe_row(row, value);
  if (answer != Probe::here) {
    return answer;
  }
  auto found = living(row, value);
  if (!found) {
    return Probe::no;
  }
  *out = std::move(*found);
  return Probe::here;
}

Result<StoredVariant> DiskTier::living(const std::string& row, std::string_view bytes) {
  auto record = decode_variant(row, bytes);
  if (!record) {
    MetaRow names = parse_variant_row(row).value_or(MetaRow{});
    return fail(damaged("the record of a response", names.key, &names.variant));
  }
  if (record->segment < segments_->low()) {
    return fail(Code::not_found, Side::cache);
  }
  return StoredVariant{std::move(record->meta), std::move(record->body)};
}

Error DiskTier::damaged(std::string_view what, const Hash128& key, const Hash128* variant) {
  metrics::count(Metric::disk_checksum_failures);
  log_warn("disk: {}: {} is damaged and dropped", settings_.path, what);
  if (variant != nullptr) {
    remove_variant(key, *variant);
  } else {
    remove(key);
  }
  return {Code::corrupt, Side::cache};
}

/// Code::not_found, Code::corrupt (not yet counted), or Code::io: the tier has failed.
Result<Slice> DiskTier::read_row(Family family, const std::string& row) {
  if (failed()) {
    return fail(Code::io, Side::cache);
  }
  metrics::count(Metric::disk_reads);
  auto bytes = db_->get(family, row);
  if (!bytes && bytes.error().code == Code::io) {
    fault_.fail(bytes.error(), db_->reason());
    flush(nullptr); // wakes the storage thread, which tries again
  }
  return bytes;
}

Result<KeyRecord> DiskTier::read_key(const Hash128& key) {
  std::string row = key_row(key);
  auto bytes = read_row(Family::meta, row);
  if (!bytes && bytes.error().code != Code::corrupt) {
    return fail(bytes.error());
  }
  Result<KeyRecord> record = fail(Code::corrupt, Side::cache);
  if (bytes) {
    record = decode_key(row, bytes->view());
  }
  if (!record) {
    return fail(damaged("the record of a key", key, nullptr));
  }
  std::erase_if(record->variants,
                [this](const KeyRecord::Variant& each) { return each.segment < segments_->low(); });
  if (record->variants.empty()) {
    return fail(Code::not_found, Side::cache);
  }
  return record;
}

Result<StoredVariant> DiskTier::read_variant(const Hash128& key, const Hash128& variant) {
  std::string row = variant_row(key, variant);
  auto bytes = read_row(Family::meta, row);
  if (!bytes) {
    return fail(bytes.error().code == Code::corrupt
                    ? damaged("the record of a response", key, &variant)
                    : bytes.error());
  }
  return living(row, bytes->view());
}

Result<std::vector<Slice>> DiskTier::read_body(const BodyPlace& body, std::uint64_t offset,
                                               std::uint64_t length) {
  std::vector<Slice> parts;
  if (offset > body.size || length > body.size - offset) {
    return fail(Code::internal, Side::cache);
  }
  if (length == 0) {
    return parts;
  }
  if (body.is_inline()) {
    Ref<Chunk> chunk = Chunk::of_capacity(static_cast<std::size_t>(length));
    std::memcpy(chunk->data(), body.bytes.data() + offset, static_cast<std::size_t>(length));
    std::string_view bytes(chunk->data(), static_cast<std::size_t>(length));
    parts.emplace_back(bytes, Ref<const Shared>(std::move(chunk)));
    return parts;
  }
  const BodyPlace* place = &body;
  BodyPlace moved;
  while (length > 0) {
    auto skip = static_cast<std::size_t>(offset % kDiskChunk);
    auto n = static_cast<std::size_t>(std::min<std::uint64_t>(length, kDiskChunk - skip));
    auto part = read_chunk(*place, offset / kDiskChunk, skip, n);
    if (!part && part.error().code == Code::not_found && place == &body) {
      // Its segment went; a second chance may have put it elsewhere.
      auto again = read_variant(body.key, body.variant);
      if (!again || again->body.id != body.id || again->body.size != body.size) {
        return fail(part.error());
      }
      moved = std::move(again->body);
      place = &moved;
      continue;
    }
    if (!part) {
      return fail(part.error().code == Code::corrupt ? damaged("a body", body.key, &body.variant)
                                                     : part.error());
    }
    parts.push_back(std::move(*part));
    offset += n;
    length -= n;
  }
  return parts;
}

Result<Slice> DiskTier::read_chunk(const BodyPlace& body, std::uint64_t index, std::size_t skip,
                                   std::size_t length) {
  std::uint64_t left = index;
  for (const Extent& extent : body.extents) {
    if (left >= extent.count) {
      left -= extent.count;
      continue;
    }
    if (extent.segment < segments_->low()) {
      return fail(Code::not_found, Side::cache);
    }
    auto row = read_row(Family::body,
                        body_row(extent.segment, extent.first + static_cast<std::uint32_t>(left)));
    if (!row) {
      return row;
    }
    auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(kDiskChunk, body.size - index * kDiskChunk));
    auto payload = open_chunk(body.id, index, size, row->view());
    if (!payload) {
      return fail(payload.error());
    }
    metrics::count(Metric::disk_read_bytes, payload->size());
    // A copy of the exact size: what stays in memory is what was asked for.
    Ref<Chunk> chunk = Chunk::of_capacity(length);
    std::memcpy(chunk->data(), payload->data() + skip, length);
    std::string_view bytes(chunk->data(), length);
    return Slice(bytes, Ref<const Shared>(std::move(chunk)));
  }
  return fail(Code::corrupt, Side::cache);
}

Result<std::vector<Slice>> DiskTier::read_growing(const GrowingBody& body, std::uint64_t offset,
                                                  std::uint64_t length) {
  return read_body(body.place(), offset, length);
}

Result<void> DiskTier::for_each_in_index(std::uint64_t mark,
                                         const std::function<bool(const MetaRow&)>& fn) {
  if (failed()) {
    return fail(Code::io, Side::cache);
  }
  std::string prefix = index_row(mark, 0, {}).substr(0, 8);
  return db_->scan(Family::index, prefix, after_prefix(prefix),
                   [&](std::string_view row, std::string_view) {
                     auto segment = parse_index_segment(row);
                     if (!segment || *segment < segments_->low()) {
                       return true;
                     }
                     auto names = parse_variant_row(row.substr(12));
                     return !names || fn(*names);
                   });
}

Result<std::vector<DiskTier::FoundVariant>> DiskTier::read_page(std::string& from) {
  constexpr std::size_t kPage = 1024;
  if (failed()) {
    return fail(Code::io, Side::cache);
  }
  std::vector<FoundVariant> page;
  std::string next;
  auto done = db_->scan(Family::meta, from, {}, [&](std::string_view row, std::string_view value) {
    auto names = parse_variant_row(row);
    if (!names || row.size() != 32) {
      return true;
    }
    auto record = decode_variant(row, value);
    if (!record || record->segment < segments_->low()) {
      return true;
    }
    page.push_back({*names, {std::move(record->meta), std::move(record->body)}});
    if (page.size() < kPage) {
      return true;
    }
    next = std::string(row) + '\0';
    return false;
  });
  if (!done) {
    return fail(done.error());
  }
  from = std::move(next);
  return page;
}

Result<void>
DiskTier::for_each_variant(const std::function<bool(const MetaRow&, const StoredVariant&)>& fn) {
  std::string from;
  do {
    auto page = read_page(from);
    if (!page) {
      return fail(page.error());
    }
    for (const FoundVariant& each : *page) {
      if (!fn(each.row, each.stored)) {
        return {};
      }
    }
  } while (!from.empty());
  return {};
}

std::unique_ptr<DiskStore> DiskTier::begin_store(const Hash128& key) {
  if (failed()) {
    remove(key); // an older answer must not come back with the disk
    return nullptr;
  }
  std::uint64_t number = ids_.fetch_add(1, std::memory_order_relaxed);
  std::string_view bytes(reinterpret_cast<const char*>(&number), sizeof number);
  return std::make_unique<DiskStore>(*writer_,
                                     make_ref<GrowingBody>(key, siphash64(id_key_, bytes)));
}

void DiskTier::remove(const Hash128& key, DiskDone done) {
  writer_->submit(DiskOp{RemoveOp{key, std::nullopt}, std::move(done)});
}

void DiskTier::remove_variant(const Hash128& key, const Hash128& variant, DiskDone done) {
  writer_->submit(DiskOp{RemoveOp{key, variant}, std::move(done)});
}

void DiskTier::update_meta(const Hash128& key, const Hash128& variant, const Meta& meta,
                           DiskDone done) {
  writer_->submit(DiskOp{UpdateOp{key, variant, std::make_unique<Meta>(meta)}, std::move(done)});
}

void DiskTier::purge_variant(const Hash128& key, const Hash128& variant, const VariantPurge& purge,
                             DiskDone done) {
  writer_->submit(DiskOp{PurgeOp{key, variant, purge}, std::move(done)});
}

void DiskTier::flush(DiskDone done) { writer_->submit(DiskOp{FlushOp{}, std::move(done)}); }

Result<void> DiskTier::flush() { return wait_for(*writer_, {FlushOp{}, nullptr}); }

void DiskTier::when_flushed(DiskDone done) {
  writer_->submit(DiskOp{WhenFlushedOp{}, std::move(done)});
}

Result<void> DiskTier::settle() { return wait_for(*writer_, {SettleOp{}, nullptr}); }

bool DiskTier::is_worth_storing(const Hash128& key) const noexcept {
  return !settings_.admit_frequent || asked_.estimate(key) > 1 ||
         !storage_->counts().full.load(std::memory_order_relaxed);
}

DiskStatus DiskTier::status() const {
  const DiskStorage::Counts& counts = storage_->counts();
  DiskStatus status;
  status.capacity = settings_.capacity;
  status.bytes = counts.bytes.load(std::memory_order_relaxed);
  status.dead_bytes = counts.dead_bytes.load(std::memory_order_relaxed);
  status.file_bytes = counts.file_bytes.load(std::memory_order_relaxed);
  status.objects = counts.objects.load(std::memory_order_relaxed);
  status.segments = counts.segments.load(std::memory_order_relaxed);
  status.body_files = counts.body_files.load(std::memory_order_relaxed);
  status.queue_bytes = writer_->queued_bytes();
  status.counted = counts.counted.load(std::memory_order_relaxed);
  status.failed = failed();
  status.last_error = fault_.reason();
  return status;
}

} // namespace weir::cache
