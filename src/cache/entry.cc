// SPDX-License-Identifier: Apache-2.0
#include "cache/entry.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace weir::cache {

namespace {

/// What the tags of a response take on the heap.
std::size_t heap_bytes_of(const std::vector<std::string>& tags) {
  std::size_t sum = heap_bytes(tags.capacity() * sizeof(std::string));
  for (const std::string& tag : tags) {
    sum += tag.capacity() > std::string().capacity() ? heap_bytes(tag.capacity() + 1) : 0;
  }
  return sum;
}

constexpr Duration kLongAge = std::chrono::years(200); // "very old"; far from overflow

} // namespace

const Entry::Aside Entry::kNothing;

Entry::Entry(const Meta& meta, const Hash128& hash, std::size_t body_inline)
    : hash_(hash), status_(meta.status), body_size_(meta.body_size),
      purge_number_(meta.purge_number), freshness_(meta.freshness), date_(meta.date),
      last_modified_(meta.last_modified) {
  std::size_t at = meta.addresses.size() * sizeof(Address);
  std::uninitialized_copy(meta.addresses.begin(), meta.addresses.end(),
                          reinterpret_cast<Address*>(trailing(this)));
  auto place = [&](Part which, std::size_t size) {
    begin_[which] = static_cast<std::uint32_t>(at);
    at += size;
    begin_[which + 1] = static_cast<std::uint32_t>(at);
  };
  auto put = [&](Part which, std::string_view text) {
    std::memcpy(trailing(this) + at, text.data(), text.size());
    place(which, text.size());
  };
  put(kKey, meta.key);
  put(kVary, meta.vary);
  put(kSelecting, meta.selecting);
  put(kEtag, meta.etag);
  put(kHead, meta.head);
  place(kBody, body_inline);
  cost_ = heap_bytes(sizeof(Entry) + at);
  if (!meta.tags.empty()) {
    make_aside().tags = meta.tags;
    cost_ += heap_bytes_of(aside_->tags);
  }

  // A clock that was set back must not make it younger than it was at receipt.
  Duration resident = std::max(Clock::wall() - freshness_.response_time, Duration::zero());
  Duration age = std::min(freshness_.initial_age, kLongAge) + std::min(resident, kLongAge);
  age_zero_ = Clock::mono() - age;
}

Entry::Aside& Entry::make_aside() {
  if (!aside_) {
    aside_ = std::make_unique<Aside>();
    cost_ += heap_bytes(sizeof(Aside));
  }
  return *aside_;
}

Ref<Entry> Entry::make(const Meta& meta, const Hash128& hash, std::size_t body_inline) {
  std::size_t extra = meta.addresses.size() * sizeof(Address) + meta.key.size() + meta.vary.size() +
                      meta.selecting.size() + meta.etag.size() + meta.head.size() + body_inline;
  return make_sized<Entry>(extra, meta, hash, body_inline);
}

Ref<Entry> Entry::in_memory(const Meta& meta, const Hash128& hash, std::vector<Slice> body) {
  std::size_t size = size_of(body);
  if (size != meta.body_size) {
    panic("Entry::in_memory: body of another size");
  }
  if (size > kInlineBody) {
    std::size_t held = held_by(body).value_or(SIZE_MAX);
    if (held > size + size / 8) {
      body = copied(body);
      held = held_by(body).value_or(size);
    }
    Ref<Entry> entry = make(meta, hash, 0);
    Aside& aside = entry->make_aside();
    aside.slices = std::move(body);
    entry->cost_ += held + heap_bytes(aside.slices.capacity() * sizeof(Slice));
    return entry;
  }
  Ref<Entry> entry = make(meta, hash, size);
  char* to = entry->body_at();
  for (const Slice& slice : body) {
    std::memcpy(to, slice.data, slice.size);
    to += slice.size;
  }
  return entry;
}

Ref<Entry> Entry::on_disk(const Meta& meta, const Hash128& hash, Ref<const DiskBody> body) {
  Ref<Entry> entry = make(meta, hash, 0);
  entry->cost_ += body->footprint();
  entry->make_aside().disk_body = std::move(body);
  return entry;
}

Ref<Entry> Entry::partial(const Meta& meta, const Hash128& hash, Ref<const Parts> parts) {
  Ref<Entry> entry = make(meta, hash, 0);
  entry->cost_ += parts->cost();
  entry->make_aside().parts = std::move(parts);
  return entry;
}

Ref<Entry> Entry::refreshed(const Entry& old, const Meta& meta) {
  return refreshed(old, meta, meta.head == old.head() ? old.siblings() : nullptr);
}

Ref<Entry> Entry::refreshed(const Entry& old, const Meta& meta, Ref<const Sibling> siblings) {
  Ref<Entry> entry = old.parts()            ? partial(meta, old.hash_, old.parts())
                     : old.disk_body()      ? on_disk(meta, old.hash_, old.disk_body())
                     : old.slices().empty() ? in_memory(meta, old.hash_, {Slice(old.inline_body())})
                                            : in_memory(meta, old.hash_, old.slices());
  entry->shelf_.hits.store(old.hits(), std::memory_order_relaxed);
  for (const Sibling* each = siblings.get(); each != nullptr; each = each->next().get()) {
    entry->cost_ += each->cost();
  }
  if (siblings) {
    entry->make_aside().siblings = std::move(siblings);
  }
  return entry;
}

Meta Entry::to_meta() const {
  Meta meta;
  meta.key = key();
  meta.vary = vary();
  meta.selecting = selecting();
  meta.head = head();
  meta.status = status_;
  meta.freshness = freshness_;
  meta.date = date_;
  meta.etag = etag();
  meta.last_modified = last_modified_;
  meta.addresses.assign(addresses().begin(), addresses().end());
  meta.tags = tags();
  meta.purge_number = purge_number_;
  meta.body_size = body_size_;
  return meta;
}

} // namespace weir::cache
