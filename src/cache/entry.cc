// SPDX-License-Identifier: Apache-2.0
#include "cache/entry.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace weir::cache {

namespace {

std::size_t total(const std::vector<Slice>& body) {
  std::size_t size = 0;
  for (const Slice& slice : body) {
    size += slice.size;
  }
  return size;
}

constexpr Duration kLongAge = std::chrono::years(200); // "very old"; far from overflow

} // namespace

Entry::Entry(const Meta& meta, const Hash128& hash, std::size_t body_inline)
    : hash_(hash), status_(meta.status), body_size_(meta.body_size),
      purge_number_(meta.purge_number), freshness_(meta.freshness), date_(meta.date),
      last_modified_(meta.last_modified), addresses_(meta.addresses), tags_(meta.tags) {
  std::size_t at = 0;
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
  cost_ = sizeof(Entry) + at + addresses_.capacity() * sizeof(Address);

  // A clock that was set back must not make it younger than it was at receipt.
  Duration resident = std::max(Clock::wall() - freshness_.response_time, Duration::zero());
  Duration age = std::min(freshness_.initial_age, kLongAge) + std::min(resident, kLongAge);
  age_zero_ = Clock::mono() - age;
}

Ref<Entry> Entry::make(const Meta& meta, const Hash128& hash, std::size_t body_inline) {
  std::size_t extra = meta.key.size() + meta.vary.size() + meta.selecting.size() +
                      meta.etag.size() + meta.head.size() + body_inline;
  return make_sized<Entry>(extra, meta, hash, body_inline);
}

Ref<Entry> Entry::in_memory(const Meta& meta, const Hash128& hash, std::vector<Slice> body) {
  std::size_t size = total(body);
  if (size != meta.body_size) {
    panic("Entry::in_memory: body of another size");
  }
  if (size > kInlineBody) {
    Ref<Entry> entry = make(meta, hash, 0);
    entry->cost_ += size + body.size() * sizeof(Slice);
    entry->slices_ = std::move(body);
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
  entry->disk_body_ = std::move(body);
  return entry;
}

Ref<Entry> Entry::refreshed(const Entry& old, const Meta& meta) {
  return refreshed(old, meta, meta.head == old.head() ? old.siblings_ : nullptr);
}

Ref<Entry> Entry::refreshed(const Entry& old, const Meta& meta, Ref<const Sibling> siblings) {
  Ref<Entry> entry = old.disk_body_        ? on_disk(meta, old.hash_, old.disk_body_)
                     : old.slices_.empty() ? in_memory(meta, old.hash_, {Slice(old.inline_body())})
                                           : in_memory(meta, old.hash_, old.slices_);
  entry->shelf_.hits.store(old.hits(), std::memory_order_relaxed);
  for (const Sibling* each = siblings.get(); each != nullptr; each = each->next().get()) {
    entry->cost_ += each->cost();
  }
  entry->siblings_ = std::move(siblings);
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
  meta.addresses = addresses_;
  meta.tags = tags_;
  meta.purge_number = purge_number_;
  meta.body_size = body_size_;
  return meta;
}

} // namespace weir::cache
