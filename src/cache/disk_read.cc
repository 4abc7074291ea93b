// SPDX-License-Identifier: Apache-2.0
#include "cache/disk_read.h"

#include <atomic>
#include <string>

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
  std::optional<KeyRecord> record; // which variant is wanted the owner must say
  std::optional<StoredVariant> variant;
  std::vector<Slice> body;

  /// The io thread.
  void read_variant(DiskTier& disk, const Hash128& key, const Hash128& wanted) {
    auto found = disk.read_variant(key, wanted);
    if (!found) {
      return;
    }
    if (found->meta.body_size <= kWhole && !found->body.is_inline() && found->meta.body_size > 0) {
      auto bytes = disk.read_body(found->body, 0, found->meta.body_size);
      if (!bytes) {
        return;
      }
      body = std::move(*bytes);
    }
    disk.touch(key, wanted);
    variant = std::move(*found);
  }
  void finish(const event::Ticket& owner) {
    ready.store(true, std::memory_order_release);
    owner.wake();
  }
};

DiskRead::DiskRead(Tier& tier, event::BackgroundPool& io, const event::Ticket& owner,
                   const Key& key, Selector& selector)
    : tier_(tier), io_(io), owner_(owner), key_(key), selector_(selector),
      epoch_(tier.directory.disk_epoch(key.hash)) {}

DiskRead::~DiskRead() = default;

bool DiskRead::start() {
  shelf_ = make_ref<Shelf>();
  return io_.submit([shelf = shelf_, &disk = *tier_.disk, hash = key_.hash,
                     bytes = std::string(key_.bytes), owner = owner_] {
    auto record = disk.read_key(hash);
    if (record && record->key == bytes) {
      if (record->vary.empty()) {
        shelf->read_variant(disk, hash, disk.hash_of({}));
      } else {
        shelf->record = std::move(*record);
      }
    }
    shelf->finish(owner);
  });
}

/// The record of the key is there: which variant does this request want?
bool DiskRead::ask_variant() {
  auto wanted = wanted_variant(*tier_.disk, *shelf_->record, key_, selector_);
  if (!wanted) {
    return false;
  }
  shelf_ = make_ref<Shelf>();
  return io_.submit(
      [shelf = shelf_, &disk = *tier_.disk, hash = key_.hash, wanted = *wanted, owner = owner_] {
        shelf->read_variant(disk, hash, wanted);
        shelf->finish(owner);
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
