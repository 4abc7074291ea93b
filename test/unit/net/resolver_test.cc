// SPDX-License-Identifier: Apache-2.0
#include "net/resolver.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "dns_server.h"
#include "loop_guard.h"
#include "metrics/metrics.h"
#include "net/dns_cache.h"
#include "net/hosts_file.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::test;
using metrics::Metric;

namespace {

constexpr auto kSecond = std::chrono::seconds(1);

DnsReply found(std::vector<DnsRecord> records) {
  return {DnsReply::records, 0, std::move(records)};
}
DnsReply rcode(unsigned code) { return {DnsReply::records, code}; }

std::vector<std::string> hosts(std::span<const Address> addresses) {
  std::vector<std::string> out;
  for (const auto& address : addresses) {
    out.push_back(address.host());
  }
  return out;
}

using Names = std::vector<std::string>;

struct Case {
  Case() {
    settings.servers = {server.address()};
    settings.hosts_file.clear();
    settings.try_timeout = std::chrono::milliseconds(40);
    metrics::Counters::install(&all.make_counters());
    server.script = [](const std::string&, unsigned type) {
      return type == kA ? found({{kA, 60, "192.0.2.1"}}) : found({{kAaaa, 60, "2001:db8::1"}});
    };
  }
  ~Case() { metrics::Counters::install(nullptr); }
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;

  Resolver& start() {
    resolver.emplace(loop, settings);
    return *resolver;
  }
  void ask(Lookup& lookup, std::string_view name) { resolver->look_up(lookup, name, owner); }
  bool finish(const Lookup& lookup) {
    return turn_until(loop, [&] { return lookup.done(); });
  }
  /// Asks and waits: the IPv4 addresses.
  Names v4(std::string_view name) {
    Lookup lookup;
    ask(lookup, name);
    REQUIRE(finish(lookup));
    return hosts(lookup.v4());
  }
  void advance(Duration by) {
    Clock::advance_all(by);
    loop.turn(false);
  }
  auto asked(std::string_view question) const {
    return std::count(server.asked.begin(), server.asked.end(), question);
  }

  metrics::Metrics all;
  weir::event::Loop loop;
  CountingTask owner;
  DnsServer server{loop};
  ResolverSettings settings;
  std::optional<Resolver> resolver;
};

} // namespace

TEST_CASE("A and AAAA are asked apart, wake the owner, and are cached for their TTL") {
  Case c;
  c.start();
  Lookup lookup;
  c.ask(lookup, "Example.COM.");
  CHECK_FALSE(lookup.done());
  REQUIRE(c.finish(lookup));
  c.loop.turn(false);
  CHECK(c.owner.runs >= 1);
  CHECK(hosts(lookup.v4()) == Names{"192.0.2.1"});
  CHECK(hosts(lookup.v6()) == Names{"2001:db8::1"});
  CHECK_FALSE(lookup.stale());
  CHECK_FALSE(lookup.from_cache());
  CHECK(lookup.error().code == Code::none);

  c.advance(59 * kSecond);
  c.ask(lookup, "example.com");
  CHECK(lookup.done());
  CHECK(lookup.from_cache());
  CHECK(c.server.asked.size() == 2);
  c.advance(2 * kSecond);
  CHECK(c.v4("example.com") == Names{"192.0.2.1"});
  CHECK(c.server.asked.size() == 4);
  CHECK(c.all.value(Metric::dns_queries) == 4);
  CHECK(c.all.value(Metric::dns_cache_hits) == 1);
}

TEST_CASE("the TTL is the least of addresses and CNAMEs, within its bounds") {
  Case c;
  unsigned cname_ttl = 5;
  unsigned address_ttl = 600;
  c.server.script = [&](const std::string&, unsigned type) {
    return type == kA ? found({{kCname, cname_ttl, "real.example"},
                               {kA, 600, "192.0.2.1"},
                               {kA, address_ttl, "192.0.2.2"}})
                      : found({});
  };
  SECTION("the CNAME's") {}
  SECTION("one address's") {
    cname_ttl = 600;
    address_ttl = 5;
  }
  c.start();
  CHECK(c.v4("www.example") == Names{"192.0.2.1", "192.0.2.2"});
  c.advance(4 * kSecond);
  c.v4("www.example");
  CHECK(c.asked("www.example/A") == 1);
  c.advance(2 * kSecond);
  c.v4("www.example");
  CHECK(c.asked("www.example/A") == 2);
}

