// SPDX-License-Identifier: Apache-2.0
#include "cache/directory.h"

#include <algorithm>

#include "cache/rfc9111.h"
#include "http/conditional.h"
#include "metrics/metrics.h"

namespace weir::cache {

Directory::Directory(const DirectoryLimits& limits) : limits_(limits), room_(limits.memory) {}

Directory::Affairs& Directory::Record::make_affairs() {
  if (!affairs) {
    affairs = std::make_unique<Affairs>();
  }
  return *affairs;
}

void Directory::take_bytes(std::size_t n) noexcept {
  entry_bytes_.fetch_add(n, std::memory_order_relaxed);
  metrics::add(metrics::Metric::cache_bytes, n);
  note_moved(n);
}

void Directory::release_bytes(std::size_t n) noexcept {
  entry_bytes_.fetch_sub(n, std::memory_order_relaxed);
  metrics::sub(metrics::Metric::cache_bytes, n);
  note_moved(n);
}

void Directory::note_moved(std::size_t n) noexcept {
  std::uint64_t step = std::max<std::uint64_t>(limits_.memory / 16, 1 << 20);
  std::uint64_t before = moved_bytes_.fetch_add(n, std::memory_order_relaxed);
  if (moved_ && before / step != (before + n) / step) {
    moved_();
  }
}

void Directory::take_fill_bytes(std::uint64_t n) noexcept {
  fill_bytes_.fetch_add(n, std::memory_order_relaxed);
}

void Directory::release_fill_bytes(std::uint64_t n) noexcept {
  fill_bytes_.fetch_sub(n, std::memory_order_relaxed);
}

/// The one there is, or a new one.
Directory::Record& Directory::record_of(Shard& shard, const Hash128& hash) {
  auto [at, made] = shard.records.try_emplace(hash);
  if (made) {
    take_bytes(kRecordCost);
  }
  return at->second;
}

Directory::~Directory() {
  for (Shard& shard : shards_) {
    // Variants are chained: let go of them one by one, not by recursion.
    while (Entry* entry = shard.sieve.front()) {
      Hash128 hash = entry->hash();
      take_out(shard, shard.records.at(hash), *entry);
      tidy(shard, hash);
    }
  }
}

/// Newest first, so the first that matches has the newest Date (CACHE_RULES C6.6).
Entry* Directory::match(Record& record, std::string_view key, Selector& selector) {
  for (Entry* entry = record.variants.get(); entry != nullptr; entry = entry->shelf_.next.get()) {
    if (entry->key() != key) {
      continue;
    }
    if (entry->vary().empty() || selector.values(entry->vary()) == entry->selecting()) {
      return entry;
    }
  }
  return nullptr;
}

Ref<const Entry> Directory::find(std::string_view key, const Hash128& hash, Selector& selector) {
  Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  auto at = shard.records.find(hash);
  if (at == shard.records.end()) {
    return {};
  }
  Entry* entry = match(at->second, key, selector);
  if (entry == nullptr) {
    return {};
  }
  entry->shelf_.visited = true;
  auto& hits = entry->shelf_.hits; // the lock's: no need of fetch_add
  hits.store(hits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return Ref<const Entry>(entry);
}

Directory::Glance Directory::glance(std::string_view key, const Hash128& hash, Selector& selector) {
  Glance seen;
  Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  auto at = shard.records.find(hash);
  if (at == shard.records.end()) {
    return seen;
  }
  bool closed = false;
  seen.entry = Ref<const Entry>(match(at->second, key, selector));
  seen.others = !seen.entry && at->second.variants;
  seen.marked = at->second.affairs && at->second.affairs->marked_until > Clock::mono();
  seen.arriving = joinable(at->second, key, selector, closed) != nullptr;
  return seen;
}

std::vector<Ref<const Entry>> Directory::variants(std::string_view key, const Hash128& hash) {
  std::vector<Ref<const Entry>> found;
  Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  auto at = shard.records.find(hash);
  if (at != shard.records.end()) {
    for (Entry* e = at->second.variants.get(); e != nullptr; e = e->shelf_.next.get()) {
      if (e->key() == key) {
        found.emplace_back(e);
      }
    }
  }
  return found;
}

Fill* Directory::joinable(Record& record, std::string_view key, Selector& selector, bool& closed) {
  // The names of the newest variant tell whether a Fill without a head can be the right one.
  std::string_view names = record.variants ? record.variants->vary() : std::string_view{};
  if (!record.affairs) {
    return nullptr;
  }
  for (Fill* fill : record.affairs->fills) {
    if (fill->partial_ || fill->key() != key || fill->doomed() ||
        fill->purge_number() < join_from_.load()) {
      continue;
    }
    if (fill->names_known_ && !names.empty() && selector.values(names) != fill->selecting_) {
      continue;
    }
    if (fill->closed_to_joiners_) {
      closed = true;
      continue;
    }
    return fill;
  }
  return nullptr;
}

bool Directory::has(std::string_view key, const Hash128& hash, std::string_view selecting) const {
  const Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  auto at = shard.records.find(hash);
  if (at == shard.records.end()) {
    return false;
  }
  const Entry* entry = at->second.variants.get();
  while (entry != nullptr && (entry->key() != key || entry->selecting() != selecting)) {
    entry = entry->shelf_.next.get();
  }
  return entry != nullptr;
}

Claim Directory::claim(std::string_view key, const Hash128& hash, Selector& selector,
                       const Entry* known, event::Loop& loop) {
  Claim claim;
  if (fill_bytes_.load(std::memory_order_relaxed) > limits_.fills) {
    return claim;
  }
  Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  Record& record = record_of(shard, hash);
  Entry* now = match(record, key, selector);
  if (now != nullptr && now != known) {
    claim.kind = Claim::Kind::entry;
    claim.entry = Ref<const Entry>(now);
    return claim;
  }
  claim.others = now == nullptr && record.variants;
  claim.marked = record.affairs && record.affairs->marked_until > Clock::mono();
  if (claim.marked && known == nullptr) {
    claim.moment = {shard.removals, purge_number_.load()};
    return claim;
  }
  // What was for one request alone will be so again: nobody waits for it.
  bool alone = now != nullptr && !may_collapse(now->freshness(), now->freshness().initial_age);
  if (!claim.marked && !alone) {
    bool closed = false;
    if (Fill* fill = joinable(record, key, selector, closed)) {
      claim.kind = Claim::Kind::follow;
      claim.reader = FillReader(Ref<Fill>(fill));
      return claim;
    }
    if (closed) {
      return claim; // its start is gone: this one goes by itself
    }
  }
  std::string_view names = record.variants ? record.variants->vary() : std::string_view{};
  std::uint64_t held = enter_era(); // before the number is read: see kErasToSettle
  auto fill = make_ref<Fill>(*this, loop, std::string(key), hash,
                             std::string(names.empty() ? names : selector.values(names)),
                             !names.empty(), purge_number_.load());
  leave_era(held);
  fill->closed_to_joiners_ = alone;
  fill->renews_ = Ref<const Entry>(now);
  if (!claim.marked) {
    fill->listed_ = true;
    record.make_affairs().fills.push_back(fill.get());
  }
  claim.kind = Claim::Kind::lead;
  claim.reader = FillReader(std::move(fill));
  return claim;
}

bool Directory::head_arrived(Fill& fill, const FillHead& head) {
  Shard& shard = this->shard(fill.hash());
  std::lock_guard lock(shard.mutex);
  Record& record = record_of(shard, fill.hash());
  bool keep = head.storable && !fill.doomed();
  if (keep) {
    fill.selecting_ = head.meta.selecting;
    fill.names_known_ = true;
    const Freshness& fresh = head.meta.freshness;
    fill.closed_to_joiners_ = !may_collapse(fresh, fresh.initial_age);
    fill.partial_ = head.part.has_value();
    if (!fill.listed_) { // under a mark, and cacheable after all: from now on others may join
      fill.listed_ = true;
      record.make_affairs().fills.push_back(&fill);
    }
    unmark(shard, record);
    return true;
  }
  if (fill.listed_) {
    std::erase(record.make_affairs().fills, &fill);
    fill.listed_ = false;
  }
  if (!head.storable && head.marks_key) {
    mark(shard, record);
  }
  tidy(shard, fill.hash());
  return false;
}

void Directory::mark(Shard& shard, Record& record) {
  if (!record.marked()) {
    if (shard.marks >= limits_.marks / shards_.size()) {
      return;
    }
    ++shard.marks;
    take_bytes(kMarkCost);
  }
  record.make_affairs().marked_until = Clock::mono() + limits_.mark_time;
}

void Directory::unmark(Shard& shard, Record& record) {
  if (record.marked()) {
    record.affairs->marked_until = {};
    --shard.marks;
    release_bytes(kMarkCost);
  }
}

void Directory::mark(const Hash128& hash) {
  Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  auto at = shard.records.find(hash);
  if (at != shard.records.end()) { // else it was tidied away: the next answer marks it
    mark(shard, at->second);
  }
}

FillReader Directory::lead_marked(std::string_view key, const Hash128& hash, const Moment& since,
                                  event::Loop& loop) {
  Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  std::uint64_t entered = enter_era();
  if (shard.removals != since.removals || purge_number_.load() != since.purge_number) {
    leave_era(entered);
    return {};
  }
  auto fill =
      make_ref<Fill>(*this, loop, std::string(key), hash, std::string{}, false, since.purge_number);
  leave_era(entered);
  return FillReader(std::move(fill));
}

std::unique_ptr<BodyStore> Directory::begin_store(const Hash128& hash, const FillHead& head) {
  return store_factory_ ? store_factory_(hash, head) : nullptr;
}

void Directory::unlist(Fill& fill) {
  Shard& shard = this->shard(fill.hash());
  std::lock_guard lock(shard.mutex);
  if (fill.listed_) {
    fill.listed_ = false;
    std::erase(shard.records.at(fill.hash()).make_affairs().fills, &fill);
  }
  tidy(shard, fill.hash());
}

void Directory::close_to_joiners(Fill& fill) {
  Shard& shard = this->shard(fill.hash());
  std::lock_guard lock(shard.mutex);
  fill.closed_to_joiners_ = true;
}

/// A record that says nothing any more goes.
void Directory::tidy(Shard& shard, const Hash128& hash) {
  auto at = shard.records.find(hash);
  if (at == shard.records.end()) {
    return;
  }
  Record& record = at->second;
  if (record.marked() && record.affairs->marked_until <= Clock::mono()) {
    unmark(shard, record);
  }
  if (record.affairs && record.affairs->fills.empty() && !record.marked() && !record.held()) {
    record.affairs = nullptr;
  }
  if (!record.variants && !record.affairs) {
    shard.records.erase(at);
    release_bytes(kRecordCost);
  }
}

void Directory::take_out(Shard& shard, Record& record, Entry& entry) {
  if (shard.hand == &entry) {
    shard.hand = shard.sieve.previous(entry);
  }
  static_cast<ListNode<SieveTag>&>(entry).unlink();
  entry.shelf_.listed = false;
  --shard.entries;
  metrics::sub(metrics::Metric::cache_entries);
  release_bytes(entry.cost());
  Ref<Entry>* link = &record.variants;
  while (link->get() != &entry) {
    link = &(*link)->shelf_.next;
  }
  Ref<Entry> gone = std::move(*link);
  *link = std::move(gone->shelf_.next);
}

void Directory::place(Shard& shard, Ref<Entry> entry) {
  Record& record = record_of(shard, entry->hash());
  std::size_t kept = 0;
  for (Entry* old = record.variants.get(); old != nullptr;) {
    Entry* next = old->shelf_.next.get();
    bool same = old->key() != entry->key() ||
                (old->vary() == entry->vary() && old->selecting() == entry->selecting());
    if (same || ++kept >= limits_.variants) {
      take_out(shard, record, *old);
    }
    old = next;
  }
  Entry& placed = *entry;
  placed.shelf_.next = std::move(record.variants);
  record.variants = std::move(entry);
  placed.shelf_.listed = true;
  placed.shelf_.visited = false;
  shard.sieve.push_front(placed);
  ++shard.entries;
  metrics::add(metrics::Metric::cache_entries);
  take_bytes(placed.cost());
}

void Directory::insert(Ref<Entry> entry) {
  {
    Shard& shard = this->shard(entry->hash());
    std::lock_guard lock(shard.mutex);
    if (entry->cost() > limits_.memory / 4 || entry->shelf_.listed) {
      return;
    }
    place(shard, std::move(entry));
  }
  evict();
}

Entry* Directory::variant(Record& record, const Meta& like) {
  Entry* entry = record.variants.get();
  while (entry != nullptr && (entry->key() != like.key || entry->vary() != like.vary ||
                              entry->selecting() != like.selecting)) {
    entry = entry->shelf_.next.get();
  }
  return entry;
}

void Directory::add_part(Fill& fill, const Meta& meta, Part part, std::uint64_t most) {
  Ref<const Entry> old;
  {
    Shard& shard = this->shard(fill.hash());
    std::lock_guard lock(shard.mutex);
    auto at = shard.records.find(fill.hash());
    old = Ref<const Entry>(at == shard.records.end() ? nullptr : variant(at->second, meta));
  }
  if (old && !old->parts()) {
    return; // the whole has come meanwhile
  }
  Ref<const Parts> parts;
  if (old && old->body_size() == meta.body_size && http::strong_match(old->etag(), meta.etag)) {
    parts = join(*old->parts(), part);
  }
  if (!parts || parts->bytes() > most) {
    parts = make_ref<const Parts>(std::vector<Part>{std::move(part)});
  }
  const Part* all = parts->covering(0, meta.body_size);
  replace(fill, all != nullptr ? Entry::in_memory(meta, fill.hash(), all->slices)
                               : Entry::partial(meta, fill.hash(), parts));
}

Moment Directory::moment(const Hash128& hash) const {
  const Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  return {shard.removals, purge_number_.load()};
}

void Directory::replace(Fill& fill, const Ref<const Entry>& entry) {
  {
    Shard& shard = this->shard(fill.hash());
    std::lock_guard lock(shard.mutex);
    if (fill.doomed() || entry->shelf_.listed || entry->cost() > limits_.memory / 4) {
      return;
    }
    // Not in any shelf: what changes is the Directory's part only, under the lock it belongs to.
    place(shard, Ref<Entry>(const_cast<Entry*>(entry.get())));
  }
  evict();
  if (placed_) {
    placed_(entry); // after it: a purge that came meanwhile has not seen it
  }
}

Directory::Record* Directory::begin_removal(Shard& shard, const Hash128& hash, bool hold) {
  ++shard.removals;
  if (hold) {
    ++record_of(shard, hash).make_affairs().held;
  }
  auto at = shard.records.find(hash);
  return at == shard.records.end() ? nullptr : &at->second;
}

std::size_t Directory::remove(std::string_view key, const Hash128& hash, bool hold) {
  Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  Record* record = begin_removal(shard, hash, hold);
  if (record == nullptr) {
    return 0;
  }
  std::size_t gone = 0;
  while (Entry* entry = record->variants.get()) {
    take_out(shard, *record, *entry);
    ++gone;
  }
  if (record->affairs) {
    std::erase_if(record->affairs->fills, [key](Fill* fill) {
      if (fill->key() == key) {
        fill->doom();
      }
      fill->listed_ = !fill->doomed();
      return fill->doomed();
    });
  }
  tidy(shard, hash);
  return gone;
}

void Directory::remove_variant(const Hash128& hash, const Meta& like, bool hold) {
  Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  Record* record = begin_removal(shard, hash, hold);
  Entry* old = record == nullptr ? nullptr : variant(*record, like);
  if (old != nullptr) {
    take_out(shard, *record, *old);
    tidy(shard, hash);
  }
}

void Directory::release(const Hash128& hash) {
  Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  auto at = shard.records.find(hash);
  if (at != shard.records.end() && at->second.held()) {
    --at->second.affairs->held;
    tidy(shard, hash);
  }
}

Directory::DiskEpoch Directory::disk_epoch(const Hash128& hash) const {
  const Shard& shard = this->shard(hash);
  std::lock_guard lock(shard.mutex);
  auto at = shard.records.find(hash);
  return {shard.removals, at != shard.records.end() && at->second.held()};
}

void Directory::drop(const Entry& entry) {
  Shard& shard = this->shard(entry.hash());
  std::lock_guard lock(shard.mutex);
  if (entry.shelf_.listed) {
    Hash128 hash = entry.hash();
    take_out(shard, shard.records.at(hash), const_cast<Entry&>(entry));
    tidy(shard, hash);
  }
}

bool Directory::renew(const Entry& old, Ref<Entry> newer) {
  {
    Shard& shard = this->shard(old.hash());
    std::lock_guard lock(shard.mutex);
    if (!old.shelf_.listed) {
      return false;
    }
    place(shard, std::move(newer));
  }
  evict();
  return true;
}

std::vector<Ref<const Entry>> Directory::entries(std::size_t part) const {
  std::vector<Ref<const Entry>> all;
  const Shard& shard = shards_[part];
  std::lock_guard lock(shard.mutex);
  all.reserve(shard.entries);
  for (const auto& [hash, record] : shard.records) {
    for (const Entry* entry = record.variants.get(); entry != nullptr;
         entry = entry->shelf_.next.get()) {
      all.emplace_back(entry);
    }
  }
  return all;
}

std::uint64_t Directory::enter_era() noexcept {
  while (true) {
    std::uint64_t era = era_.load();
    fills_of_era_[era & 1].fetch_add(1);
    if (era_.load() == era) {
      return era;
    }
    fills_of_era_[era & 1].fetch_sub(1);
  }
}

void Directory::pass_era() noexcept {
  std::uint64_t era = era_.load();
  if (fills_of_era_[(era + 1) & 1].load() == 0) {
    era_.store(era + 1);
  }
}

DirectoryStats Directory::stats() const {
  DirectoryStats sum;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    sum.entries += shard.entries;
    sum.keys += shard.records.size();
    sum.marks += shard.marks;
  }
  sum.entry_bytes = entry_bytes_.load(std::memory_order_relaxed);
  sum.fill_bytes = fill_bytes_.load(std::memory_order_relaxed);
  sum.evictions = evictions_.load(std::memory_order_relaxed);
  return sum;
}

} // namespace weir::cache
