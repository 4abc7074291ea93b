// SPDX-License-Identifier: Apache-2.0
#include "net/dns_cache.h"

#include <algorithm>

namespace weir::net {

void DnsSlot::learn(std::vector<Address> found, Duration ttl, const ResolverSettings& settings) {
  MonoTime now = Clock::mono();
  known = true;
  if (found.size() > kMostAddresses) {
    found.resize(kMostAddresses);
  }
  addresses = std::move(found);
  retry_at = {};
  if (addresses.empty()) {
    fresh_until = usable_until = now + std::max(settings.negative_ttl, settings.least_ttl);
    return;
  }
  fresh_until = now + std::clamp(ttl, settings.least_ttl, settings.most_ttl);
  usable_until = fresh_until + settings.stale;
}

void DnsSlot::give(Lookup::Half& half) {
  if (is_fresh()) {
    half.lookup.settle(half, addresses, false, false);
  } else if (has_stale()) {
    half.lookup.settle(half, addresses, true, false);
  } else {
    half.lookup.settle(half, {}, false, true);
  }
}

void DnsSlot::give_all() {
  while (Lookup::Half* half = waiting.pop_front()) {
    give(*half);
  }
}

DnsName& DnsCache::get(std::string_view name, std::size_t most) {
  auto at = by_name_.find(name);
  if (at != by_name_.end()) {
    names_.splice(names_.end(), names_, at->second);
    return *at->second;
  }
  evict(most > 0 ? most - 1 : 0);
  DnsName& made = names_.emplace_back(std::string(name));
  by_name_.emplace(made.text, std::prev(names_.end()));
  return made;
}

void DnsCache::evict(std::size_t most) {
  // Busy names are as many as questions may be out; they are passed over, not searched through.
  constexpr int kLookAt = 16;
  auto at = names_.begin();
  for (int i = 0; i < kLookAt && names_.size() > most && at != names_.end(); ++i) {
    if (at->is_busy()) {
      names_.splice(names_.end(), names_, at++);
      continue;
    }
    by_name_.erase(at->text);
    at = names_.erase(at);
  }
}

std::optional<std::string> host_name(std::string_view host) {
  if (!host.empty() && host.back() == '.') {
    host.remove_suffix(1);
  }
  if (host.empty() || host.size() > 253 || Address::parse_any(host)) {
    return {};
  }
  std::string name(host);
  std::size_t label = 0;
  for (char& c : name) {
    if (c == '.') {
      if (label == 0) {
        return {};
      }
      label = 0;
      continue;
    }
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c | 0x20);
    }
    bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!allowed || ++label > 63) {
      return {};
    }
  }
  return label == 0 ? std::nullopt : std::optional(std::move(name));
}

} // namespace weir::net