TEST_CASE("a TTL of 0 counts as 1 s, one of ten years as a day") {
  Case c;
  unsigned ttl = 0;
  c.server.script = [&](const std::string&, unsigned type) {
    return type == kA ? found({{kA, ttl, "192.0.2.1"}}) : found({});
  };
  c.settings.negative_ttl = std::chrono::hours(100);
  c.start();
  c.v4("zero.example");
  c.v4("zero.example");
  CHECK(c.asked("zero.example/A") == 1);
  ttl = 315'360'000;
  c.v4("long.example");
  c.advance(std::chrono::hours(23));
  c.v4("long.example");
  CHECK(c.asked("long.example/A") == 1);
  c.advance(std::chrono::hours(2));
  c.v4("long.example");
  CHECK(c.asked("long.example/A") == 2);
}

TEST_CASE("A is there although AAAA is never answered; the deadline ends the wait") {
  Case c;
  c.settings.try_timeout = kSecond;
  c.server.script = [](const std::string&, unsigned type) {
    return type == kA ? found({{kA, 60, "192.0.2.1"}}) : DnsReply{};
  };
  c.start();
  Lookup lookup;
  c.ask(lookup, "half.example");
  REQUIRE(turn_until(c.loop, [&] { return lookup.v4_done(); }));
  CHECK(hosts(lookup.v4()) == Names{"192.0.2.1"});
  CHECK_FALSE(lookup.v6_done());
  CHECK_FALSE(lookup.done());
  c.advance(6 * kSecond);
  CHECK(lookup.done());
  CHECK(lookup.v6().empty());
  CHECK(lookup.error().code == Code::none);
}

TEST_CASE("no such name, and no address of it, are remembered for the negative TTL") {
  Case c;
  c.server.script = [](const std::string& name, unsigned) {
    return name == "gone.example" ? rcode(3) : found({});
  };
  c.start();
  for (const char* name : {"gone.example", "empty.example"}) {
    Lookup lookup;
    c.ask(lookup, name);
    REQUIRE(c.finish(lookup));
    CHECK(lookup.error().code == Code::dns_failed);
    CHECK(lookup.error().retry == Retry::no);
    c.advance(29 * kSecond);
    c.ask(lookup, name);
    CHECK(lookup.done());
    CHECK(lookup.error().retry == Retry::no);
    CHECK(c.asked(std::string(name) + "/A") == 1);
    c.advance(2 * kSecond);
    c.ask(lookup, name);
    REQUIRE(c.finish(lookup));
    CHECK(c.asked(std::string(name) + "/A") == 2);
  }
  CHECK(c.all.value(Metric::dns_failures) == 6);
}

TEST_CASE("beyond the TTL and the servers fail: stale addresses, for as long as configured") {
  Case c;
  std::function<void()> fail;
  SECTION("SERVFAIL") {
    fail = [&] { c.server.script = [](auto&, auto) { return rcode(2); }; };
  }
  SECTION("REFUSED") {
    fail = [&] { c.server.script = [](auto&, auto) { return rcode(5); }; };
  }
  SECTION("nobody listens") {
    fail = [&] { c.server.die(); };
  }
  SECTION("an answer that is cut short") {
    fail = [&] {
      c.server.script = [](auto&, auto) {
        return DnsReply{DnsReply::cut, 0, {{kA, 60, "192.0.2.66"}}};
      };
    };
  }
  SECTION("an answer without the question") {
    fail = [&] {
      c.server.script = [](auto&, auto) {
        // One question, one answer, and a compression pointer to itself.
        return DnsReply{
            DnsReply::raw, 0, {}, std::string("\x81\x80\0\1\0\1\0\0\0\0\xc0\x0c\0\1\0\1", 16)};
      };
    };
  }
  SECTION("silence") {
    fail = [&] { c.server.script = nullptr; };
  }
  c.start();
  CHECK(c.v4("example.com") == Names{"192.0.2.1"});
  fail();
  c.advance(61 * kSecond);
  Lookup lookup;
  c.ask(lookup, "example.com");
  REQUIRE(c.finish(lookup));
  CHECK(hosts(lookup.v4()) == Names{"192.0.2.1"});
  CHECK(hosts(lookup.v6()) == Names{"2001:db8::1"});
  CHECK(lookup.stale());
  CHECK(c.all.value(Metric::dns_stale_answers) == 1);

  // Until the next try the stale answer is there at once.
  c.ask(lookup, "example.com");
  CHECK(lookup.done());
  CHECK(lookup.stale());

  c.advance(std::chrono::hours(1));
  c.ask(lookup, "example.com");
  REQUIRE(turn_until(c.loop, [&] {
    c.advance(100 * std::chrono::milliseconds(1)); // silence ends by the deadline
    return lookup.done();
  }));
  CHECK(lookup.v4().empty());
  CHECK(lookup.error().code == Code::dns_failed);
  CHECK(lookup.error().retry == Retry::yes);
}

