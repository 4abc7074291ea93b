// SPDX-License-Identifier: Apache-2.0
#include "cache/bans.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <string>

#include "cache/key.h"
#include "cache/rfc9111.h"

namespace weir::cache {

Subject Subject::of(const Entry& entry) {
  const Freshness& fresh = entry.freshness();
  return {entry.key(),
          entry.head(),
          entry.tags(),
          entry.status(),
          entry.body_size(),
          entry.purge_number(),
          fresh.response_time - fresh.initial_age,
          fresh.lifetime};
}

Subject Subject::of(const Meta& meta) {
  const Freshness& fresh = meta.freshness;
  return {meta.key,
          meta.head,
          meta.tags,
          meta.status,
          meta.body_size,
          meta.purge_number,
          fresh.response_time - fresh.initial_age,
          fresh.lifetime};
}

std::uint64_t ban_mark(const HashKey& secret, MarkKind kind, std::string_view realm,
                       std::string_view name) {
  std::string text(1, static_cast<char>(kind));
  text.append(realm);
  text.push_back('\0');
  text.append(name);
  return siphash64(secret, text);
}

void Bans::add(const Ban& ban) {
  std::unique_lock lock(mutex_);
  if (ban.test) {
    tests_.push_back(ban);
  } else {
    Mark& mark = marks_[ban.mark];
    if (ban.hard) {
      mark.hard = std::max(mark.hard, ban.number);
    } else if (ban.number > mark.soft) {
      mark.soft = ban.number;
      mark.soft_at = ban.at;
    }
  }
  newest_.store(std::max(newest_.load(), ban.number), std::memory_order_release);
}

void Bans::settle(std::uint64_t number) {
  std::unique_lock lock(mutex_);
  std::erase_if(tests_, [number](const Ban& ban) { return ban.number == number; });
  for (auto at = marks_.begin(); at != marks_.end();) {
    Mark& mark = at->second;
    mark.soft = mark.soft == number ? 0 : mark.soft;
    mark.hard = mark.hard == number ? 0 : mark.hard;
    at = mark.soft == 0 && mark.hard == 0 ? marks_.erase(at) : std::next(at);
  }
  if (tests_.empty() && marks_.empty()) {
    newest_.store(0, std::memory_order_release);
  }
}

std::size_t Bans::size() const {
  std::shared_lock lock(mutex_);
  return tests_.size() + marks_.size();
}

Bans::Verdict Bans::judge(const Subject& subject) const {
  Verdict verdict;
  if (!concern(subject.purge_number)) {
    return verdict;
  }
  auto take = [&](bool hard, WallTime at) {
    if (hard) {
      verdict.effect = Effect::hard;
    } else if (verdict.effect == Effect::none || at < verdict.at) {
      verdict = verdict.effect == Effect::hard ? verdict : Verdict{Effect::soft, at};
    }
  };
  std::shared_lock lock(mutex_);
  if (!marks_.empty()) {
    auto look = [&](MarkKind kind, std::string_view realm, std::string_view name) {
      auto at = marks_.find(ban_mark(secret_, kind, realm, name));
      if (at == marks_.end()) {
        return;
      }
      const Mark& mark = at->second;
      if (mark.hard > subject.purge_number) {
        take(true, {});
      }
      if (mark.soft > subject.purge_number) {
        take(false, mark.soft_at);
      }
    };
    KeyParts parts = key_parts(subject.key);
    look(MarkKind::url, {}, key_url_part(subject.key));
    for (std::string_view realm : {std::string_view{}, parts.realm}) {
      look(MarkKind::host, realm, parts.host);
      for (const std::string& tag : subject.tags) {
        look(MarkKind::tag, realm, tag);
      }
      if (parts.realm.empty()) {
        break;
      }
    }
  }
  for (const Ban& ban : tests_) {
    if (ban.number > subject.purge_number && ban.test->matches(subject, ban.at)) {
      take(ban.hard, ban.at);
    }
  }
  return verdict;
}

Freshness made_stale(const Freshness& fresh, WallTime at) {
  Freshness stale = fresh;
  stale.lifetime = std::min(fresh.lifetime, current_age(fresh, at));
  return stale;
}

} // namespace weir::cache
