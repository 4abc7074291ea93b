// SPDX-License-Identifier: Apache-2.0
//
// DnsSlot: what is known of one name's addresses of one family, and who waits for more.
// DnsCache: a bounded number of names, the least recently asked go first. Pure but for Clock::mono;
// no DNS library here. Owner: a Resolver; one thread.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "net/resolver.h"

namespace weir::net {

struct DnsName;

struct DnsSlot {
  enum class State : std::uint8_t {
    idle,   // nothing is asked
    asking, // a question is with the servers, and Lookups wait for it
    overdue // it still is, and nobody waits: Lookups get what is known, or failure
  };
  static constexpr std::size_t kMostAddresses = 64;

  DnsSlot(DnsName& n, bool v6) : name(n), is_v6(v6) {}

  bool is_fresh() const noexcept { return known && Clock::mono() < fresh_until; }
  bool has_stale() const noexcept { return !addresses.empty() && Clock::mono() < usable_until; }
  bool failed_lately() const noexcept { return Clock::mono() < retry_at; }
  /// An answer: addresses, or that there are none.
  void learn(std::vector<Address> found, Duration ttl, const ResolverSettings& settings);
  /// Gives one waiting half, or all of them, what is known: fresh, else stale, else failure.
  void give(Lookup::Half& half);
  void give_all();
  void wait(Lookup::Half& half) { waiting.push_back(half); }

  DnsName& name;
  const bool is_v6;
  State state = State::idle;
  bool known = false;             // an answer came once
  std::vector<Address> addresses; // of the last answer; empty: there are none
  MonoTime fresh_until{};
  MonoTime usable_until{}; // stale until then
  MonoTime retry_at{};     // the servers failed: not asked again before
  MonoTime give_up_at{};   // while asking
  List<Lookup::Half, Lookup::WaitTag> waiting;
};

struct DnsName {
  explicit DnsName(std::string t) : text(std::move(t)) {}
  bool is_busy() const noexcept {
    return v4.state != DnsSlot::State::idle || v6.state != DnsSlot::State::idle;
  }
  const std::string text;
  DnsSlot v4{*this, false};
  DnsSlot v6{*this, true};
};

class DnsCache {
public:
  DnsCache() : key_(HashKey::random()) {}

  /// The name's slots, now the most recently asked. Keeps at most `most` names but for busy ones.
  DnsName& get(std::string_view name, std::size_t most);
  std::size_t size() const noexcept { return names_.size(); }

private:
  using Names = std::list<DnsName>; // least recently asked first
  struct Hash {
    HashKey key;
    std::size_t operator()(std::string_view text) const noexcept { return siphash64(key, text); }
  };
  void evict(std::size_t most);

  HashKey key_;
  Names names_;
  std::unordered_map<std::string_view, Names::iterator, Hash> by_name_{64, Hash{key_}};
};

/// Lower case, one trailing dot removed; nothing if that is no host name (RFC 1035 lengths;
/// letters, digits, hyphen, underscore) or if it is some spelling of an address.
std::optional<std::string> host_name(std::string_view host);

} // namespace weir::net