TEST_CASE("RFC 8767: with silent servers a stale answer waits 1.8 s once, then not at all") {
  Case c;
  c.settings.try_timeout = 10 * kSecond;
  c.start();
  c.v4("a.example");
  c.v4("b.example");
  c.server.script = nullptr;
  c.advance(61 * kSecond);
  Lookup first;
  c.ask(first, "a.example");
  c.advance(kSecond);
  CHECK_FALSE(first.done());
  c.advance(kSecond);
  CHECK(first.done());
  CHECK(first.stale());
  Lookup second;
  c.ask(second, "b.example"); // they are known to be silent
  CHECK(second.done());
  CHECK(second.stale());
  CHECK(c.resolver->questions() == 4); // and are asked all the same
}

TEST_CASE("servers that recover are noticed") {
  Case c;
  c.start();
  c.v4("example.com");
  c.server.script = [](auto&, auto) { return rcode(2); };
  c.advance(61 * kSecond);
  c.v4("example.com");
  c.server.script = [](const std::string&, unsigned type) {
    return type == kA ? found({{kA, 60, "192.0.2.99"}}) : found({});
  };
  c.advance(6 * kSecond);
  Lookup lookup;
  c.ask(lookup, "example.com");
  REQUIRE(c.finish(lookup));
  CHECK(hosts(lookup.v4()) == Names{"192.0.2.99"});
  CHECK_FALSE(lookup.stale());
}

TEST_CASE("a name that is gone is gone, whatever was known before") {
  Case c;
  c.start();
  c.v4("example.com");
  c.server.script = [](auto&, auto) { return rcode(3); };
  c.advance(61 * kSecond);
  CHECK(c.v4("example.com").empty());
}

TEST_CASE("nothing stale is given if stale is 0") {
  Case c;
  c.settings.stale = {};
  c.start();
  c.v4("example.com");
  c.server.script = [](auto&, auto) { return rcode(2); };
  c.advance(61 * kSecond);
  CHECK(c.v4("example.com").empty());
}

TEST_CASE("Lookups for one name ask once, and each may be given up by itself") {
  Case c;
  c.start();
  Lookup a, b;
  auto gone = std::make_unique<Lookup>();
  c.ask(a, "example.com");
  c.ask(*gone, "EXAMPLE.com");
  c.ask(b, "example.com.");
  gone.reset();
  REQUIRE(c.finish(a));
  REQUIRE(c.finish(b));
  CHECK(hosts(b.v4()) == Names{"192.0.2.1"});
  CHECK(c.server.asked.size() == 2);
}

TEST_CASE("a second server is asked when the first is dead") {
  Case c;
  DnsServer dead(c.loop);
  c.settings.servers = {dead.address(), c.server.address()};
  dead.die();
  c.start();
  CHECK(c.v4("example.com") == Names{"192.0.2.1"});
}

TEST_CASE("a lost datagram is asked again") {
  Case c;
  auto good = c.server.script;
  c.server.script = [&](const std::string& name, unsigned type) {
    return c.asked(name + (type == kA ? "/A" : "/AAAA")) == 1 ? DnsReply{} : good(name, type);
  };
  c.start();
  CHECK(c.v4("example.com") == Names{"192.0.2.1"});
}

TEST_CASE("IP literals are answered at once; odd spellings and non-names are never asked") {
  Case c;
  c.start();
  Lookup lookup;
  c.ask(lookup, "192.0.2.7");
  REQUIRE(lookup.done());
  CHECK(hosts(lookup.v4()) == Names{"192.0.2.7"});
  CHECK(lookup.v6().empty());
  c.ask(lookup, "[2001:db8::7]");
  REQUIRE(lookup.done());
  CHECK(hosts(lookup.v6()) == Names{"2001:db8::7"});
  CHECK(lookup.v4().empty());
  for (const char* odd : {"127.1", "0x7f.0.0.1", "2130706433", "0177.0.0.1", "", ".", "a..b", ".a",
                          "a b", "a/b", "a\\046b", "\xc3\xa4.example", "fe80::1%lo"}) {
    INFO(odd);
    c.ask(lookup, odd);
    CHECK(lookup.done());
    CHECK(lookup.error().code == Code::dns_failed);
  }
  c.ask(lookup, std::string(64, 'a') + ".example");
  CHECK(lookup.error().code == Code::dns_failed);
  CHECK(c.server.asked.empty());
}

