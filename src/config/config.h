// SPDX-License-Identifier: Apache-2.0
//
// Config: what a configuration file declares, checked. Declarations only: no sockets, no compiled
// lists, no regular expressions; rules/, origin/, cache/ and server/ build their things from it.
//
// A value, immutable once load() has given it out as shared_ptr<const Config>; any thread. Every
// name in it is resolved (NameRef::index), every bound held, every file that is only text (pages,
// respond) read. Each declaration keeps the Position it stands at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/errlog.h"
#include "config/options.h"
#include "config/pool_decl.h"
#include "config/rule_decl.h"
#include "config/source.h"
#include "config/use_decl.h"
#include "config/users_decl.h"

namespace weir::config {

struct CacheDecl {
  std::string name;
  bool shared = false;
  Bytes memory = 0;
  Bytes memory_object_max = 0; // resolved: `auto` is a 64th of the tier, at least 1 MB
  std::string disk_path;       // empty: no disk tier
  Bytes disk_size = 0;
  Bytes disk_object_max = 0; // resolved: `auto` is an eighth of the tier
  bool disk_admit_frequent = true;
  CompressDecl compress;
  Options options;
  Position at, memory_at, disk_at;
};

enum class ListFormat : std::uint8_t { plain, hosts, cidr };

struct ListDecl {
  std::string name;
  std::vector<std::string> files; // `dir` is already its files, in sorted order
  ListFormat format = ListFormat::plain;
  std::uint32_t shrink_guard = 0; // percent of entries that may vanish at once; 0: any
  bool sources = false;           // has a `file` or a `dir`
  Position at;
};

/// Minutes of a day, from <= t < to; to < from runs over midnight (into the next day).
struct TimeSlot {
  std::uint8_t days = 0x7f; // bit 0 Monday ... bit 6 Sunday: the day on which the slot begins
  std::uint16_t from = 0;
  std::uint16_t to = 1440;
};

struct WhenDecl {
  std::string name;
  std::vector<TimeSlot> slots; // alternatives
  std::string zone;            // IANA name; empty: the machine's own
  Position at;
};

struct PageDecl {
  std::string name;
  std::string file;
  std::string body; // empty: the built-in page ("blocked" where the file declares none)
  std::string content_type;
  Position at;
};

/// Whether a client has to show a certificate of its own.
enum class AskCert : std::uint8_t { none, optional, required };

struct ListenDecl {
  Address address;
  IpProtocol protocol = IpProtocol::tcp;
  bool tls = false;
  std::vector<CertDecl> certs; // the first is for names that none of them has
  AskCert ask_cert = AskCert::none;
  std::string client_ca; // file
  bool redirect_https = false;
  bool http1 = false, http2 = false; // neither: HTTP/1, and with TLS both
  bool speaks_http2() const noexcept { return http2 || (tls && !http1); }
  bool speaks_http1() const noexcept { return http1 || !http2; }
  std::vector<Prefix> trust; // whose X-Forwarded-*, Forwarded and X-Request-Id are believed
  std::vector<Prefix> proxy_protocol; // who may connect, with a PROXY header; empty: not spoken
  Position at;
};

struct ForwardDecl {
  std::string name;
  std::vector<ListenDecl> listens;
  std::vector<PortRange> connect; // ports that a tunnel may reach
  bool private_deny = true;
  std::vector<Prefix> private_except;
  NameRef cache;
  CacheUseDecl use;
  CompressDecl compress;
  OriginTls tls;
  AuthDecl auth;
  std::vector<RuleDecl> rules;
  Options options;
  Position at, connect_at, private_at;
};

enum class RouteAnswer : std::uint8_t { pool, respond, redirect };

struct RouteDecl {
  PathPattern path;
  RouteAnswer answer = RouteAnswer::pool;
  unsigned answers = 0; // how many were written: 1 in a checked Config
  NameRef pool;
  NameRef cache; // the route's own or the site's; none: not cached
  CacheUseDecl use;
  CompressDecl compress;
  AuthDecl auth; // the route's own or the site's
  RespondDecl respond;
  std::string redirect_url;
  std::uint16_t redirect_status = 302;
  std::vector<RuleDecl> limits, rules; // asked before all rules; asked after the site's
  Options options;
  Position at;
};

struct SiteDecl {
  std::vector<HostPattern> names; // at least one; the first names the realm
  std::string name;               // the first name as written
  std::vector<ListenDecl> listens;
  NameRef cache;
  CacheUseDecl use;
  CompressDecl compress;
  AuthDecl auth;
  std::vector<RuleDecl> rules;
  std::vector<RouteDecl> routes; // in the order written; rules/route sorts
  Options options;
  Position at;
};

/// Hosts that clients name in their TLS, and where these go.
struct SniDecl {
  std::vector<HostPattern> names;
  NameRef pool;
  Position at;
};

struct L4Decl {
  std::string name;
  std::vector<ListenDecl> listens;
  NameRef pool; // none: only those with a name in `snis` are served
  std::vector<SniDecl> snis;
  SendProxy send_proxy = SendProxy::no; // no: as the pool says
  std::vector<RuleDecl> rules;
  Options options;
  Position at, send_proxy_at;
};

struct LogDecl {
  std::string sqlite; // folder; empty: none
  Duration keep{};    // 0: for ever
  Bytes max = 0;      // 0: no limit
  std::string json;   // file; empty: none
  std::string errors; // file; empty: stderr
  Level level = Level::info;
  Options options;
  Position at, sqlite_at, json_at, errors_at;
};

struct AdminDecl {
  std::string socket; // empty: none
  std::string group;  // empty: the daemon's own
  std::uint32_t mode = 0660;
  std::optional<Address> http;
  std::string token_file; // the token is read by admin/, never kept here
  Position at, socket_at, group_at, mode_at, http_at, token_at;
};

enum class Prefer : std::uint8_t { ipv6, ipv4 };

struct DnsDecl {
  std::vector<Address> servers; // empty: those of resolv.conf
  Duration stale{}, timeout{};
  Prefer prefer = Prefer::ipv6;
  Options options;
  Position at, servers_at, prefer_at;
};

struct Config {
  std::vector<std::string> files; // names of the files read; Position::file counts in them
  Options options;                // of the top; each block has its own, inherited
  std::string via;                // empty: the default of WIRE_RULES W5.6, made by server/
  std::string state;              // folder
  std::string user;               // whom to work as; empty: the default of server/
  std::string group;              // empty: the user's own
  Position via_at, state_at, user_at;
  LogDecl log;
  AdminDecl admin;
  DnsDecl dns;
  std::vector<CacheDecl> caches;
  std::vector<ListDecl> lists;
  std::vector<UsersDecl> users;
  std::vector<WhenDecl> whens;
  std::vector<LimitDecl> limits;
  std::vector<PoolDecl> pools;
  std::vector<PageDecl> pages; // always has "blocked"
  std::vector<ForwardDecl> forwards;
  std::vector<SiteDecl> sites;
  std::vector<L4Decl> l4s;

  /// "weir.conf:12", or "default".
  std::string where(const Position& at) const;
};

} // namespace weir::config
