// SPDX-License-Identifier: Apache-2.0
#include "cache/disk_read.h"

#include <atomic>

#include "cache/disk_body.h"

namespace weir::cache {

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
  const KeyRecord& record = *shelf_->record;
  if (record.key != key_.bytes) {
    return false;
  }
  std::string_view values =
      record.vary.empty() ? std::string_view{} : selector_.values(record.vary);
  Hash128 wanted = tier_.disk->hash_of(values);
  auto next = make_ref<Shelf>();
  Ref<Shelf> shelf = std::exchange(shelf_, next);
  return io_.submit([next, &tier = tier_, hash = key_.hash, wanted, owner = owner_] {
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
  bool mine =
      found.meta.key == key_.bytes &&
      (found.meta.vary.empty() || selector_.values(found.meta.vary) == found.meta.selecting);
  if (!mine) {
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