TEST_CASE("no search domain is added, and localhost is not asked") {
  Case c;
  ::setenv("LOCALDOMAIN", "search.example", 1); // as "search" in resolv.conf
  c.start();
  ::unsetenv("LOCALDOMAIN");
  c.server.script = [](auto&, auto) { return rcode(3); };
  CHECK(c.v4("intranet").empty());
  CHECK(c.server.asked.size() == 2);
  CHECK(c.asked("intranet/A") == 1);
  CHECK(c.v4("localhost") == Names{"127.0.0.1"});
  CHECK(c.v4("a.localhost") == Names{"127.0.0.1"});
  CHECK(c.server.asked.size() == 2);
}

TEST_CASE("the cache keeps as many names as it may, the last asked ones") {
  Case c;
  c.settings.names = 3;
  c.start();
  for (const char* name : {"a.example", "b.example", "c.example", "a.example", "d.example"}) {
    c.v4(name);
  }
  CHECK(c.resolver->names_cached() == 3);
  c.v4("a.example");
  CHECK(c.asked("a.example/A") == 1);
  c.v4("b.example");
  CHECK(c.asked("b.example/A") == 2);
}

TEST_CASE("more questions than allowed fail at once") {
  Case c;
  c.settings.questions = 2;
  c.server.script = nullptr;
  c.settings.try_timeout = 10 * kSecond;
  c.start();
  Lookup a, b;
  c.ask(a, "a.example");
  c.ask(b, "b.example");
  CHECK_FALSE(a.done());
  CHECK(b.done());
  CHECK(b.error().retry == Retry::yes);
}

TEST_CASE("reconfigure() keeps the cache and asks open questions at the new servers") {
  Case c;
  c.start();
  c.v4("known.example");
  c.server.script = nullptr;
  Lookup lookup;
  c.ask(lookup, "open.example");
  DnsServer other(c.loop);
  other.script = [](const std::string&, unsigned type) {
    return type == kA ? found({{kA, 60, "192.0.2.50"}}) : found({});
  };
  c.settings.servers = {other.address()};
  c.resolver->reconfigure(c.settings);
  REQUIRE(c.finish(lookup));
  CHECK(hosts(lookup.v4()) == Names{"192.0.2.50"});
  CHECK(c.v4("known.example") == Names{"192.0.2.1"});
}

TEST_CASE("a resolver may go before its Lookups, and with questions open") {
  Case c;
  c.server.script = nullptr;
  c.start();
  Lookup lookup;
  c.ask(lookup, "example.com");
  c.loop.turn(false);
  c.resolver.reset();
  c.loop.turn(false);
  CHECK_FALSE(lookup.done());
}

TEST_CASE("twenty addresses are twenty") {
  Case c;
  c.server.script = [](const std::string&, unsigned type) {
    std::vector<DnsRecord> many;
    for (int i = 1; type == kA && i <= 20; ++i) {
      many.push_back({kA, 60, "192.0.2." + std::to_string(i)});
    }
    return found(many);
  };
  c.start();
  CHECK(c.v4("x").size() == 20);
}

TEST_CASE("the hosts file comes first, decides both families, and is read again when changed") {
  Case c;
  char path[] = "/tmp/weir-hosts-XXXXXX";
  Fd file(::mkstemp(path));
  REQUIRE(file);
  std::ofstream(path) << "# a comment\n192.0.2.200  Box.example box # name\n\n"
                         "fe80::1%lo zoned\nnot-an-address x\n2001:db8::5 both.example\n"
                         "192.0.2.201 both.example";
  c.settings.hosts_file = path;
  c.start();
  Lookup lookup;
  c.ask(lookup, "BOX.example.");
  CHECK(lookup.done());
  CHECK(hosts(lookup.v4()) == Names{"192.0.2.200"});
  CHECK(lookup.v6().empty());
  CHECK(c.v4("box") == Names{"192.0.2.200"});
  c.ask(lookup, "both.example");
  CHECK(hosts(lookup.v4()) == Names{"192.0.2.201"});
  CHECK(hosts(lookup.v6()) == Names{"2001:db8::5"});
  CHECK(c.server.asked.empty());
  CHECK(c.v4("zoned") == Names{"192.0.2.1"}); // asked

  std::ofstream(path) << "192.0.2.202 box\n";
  c.advance(HostsFile::kLookEvery);
  CHECK(c.v4("box") == Names{"192.0.2.202"});
  CHECK(c.v4("box.example") == Names{"192.0.2.1"});
  ::unlink(path);
}
