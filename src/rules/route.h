// SPDX-License-Identifier: Apache-2.0
//
// RouteTable: which forward or site a request belongs to, and which route of it. Made of a Config;
// owner: Generation; immutable, any thread.
//
// Per listener the most exact host wins: the name itself, the longest *.parent, an expression, `*`.
// Then the path: expressions first, then the longest prefix or glob, whatever the order they were
// written in (CONFIG.md rule 2). What many sites or many routes cost is a look-up for each part of
// the host and each segment of the path; only expressions, and globs of one folder, are compared
// one by one. find() allocates nothing; views in Routes and Places are valid as
// long as the table.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "config/config.h"
#include "http/uri.h"
#include "rules/facts.h"
#include "rules/host_matcher.h"
#include "rules/path_index.h"
#include "rules/path_matcher.h"
#include "rules/prefix_set.h"
#include "rules/rule_set.h"

namespace weir::rules {

/// What answers.
enum class Answer : std::uint8_t {
  forward,  // the origin that the client names
  pool,     // Route::pool
  respond,  // Route::decl->respond
  redirect, // Route::decl->redirect_url
  none,     // no route of the site takes the path: 404; an l4: closed
};

struct Route {
  std::uint32_t index = 0; // in RouteTable::routes()
  Answer answer = Answer::none;
  Direction direction = Direction::forward;
  std::string_view place;             // the name of the forward or l4, the site's first: the realm
  std::optional<std::uint32_t> pool;  // index into Config::pools
  std::optional<std::uint32_t> cache; // index into Config::caches; none: nothing is stored
  const config::Options* options = nullptr;
  const config::ForwardDecl* forward = nullptr; // of a forward
  const config::SiteDecl* site = nullptr;       // of a site
  const config::L4Decl* l4 = nullptr;           // of an l4
  const config::RouteDecl* decl = nullptr;      // of a route; none for `forward`, `none`, an l4
  const config::AuthDecl* auth = nullptr;       // none: nobody has to log in
  std::string_view login; // in the key of what is stored here: whose users; empty: no part of it
  const RuleSet* rules = nullptr; // never none: the site's, then the route's own
};

/// One address to listen on; several sites may share it.
struct Listening {
  Address address;
  IpProtocol protocol = IpProtocol::tcp;
  Direction direction = Direction::forward;
  bool is_of(const config::ListenDecl& listen) const noexcept {
    return address == listen.address && protocol == listen.protocol;
  }
  /// "0.0.0.0:80", "0.0.0.0:53 udp".
  std::string to_string() const;
};

/// Where a request came out.
struct Found {
  const Route* route = nullptr;       // none: no site has this host
  const PrefixSet* trusted = nullptr; // senders whose X-Forwarded-* are believed here
  const config::ListenDecl* listen = nullptr;
  explicit operator bool() const noexcept { return route != nullptr; }
};

/// A line of `weirctl routes`.
struct RouteRow {
  std::string listen;      // "0.0.0.0:80", "0.0.0.0:53 udp"
  std::string host;        // "*.example.com"; a forward: "*"
  std::string path;        // "/static/"
  std::string answer;      // "pool app", "respond 200", "redirect https://...", "forward lan"
  std::string cache;       // name; may be empty
  std::string where;       // "weir.conf:12"
  std::string unreachable; // why nothing can come here; empty: it can
};

class RouteTable {
public:
  static Result<std::unique_ptr<const RouteTable>>
  compile(std::shared_ptr<const config::Config> config, const RuleParts& parts);
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  /// The addresses to listen on, each once, in the order of the file.
  std::span<const Listening> listeners() const noexcept { return listeners_; }
  /// `listener` is an index into listeners(); `host` normalised (of an l4: the SNI, or nothing),
  /// `path` without query.
  Found find(std::size_t listener, std::string_view host, std::string_view path) const noexcept;
  std::span<const Route> routes() const noexcept { return routes_; }
  /// Where a URL may be asked for in one direction: each listener that leads anywhere; of sites
  /// those that speak its scheme.
  struct Entrance {
    std::size_t listener = 0;
    Found found;
    bool redirects() const noexcept { return found.listen->redirect_https; }
  };
  std::vector<Entrance> entrances(Direction direction, const http::Target& url) const;

  /// In the order in which they are asked.
  std::vector<RouteRow> describe() const;
  /// What is told of one route: answer, cache, where.
  RouteRow row(const Route& route) const;

private:
  struct SiteRoute {
    PathMatcher path;
    std::uint32_t route; // index into routes_
  };
  struct Place { // a forward, a site, or the clients of an l4 that name certain hosts
    const config::SiteDecl* site = nullptr;
    const config::ForwardDecl* forward = nullptr;
    std::span<const config::HostPattern> names; // empty: all
    std::vector<SiteRoute> routes;              // as they are asked
    PathIndex by_path;                          // numbers of `routes`, when there are many
    Numbers loose;                              // those that it does not have
    std::uint32_t otherwise = 0; // the route when none of them matches; of others: the one
  };
  struct Home { // a place at a listener
    std::uint32_t place = 0;
    PrefixSet trusted;
    const config::ListenDecl* listen = nullptr; // in config_
  };
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::size_t kFew = 8; // routes of a place that are compared one by one
  struct Homes {                         // of one name, by index into Port::homes
    std::uint32_t exact = kNone;
    std::uint32_t under = kNone;
  };
  struct HomeRegex {
    std::unique_ptr<const RE2> regex;
    std::uint32_t home;
  };
  struct Port { // what a listener leads to
    std::vector<Home> homes;
    std::unordered_map<std::string, Homes, TextHash, std::equal_to<>> names;
    std::vector<HomeRegex> regexes;
    std::uint32_t any = kNone;
  };

  explicit RouteTable(std::shared_ptr<const config::Config> config) : config_(std::move(config)) {}
  Result<void> add_forward(const config::ForwardDecl& forward, const RuleParts& parts);
  Result<void> add_site(const config::SiteDecl& site, const RuleParts& parts);
  Result<void> add_l4(const config::L4Decl& l4, const RuleParts& parts);
  Result<void> add_home(std::uint32_t place, const config::ListenDecl& listen);
  Result<void> add_names(Port& port, std::uint32_t home,
                         std::span<const config::HostPattern> names);
  Result<std::uint32_t> add_rules(Direction direction, std::span<const config::RuleDecl> first,
                                  std::span<const config::RuleDecl> then, const RuleParts& parts,
                                  std::span<const config::RuleDecl> limits = {});
  static void index_routes(Place& place);
  static std::uint32_t find_route(const Place& place, std::string_view path) noexcept;
  const Home* find_home(const Port& port, std::string_view host) const noexcept;
  void describe_home(const Port& port, const Listening& at, const config::HostPattern& name,
                     std::uint32_t home, std::vector<RouteRow>& rows) const;
  std::uint32_t holder(const Port& port, const config::HostPattern& name) const;

  // Constant after compile().
  std::shared_ptr<const config::Config> config_;
  std::vector<Listening> listeners_;
  std::vector<Port> ports_; // by listener
  std::vector<Place> places_;
  std::vector<Route> routes_;
  std::vector<std::unique_ptr<const RuleSet>> rule_sets_;
};

} // namespace weir::rules
