// SPDX-License-Identifier: Apache-2.0
#include "cache/tier.h"

namespace weir::cache {

Ref<const Entry> Tier::purged(Ref<const Entry> entry) {
  std::uint64_t newest = bans.newest(); // before: a purge that comes now is seen at the next look
  Bans::Verdict verdict = bans.judge(Subject::of(*entry));
  if (verdict.effect == Bans::Effect::none) {
    return entry;
  }
  bool hard = verdict.effect == Bans::Effect::hard;
  if (disk) {
    disk->purge_variant(entry->hash(), disk->hash_of(entry->selecting()),
                        {newest, hard, verdict.at});
  }
  if (hard) {
    directory.drop(*entry);
    return {};
  }
  Meta meta = entry->to_meta();
  meta.freshness = made_stale(meta.freshness, verdict.at);
  meta.purge_number = newest;
  Ref<Entry> stale = Entry::refreshed(*entry, meta);
  directory.renew(*entry, stale);
  return stale;
}

std::optional<Freshness> Tier::left_of(const Subject& subject, const Freshness& fresh) const {
  Bans::Verdict verdict;
  if (bans.concern(subject.purge_number)) {
    verdict = bans.judge(subject);
  }
  switch (verdict.effect) {
  case Bans::Effect::hard:
    return std::nullopt;
  case Bans::Effect::soft:
    return made_stale(fresh, verdict.at);
  case Bans::Effect::none:
    break;
  }
  return fresh;
}

void Tier::remove_variant(const Entry& entry) {
  Hash128 hash = entry.hash();
  directory.remove_variant(hash, entry.to_meta(), disk != nullptr);
  if (disk) {
    disk->remove_variant(hash, disk->hash_of(entry.selecting()),
                         [this, hash](const Result<void>&) { directory.release(hash); });
  }
}

void Tier::settle(const Hash128& hash, const Meta& meta) {
  if (!disk || !bans.concern(meta.purge_number)) {
    return;
  }
  std::uint64_t newest = bans.newest();
  Bans::Verdict verdict = bans.judge(Subject::of(meta));
  if (verdict.effect != Bans::Effect::none) {
    disk->purge_variant(hash, disk->hash_of(meta.selecting),
                        {newest, verdict.effect == Bans::Effect::hard, verdict.at});
  }
}

} // namespace weir::cache
