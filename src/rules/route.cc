// SPDX-License-Identifier: Apache-2.0
#include "rules/route.h"

#include <algorithm>

namespace weir::rules {

using config::HostPattern;

namespace {

std::optional<std::uint32_t> index_of(const config::NameRef& ref) {
  return ref ? std::optional(ref.index) : std::nullopt;
}

void use_auth(const config::AuthDecl& auth, Route& route) {
  route.auth = auth ? &auth : nullptr;
  route.login = auth ? std::string_view(auth.key_part) : std::string_view();
}

std::string_view bare_host(std::string_view host) {
  if (!host.empty() && host.back() == '.') {
    host.remove_suffix(1);
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return host;
}

} // namespace

Result<std::unique_ptr<const RouteTable>>
RouteTable::compile(std::shared_ptr<const config::Config> config, const RuleParts& parts) {
  struct Maker : RouteTable { // make_unique reaches the constructor
    explicit Maker(std::shared_ptr<const config::Config> c) : RouteTable(std::move(c)) {}
  };
  auto table = std::make_unique<Maker>(std::move(config));
  for (const auto& forward : table->config_->forwards) {
    if (auto added = table->add_forward(forward, parts); !added) {
      return fail(added.error());
    }
  }
  for (const auto& site : table->config_->sites) {
    if (auto added = table->add_site(site, parts); !added) {
      return fail(added.error());
    }
  }
  for (const auto& l4 : table->config_->l4s) {
    if (auto added = table->add_l4(l4, parts); !added) {
      return fail(added.error());
    }
  }
  for (std::size_t i = 0; i < table->routes_.size(); ++i) {
    table->routes_[i].index = static_cast<std::uint32_t>(i);
  }
  return std::unique_ptr<const RouteTable>(std::move(table));
}

Result<std::uint32_t> RouteTable::add_rules(Direction direction,
                                            std::span<const config::RuleDecl> first,
                                            std::span<const config::RuleDecl> then,
                                            const RuleParts& parts,
                                            std::span<const config::RuleDecl> limits) {
  auto set = RuleSet::compile(config_, direction, first, then, parts, limits);
  if (!set) {
    return fail(set.error());
  }
  rule_sets_.push_back(std::make_unique<const RuleSet>(std::move(*set)));
  return static_cast<std::uint32_t>(rule_sets_.size() - 1);
}

Result<void> RouteTable::add_forward(const config::ForwardDecl& forward, const RuleParts& parts) {
  auto rules = add_rules(Direction::forward, forward.rules, {}, parts);
  if (!rules) {
    return fail(rules.error());
  }
  Route route;
  route.answer = Answer::forward;
  route.direction = Direction::forward;
  route.place = forward.name;
  route.cache = index_of(forward.cache);
  route.options = &forward.options;
  route.forward = &forward;
  use_auth(forward.auth, route);
  route.rules = rule_sets_[*rules].get();
  Place place;
  place.forward = &forward;
  place.otherwise = static_cast<std::uint32_t>(routes_.size());
  routes_.push_back(route);
  places_.push_back(std::move(place));
  for (const auto& listen : forward.listens) {
    if (auto added = add_home(static_cast<std::uint32_t>(places_.size() - 1), listen); !added) {
      return added;
    }
  }
  return {};
}

Result<void> RouteTable::add_site(const config::SiteDecl& site, const RuleParts& parts) {
  auto own_rules = add_rules(Direction::site, site.rules, {}, parts);
  if (!own_rules) {
    return fail(own_rules.error());
  }
  Route route;
  route.direction = Direction::site;
  route.place = site.name;
  route.site = &site;
  route.options = &site.options;
  use_auth(site.auth, route);
  route.rules = rule_sets_[*own_rules].get();
  Place place;
  place.site = &site;
  place.names = site.names;
  place.otherwise = static_cast<std::uint32_t>(routes_.size());
  routes_.push_back(route);
  for (const auto& decl : site.routes) {
    auto path = PathMatcher::compile(decl.path);
    bool own = !decl.rules.empty() || !decl.limits.empty();
    auto rules =
        own ? add_rules(Direction::site, site.rules, decl.rules, parts, decl.limits) : own_rules;
    if (!path || !rules) {
      return fail(path ? rules.error() : path.error());
    }
    route.answer = decl.answer == config::RouteAnswer::pool      ? Answer::pool
                   : decl.answer == config::RouteAnswer::respond ? Answer::respond
                                                                 : Answer::redirect;
    route.pool = route.answer == Answer::pool ? index_of(decl.pool) : std::nullopt;
    route.cache = index_of(decl.cache);
    route.options = &decl.options;
    route.decl = &decl;
    use_auth(decl.auth, route);
    route.rules = rule_sets_[*rules].get();
    place.routes.push_back({std::move(*path), static_cast<std::uint32_t>(routes_.size())});
    routes_.push_back(route);
  }
  std::stable_sort(
      place.routes.begin(), place.routes.end(),
      [](const SiteRoute& a, const SiteRoute& b) { return a.path.goes_before(b.path); });
  index_routes(place);
  places_.push_back(std::move(place));
  for (const auto& listen : site.listens) {
    if (auto added = add_home(static_cast<std::uint32_t>(places_.size() - 1), listen); !added) {
      return added;
    }
  }
  return {};
}

/// One place for each line of sni, and one for all other clients.
Result<void> RouteTable::add_l4(const config::L4Decl& l4, const RuleParts& parts) {
  auto rules = add_rules(Direction::l4, l4.rules, {}, parts);
  if (!rules) {
    return fail(rules.error());
  }
  Route route;
  route.direction = Direction::l4;
  route.place = l4.name;
  route.options = &l4.options;
  route.l4 = &l4;
  route.rules = rule_sets_[*rules].get();
  auto add = [&](const config::NameRef& pool, std::span<const HostPattern> names) -> Result<void> {
    route.pool = index_of(pool);
    route.answer = route.pool ? Answer::pool : Answer::none;
    Place place;
    place.names = names;
    place.otherwise = static_cast<std::uint32_t>(routes_.size());
    routes_.push_back(route);
    places_.push_back(std::move(place));
    for (const auto& listen : l4.listens) {
      if (auto added = add_home(static_cast<std::uint32_t>(places_.size() - 1), listen); !added) {
        return added;
      }
    }
    return {};
  };
  auto added = add(l4.pool, {});
  for (std::size_t i = 0; added && i < l4.snis.size(); ++i) {
    added = add(l4.snis[i].pool, l4.snis[i].names);
  }
  return added;
}

Result<void> RouteTable::add_home(std::uint32_t place, const config::ListenDecl& listen) {
  const Place& its = places_[place];
  auto same = [&](const Listening& l) { return l.is_of(listen); };
  auto at = std::find_if(listeners_.begin(), listeners_.end(), same);
  if (at == listeners_.end()) {
    listeners_.push_back({listen.address, listen.protocol, routes_[its.otherwise].direction});
    ports_.emplace_back();
    at = std::prev(listeners_.end());
  }
  Port& port = ports_[static_cast<std::size_t>(at - listeners_.begin())];
  std::vector<PrefixEntry> trusted;
  for (const auto& prefix : listen.trust) {
    trusted.push_back({prefix, static_cast<std::uint32_t>(trusted.size())});
  }
  auto home = static_cast<std::uint32_t>(port.homes.size());
  port.homes.push_back({place, PrefixSet(std::move(trusted)), &listen});
  if (!its.names.empty()) {
    return add_names(port, home, its.names);
  }
  if (port.any == kNone) { // config/ refuses a forward that shares its address
    port.any = home;
  }
  return {};
}

/// Of two sites with one name the first has it; config/ refuses that, describe() tells it.
Result<void> RouteTable::add_names(Port& port, std::uint32_t home,
                                   std::span<const HostPattern> names) {
  auto claim = [&](std::uint32_t& slot) { slot = slot == kNone ? home : slot; };
  for (const auto& name : names) {
    switch (name.kind) {
    case HostPattern::Kind::exact:
      claim(port.names[name.text].exact);
      break;
    case HostPattern::Kind::subdomains:
      claim(port.names[name.text].under);
      break;
    case HostPattern::Kind::both:
      claim(port.names[name.text].exact);
      claim(port.names[name.text].under);
      break;
    case HostPattern::Kind::any:
      claim(port.any);
      break;
    case HostPattern::Kind::regex:
      port.regexes.push_back({compile_regex(name.text), home});
      if (!port.regexes.back().regex) {
        return fail(Code::malformed);
      }
      break;
    }
  }
  return {};
}

void RouteTable::index_routes(Place& place) {
  bool many = place.routes.size() > kFew;
  for (std::uint32_t i = 0; i < place.routes.size(); ++i) {
    auto key = PathIndex::key_of(place.routes[i].path.pattern());
    if (many && key) {
      place.by_path.add(*key, i);
    } else {
      place.loose.push_back(i);
    }
  }
}

/// The number in routes_ of the first route of the place that takes the path.
std::uint32_t RouteTable::find_route(const Place& place, std::string_view path) noexcept {
  std::uint32_t best = kNone;
  auto look = [&](std::span<const std::uint32_t> numbers) {
    for (std::uint32_t number : numbers) {
      if (number >= best) {
        return;
      }
      if (place.routes[number].path.matches(path)) {
        best = number;
        return;
      }
    }
  };
  place.by_path.find(path, look);
  look(place.loose);
  return best != kNone ? place.routes[best].route : place.otherwise;
}

const RouteTable::Home* RouteTable::find_home(const Port& port,
                                              std::string_view host) const noexcept {
  if (!port.names.empty()) {
    if (auto own = port.names.find(host); own != port.names.end() && own->second.exact != kNone) {
      return &port.homes[own->second.exact];
    }
    for (std::size_t dot = host.find('.'); dot != std::string_view::npos;
         dot = host.find('.', dot + 1)) {
      auto parent = port.names.find(host.substr(dot + 1));
      if (parent != port.names.end() && parent->second.under != kNone) {
        return &port.homes[parent->second.under];
      }
    }
  }
  for (const auto& regex : port.regexes) {
    if (search(*regex.regex, host)) {
      return &port.homes[regex.home];
    }
  }
  return port.any != kNone ? &port.homes[port.any] : nullptr;
}

Found RouteTable::find(std::size_t listener, std::string_view host,
                       std::string_view path) const noexcept {
  if (listener >= ports_.size()) {
    return {};
  }
  const Home* home = find_home(ports_[listener], bare_host(host));
  if (home == nullptr) {
    return {};
  }
  const Place& place = places_[home->place];
  PlainPath plain(place.routes.empty() ? std::string_view() : path);
  return {&routes_[find_route(place, plain.view())], &home->trusted, home->listen};
}

std::vector<RouteTable::Entrance> RouteTable::entrances(Direction direction,
                                                        const http::Target& url) const {
  std::vector<Entrance> all;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    Found found = listeners_[i].direction == direction ? find(i, url.host, url.path) : Found{};
    bool tls = found && found.listen->tls;
    if (found && (direction == Direction::forward || tls == (url.scheme == http::Scheme::https))) {
      all.push_back({i, found});
    }
  }
  return all;
}

} // namespace weir::rules
