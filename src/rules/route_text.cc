// SPDX-License-Identifier: Apache-2.0
//
// RouteTable::describe(): the routes in the order in which they are asked, for `weirctl routes`.
#include <algorithm>

#include <fmt/format.h>

#include "rules/route.h"

namespace weir::rules {

using config::HostPattern;

namespace {

/// The order of find_home(): names, longest *.parent first, expressions, `*`.
int rank(const HostPattern& name) {
  switch (name.kind) {
  case HostPattern::Kind::exact:
    return 0;
  case HostPattern::Kind::both:
  case HostPattern::Kind::subdomains:
    return 1;
  case HostPattern::Kind::regex:
    return 2;
  case HostPattern::Kind::any:
    return 3;
  }
  return 4;
}

} // namespace

std::string Listening::to_string() const {
  return address.to_string() + (protocol == IpProtocol::udp ? " udp" : "");
}

RouteRow RouteTable::row(const Route& route) const {
  RouteRow row;
  switch (route.answer) {
  case Answer::forward:
    row.answer = fmt::format("forward {}", route.place);
    break;
  case Answer::pool:
    row.answer = fmt::format("pool {}", config_->pools[*route.pool].name);
    break;
  case Answer::respond:
    row.answer = fmt::format("respond {}", route.decl->respond.status);
    break;
  case Answer::redirect:
    row.answer = fmt::format("redirect {}", route.decl->redirect_url);
    break;
  case Answer::none:
    row.answer = route.l4 != nullptr ? "close" : "respond 404";
    break;
  }
  if (route.cache) {
    row.cache = config_->caches[*route.cache].name;
  }
  row.where = config_->where(route.decl != nullptr   ? route.decl->at
                             : route.site != nullptr ? route.site->at
                             : route.l4 != nullptr   ? route.l4->at
                                                     : route.forward->at);
  return row;
}

/// The home that a name leads to at this port.
std::uint32_t RouteTable::holder(const Port& port, const HostPattern& name) const {
  auto named = port.names.find(name.text);
  switch (name.kind) {
  case HostPattern::Kind::exact:
    return named->second.exact;
  case HostPattern::Kind::both:
  case HostPattern::Kind::subdomains:
    return named->second.under;
  case HostPattern::Kind::any:
    return port.any;
  case HostPattern::Kind::regex:
    break;
  }
  for (const auto& regex : port.regexes) {
    if (regex.regex->pattern() == name.text) {
      return regex.home;
    }
  }
  return kNone;
}

void RouteTable::describe_home(const Port& port, const Listening& at, const HostPattern& name,
                               std::uint32_t home, std::vector<RouteRow>& rows) const {
  const Place& place = places_[port.homes[home].place];
  if (place.site == nullptr) { // of an l4: no paths
    RouteRow line = row(routes_[place.otherwise]);
    line.listen = at.to_string();
    line.host = to_text(name);
    rows.push_back(std::move(line));
    return;
  }
  std::string taken;
  if (std::uint32_t other = holder(port, name); other != home && other != kNone) {
    const Place& first = places_[port.homes[other].place];
    taken = fmt::format("{} belongs to site {}", to_text(name), first.site->name);
  }
  const PathMatcher* all = nullptr;
  for (std::size_t i = 0; i < place.routes.size(); ++i) {
    const SiteRoute& route = place.routes[i];
    RouteRow line = row(routes_[route.route]);
    line.listen = at.to_string();
    line.host = to_text(name);
    line.path = to_text(route.path.pattern());
    line.unreachable = taken;
    auto same = std::find_if(place.routes.begin(), place.routes.begin() + static_cast<long>(i),
                             [&](const SiteRoute& before) {
                               return before.path.pattern().kind == route.path.pattern().kind &&
                                      before.path.pattern().text == route.path.pattern().text;
                             });
    if (line.unreachable.empty() && all != nullptr) {
      line.unreachable = fmt::format("{} takes every path", to_text(all->pattern()));
    } else if (line.unreachable.empty() && same != place.routes.begin() + static_cast<long>(i)) {
      line.unreachable = fmt::format("{} stands twice", line.path);
    }
    if (route.path.matches_all() && all == nullptr) {
      all = &route.path;
    }
    rows.push_back(std::move(line));
  }
}

std::vector<RouteRow> RouteTable::describe() const {
  std::vector<RouteRow> rows;
  for (std::size_t l = 0; l < listeners_.size(); ++l) {
    const Port& port = ports_[l];
    struct Line {
      HostPattern name;
      std::uint32_t home;
    };
    std::vector<Line> lines;
    for (std::uint32_t home = 0; home < port.homes.size(); ++home) {
      const Place& place = places_[port.homes[home].place];
      if (place.names.empty()) {
        RouteRow line = row(routes_[place.otherwise]);
        line.listen = listeners_[l].to_string();
        line.host = "*";
        rows.push_back(std::move(line));
        continue;
      }
      for (const auto& name : place.names) {
        lines.push_back({name, home});
      }
    }
    std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
      int ra = rank(a.name);
      int rb = rank(b.name);
      return ra != rb ? ra < rb : ra == 1 && a.name.text.size() > b.name.text.size();
    });
    for (const auto& line : lines) {
      describe_home(port, listeners_[l], line.name, line.home, rows);
    }
  }
  return rows;
}

} // namespace weir::rules
