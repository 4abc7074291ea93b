// SPDX-License-Identifier: Apache-2.0
#include "cache/disk_read.h"

#include <atomic>

#include "cache/disk_body.h"

namespace weir::cache {

std::optional<Hash128> wanted_variant(const DiskTier& disk, const KeyRecord& record, const Key& key,
                                      Selector& selector) {
  if (record.key != key.bytes) {
    return std::nullopt;
  }
  return disk.hash_of(record.vary.empty() ? std::string_view{} : selector.values(record.vary));
}

bool is_wanted(const Meta& meta, const Key& key, Selector& selector) {
  return meta.key == key.bytes &&
         (meta.vary.empty() || selector.values(meta.vary) == meta.selecting);
}

/// Where an io thread leaves what it read. It writes before it sets `ready`; the owner reads after.
class DiskRead::Shelf final : public Shared {
public:
  std::atomic<bool> ready{false};
  std::optional<KeyRecord> record;
  std::optional<StoredVariant> variant;
  std::vector<Slice> body;
};

DiskRead::DiskRead(Tier& tier, event::BackgroundPool& io, const event::Ticket& owner,
                   const Key& key, Selector& selector)
    : tier_(tier), io_(io), owner_(owner), key_(key), selector_(selector),
      epoch_(tier.directory.disk_epoch(key.hash)) {}

DiskRead::~DiskRead() = default;

bool DiskRead::start() {
  shelf_ = make_ref<Shelf>();
  return io_.submit([shelf = shelf_, &tier = tier_, hash = key_.hash, owner = owner_] {
    if (auto record = tier.disk->read_key(hash)) {
      shelf->record = std::move(*record);
    }
    shelf->ready.store(true, std::memory_order_release);
    owner.wake();
  });
}

/// The record of the key is there: which variant does this request want?
bool DiskRead::ask_variant() {
  auto wanted = wanted_variant(*tier_.disk, *shelf_->record, key_, selector_);
  if (!wanted) {
    return false;
  }
  auto next = make_ref<Shelf>();
  Ref<Shelf> shelf = std::exchange(shelf_, next);
  return io_.submit([next, &tier = tier_, hash = key_.hash, wanted = *wanted, owner = owner_] {
    if (auto variant = tier.disk->read_variant(hash, wanted)) {
      bool whole = variant->meta.body_size <= kWhole;
      bool good = true;
      if (whole && !variant->body.is_inline() && variant->meta.body_size > 0) {
        auto body = tier.disk->read_body(variant->body, 0, variant->meta.body_size);
        good = body.has_value();
        next->body = good ? std::move(*body) : std::vector<Slice>{};
      }
      if (good) {
        tier.disk->touch(hash, wanted);
        next->variant = std::move(*variant);
      }
    }
    next->ready.store(true, std::memory_order_release);
    owner.wake();
  });
}

bool DiskRead::done() {
  if (finished_) {
    return true;
  }
  if (!shelf_->ready.load(std::memory_order_acquire)) {
    return false;
  }
  if (shelf_->record && ask_variant()) {
    return false;
  }
  finished_ = true;
  return true;
}

Ref<Entry> DiskRead::take_entry() {
  if (!shelf_->variant || !tier_.directory.still_valid(key_.hash, epoch_)) {
    return {}; // nothing, or removed meanwhile
  }
  StoredVariant& found = *shelf_->variant;
  if (!is_wanted(found.meta, key_, selector_)) {
    return {};
  }
  if (found.body.is_inline()) {
    return Entry::in_memory(found.meta, key_.hash, {Slice(std::string_view(found.body.bytes))});
  }
  if (found.meta.body_size <= kWhole) {
    return Entry::in_memory(found.meta, key_.hash, std::move(shelf_->body));
  }
  return Entry::on_disk(found.meta, key_.hash, make_ref<StoredBody>(std::move(found.body)));
}

} // namespace weir::cache
