// SPDX-License-Identifier: Apache-2.0
//
// Resolver: host names to addresses, with a cache. One per worker, on its loop's thread.
// Lookup: one question of a Fetch; its answers are facts, and its owner's task is woken for each.
//
// A and AAAA are two questions, and their answers come apart (RFC 8305 §3). Questions for one name
// are asked once, whoever waits. The order is: IP literal, "localhost" (RFC 6761), /etc/hosts, the
// cache, the DNS servers; search domains are never added. When servers do not answer, addresses
// that were known are given beyond their TTL (RFC 8767). Answers are not checked here: a name may
// resolve to any address, and the egress guard is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/list.h"
#include "base/result.h"
#include "event/loop.h"
#include "net/socket.h"

namespace weir::net {

struct ResolverSettings {
  std::vector<Address> servers; // port 0 is 53. None: those of resolv.conf
  std::string hosts_file = "/etc/hosts";
  Duration try_timeout = std::chrono::seconds(1);        // of the first try; then it grows
  Duration deadline = std::chrono::seconds(5);           // what a Lookup waits at most
  Duration stale = std::chrono::hours(1);                // how long beyond the TTL; 0: never
  Duration stale_wait = std::chrono::milliseconds(1800); // RFC 8767 §5, if something stale is there
  Duration least_ttl = std::chrono::seconds(1);
  Duration most_ttl = std::chrono::hours(24);
  Duration negative_ttl = std::chrono::seconds(30); // no such name, no such address
  Duration failure_ttl = std::chrono::seconds(5);   // the servers did not answer: then ask again
  std::size_t names = 10'000;                       // in the cache
  std::size_t questions = 1'000;                    // with the servers at a time
  Prefer prefer = Prefer::ipv6;
};

class Resolver;

class Lookup final {
public:
  Lookup() = default;
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  bool v4_done() const noexcept { return v4_.done; }
  bool v6_done() const noexcept { return v6_.done; }
  bool done() const noexcept { return v4_.done && v6_.done; }
  /// Port 0. Empty until done, and if there are none.
  std::span<const Address> v4() const noexcept { return v4_.addresses; }
  std::span<const Address> v6() const noexcept { return v6_.addresses; }
  /// Some of the addresses are beyond their TTL.
  bool stale() const noexcept { return stale_; }
  /// Of the cache or literal: no server was asked for this Lookup.
  bool from_cache() const noexcept { return from_cache_; }
  /// If done() and without any address: dns_failed; Retry::yes if the servers did not answer.
  Error error() const noexcept;
  /// Forgets everything; nothing wakes the owner any more. The destructor does it too.
  void cancel() noexcept;

private:
  friend class Resolver;
  friend struct DnsSlot;
  struct WaitTag {};
  struct Half final : public ListNode<WaitTag> { // waits in a DnsSlot
    explicit Half(Lookup& l) : lookup(l) {}
    Lookup& lookup;
    std::vector<Address> addresses;
    bool done = false;
    bool unanswered = false;
  };
  void settle(Half& half, std::span<const Address> addresses, bool stale, bool unanswered);

  Half v4_{*this};
  Half v6_{*this};
  event::Loop* loop_ = nullptr;
  event::Task* owner_ = nullptr;
  bool stale_ = false;
  bool from_cache_ = false;
};

class Resolver {
public:
  Resolver(event::Loop& loop, ResolverSettings settings);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Starts `lookup` (again). `host`: normalised: a name in ASCII, or an IP literal in its one
  /// strict spelling. Any other spelling of an address, and what is no host name, fails at once.
  /// Facts may be there on return; the owner is woken then too.
  void look_up(Lookup& lookup, std::string_view host, event::Task& owner);
  /// A reload: other servers, times or bounds. Keeps the cache, asks open questions again.
  void reconfigure(ResolverSettings settings);

  Prefer prefer() const noexcept;
  std::size_t names_cached() const noexcept;
  /// Questions that are with the servers.
  std::size_t questions() const noexcept;

private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace weir::net
