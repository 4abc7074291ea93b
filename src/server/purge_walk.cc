// SPDX-License-Identifier: Apache-2.0
#include "server/purge_walk.h"

#include <algorithm>
#include <charconv>

#include "admin/stored_filter.h"
#include "cache/coded_copy.h"
#include "cache/key.h"

namespace weir::server {

namespace {

/// The part before the next NUL, taken off.
std::string_view take_part(std::string_view& text) {
  std::size_t nul = std::min(text.find('\0'), text.size());
  std::string_view part = text.substr(0, nul);
  text.remove_prefix(std::min(nul + 1, text.size()));
  return part;
}

} // namespace

std::shared_ptr<const cache::BanTest> make_test(const PurgeTarget& target) {
  if (target.kind == PurgeTarget::Kind::filter) {
    log::FilterError why;
    return admin::StoredFilter::parse(target.text, why);
  }
  if (target.kind != PurgeTarget::Kind::prefix) {
    return nullptr;
  }
  std::string_view rest = target.text;
  std::string scheme(take_part(rest));
  std::string host(take_part(rest));
  std::string_view digits = take_part(rest);
  std::uint16_t port = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return std::make_shared<const admin::PrefixTest>(target.realm, std::move(scheme), std::move(host),
                                                   port, std::string(rest));
}

bool PurgeWalk::names(const cache::Subject& subject) const {
  if (subject.purge_number >= ban_.number) {
    return false;
  }
  cache::KeyParts parts = cache::key_parts(subject.key);
  bool here = target_.realm.empty() || parts.realm == target_.realm;
  switch (target_.kind) {
  case PurgeTarget::Kind::url:
    return subject.key == target_.text;
  case PurgeTarget::Kind::parts: // the key without parts is `url`'s
    return subject.key.size() > target_.text.size() &&
           cache::key_url_part(subject.key) == target_.text;
  case PurgeTarget::Kind::host:
    return here && parts.host == target_.text;
  case PurgeTarget::Kind::tag:
    return here &&
           std::find(subject.tags.begin(), subject.tags.end(), target_.text) != subject.tags.end();
  case PurgeTarget::Kind::prefix:
  case PurgeTarget::Kind::filter:
    return here && ban_.test->matches(subject, ban_.at);
  }
  return false;
}

bool PurgeWalk::run(bool dry) {
  cache::DirectoryStats stats = tier_.directory.stats();
  bool scans = target_.kind == PurgeTarget::Kind::filter;
  progress_->total += stats.entries + (scans && tier_.disk ? tier_.disk->status().objects : 0);
  walk_memory(dry);
  bool sound = !tier_.disk || walk_disk(dry);
  --progress_->walks;
  return sound;
}

void PurgeWalk::walk_memory(bool dry) {
  if (target_.kind == PurgeTarget::Kind::url) {
    for (auto& entry :
         tier_.directory.variants(target_.text, siphash128(tier_.secret, target_.text))) {
      see_in_memory(std::move(entry), dry);
    }
    return;
  }
  for (std::size_t part = 0; part < cache::Directory::kShards; ++part) {
    for (Ref<const cache::Entry>& entry : tier_.directory.entries(part)) {
      see_in_memory(std::move(entry), dry);
    }
  }
}

void PurgeWalk::see_in_memory(Ref<const cache::Entry> entry, bool dry) {
  ++progress_->seen;
  if (!names(cache::Subject::of(*entry))) {
    return;
  }
  ++progress_->matched;
  progress_->bytes += entry->body_size();
  if (!dry) {
    tier_.settle(std::move(entry));
  }
}

bool PurgeWalk::walk_disk(bool dry) {
  cache::DiskTier& disk = *tier_.disk;
  if (!disk.settle()) { // what was committed before the purge came into force can be found now
    return false;
  }
  auto see = [this, dry](const cache::MetaRow& row) { return see_on_disk(row, dry); };
  std::string_view rest = target_.text;
  switch (target_.kind) {
  case PurgeTarget::Kind::tag:
    return disk.for_each_in_index(disk.mark_of_tag(target_.text), see).has_value();
  case PurgeTarget::Kind::host:
    return disk.for_each_in_index(disk.mark_of_host(target_.text), see).has_value();
  case PurgeTarget::Kind::url: {
    Hash128 hash = siphash128(tier_.secret, target_.text);
    if (auto record = disk.read_key(hash)) {
      for (const cache::KeyRecord::Variant& variant : record->variants) {
        see({hash, variant.hash});
      }
    }
    return !disk.failed();
  }
  case PurgeTarget::Kind::parts:
    return disk.for_each_in_index(disk.mark_of_host(cache::key_host(target_.text)), see)
        .has_value();
  case PurgeTarget::Kind::prefix:
    take_part(rest);
    return disk.for_each_in_index(disk.mark_of_host(take_part(rest)), see).has_value();
  case PurgeTarget::Kind::filter:
    break;
  }
  auto take_all = [this, dry](const cache::MetaRow& row, const cache::StoredVariant& found) {
    ++progress_->seen;
    if (!cache::is_coded_copy(found.meta.key)) {
      take(row, found.meta, dry);
    }
    return true;
  };
  return disk.for_each_variant(take_all).has_value();
}

bool PurgeWalk::see_on_disk(const cache::MetaRow& row, bool dry) {
  ++progress_->seen;
  if (auto found = tier_.disk->read_variant(row.key, row.variant)) {
    take(row, found->meta, dry);
  }
  return !tier_.disk->failed();
}

void PurgeWalk::take(const cache::MetaRow& row, const cache::Meta& meta, bool dry) {
  if (!names(cache::Subject::of(meta))) {
    return;
  }
  if (!tier_.directory.has(meta.key, row.key, meta.selecting)) { // else it is counted already
    ++progress_->matched;
    progress_->bytes += meta.body_size;
  }
  if (!dry) {
    tier_.disk->purge_variant(row.key, row.variant, {ban_.number, ban_.hard, ban_.at});
  }
}

} // namespace weir::server
