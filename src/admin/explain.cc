// SPDX-License-Identifier: Apache-2.0
#include "admin/explain.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "http/client_request.h"
#include "http/h1_parser.h"
#include "log/filter_parser.h"
#include "rules/request_facts.h"

namespace weir::admin {
namespace {

using rules::Direction;

/// A request as a client would send it on one way.
struct Request {
  std::string bytes;
  http::RequestHead head;
  Arena arena;
};

struct Asked {
  const ExplainAsk& ask;
  const config::Config& config;
  const rules::RouteTable& routes;
  std::span<const rules::UserTable> users;
  const Details& details;
  http::Target url;
  WallTime at{};
  Address client;
  std::vector<Address> addresses;
};

/// Where a request may come in, with the listeners that lead there.
struct Entrance {
  const rules::Route* route = nullptr;
  bool redirects = false; // to https
  std::vector<std::size_t> listeners;
};

/// Empty: it is written. Else what is wrong with it.
std::string write_request(const ExplainAsk& ask, const http::Target& url, Direction direction,
                          Request& request) {
  bool secure = url.scheme == http::Scheme::https && direction == Direction::forward;
  bool tunnel = ask.method == "CONNECT" || (secure && ask.method.empty());
  std::string method = tunnel ? "CONNECT" : ask.method.empty() ? "GET" : ask.method;
  for (const std::string& each : ask.headers) {
    if (!http::is_field_value(each) || each.find(':') == std::string::npos) {
      return fmt::format("'{}' is not a header: write 'Name: value'", each);
    }
  }
  request.bytes =
      http::write_client_request(method, url, direction == Direction::forward, ask.headers);
  http::H1Parser parser;
  auto progress = parser.parse_request(request.bytes, request.head, request.arena);
  if (!progress || !progress->complete) {
    int status = progress ? 400 : http::status_of(progress.error());
    return fmt::format("this request is refused with {} before any rule: {}", status,
                       progress ? "malformed" : name(progress.error().code));
  }
  return {};
}

std::vector<Entrance> find_entrances(const Asked& asked, Direction direction) {
  const std::string& wanted = direction == Direction::forward ? asked.ask.forward : asked.ask.site;
  std::vector<Entrance> found;
  for (const auto& [listener, there] : asked.routes.entrances(direction, asked.url)) {
    if (!wanted.empty() && there.route->place != wanted) {
      continue;
    }
    auto same = [&there = there](const Entrance& each) {
      return each.route == there.route && each.redirects == there.listen->redirect_https;
    };
    auto at = std::find_if(found.begin(), found.end(), same);
    if (at == found.end()) {
      at = found.insert(found.end(), Entrance{there.route, there.listen->redirect_https, {}});
    }
    at->listeners.push_back(listener);
  }
  return found;
}

Json trace_json(const rules::Trace& trace) {
  Json all = Json::array();
  for (const rules::TraceRule& rule : trace.rules) {
    Json conditions = Json::array();
    for (const rules::TraceCondition& each : rule.conditions) {
      Json one;
      one["unless"] = each.unless;
      one["text"] = each.text;
      one["outcome"] = std::string(rules::name(each.outcome));
      one["why"] = each.why;
      conditions.push_back(std::move(one));
    }
    Json one;
    one["where"] = rule.where;
    one["text"] = rule.text;
    one["outcome"] = std::string(rules::name(rule.outcome));
    one["conditions"] = std::move(conditions);
    all.push_back(std::move(one));
  }
  return all;
}

Json verdict_json(const rules::Verdict& verdict, const rules::Route& route,
                  const config::Config& config) {
  Json out;
  out["action"] = std::string(rules::name(verdict.action));
  if (!verdict.allows()) {
    out["status"] = verdict.status;
  }
  if (verdict.action == rules::Action::deny && verdict.page < config.pages.size()) {
    out["page"] = config.pages[verdict.page].name;
  }
  out["where"] = std::string(verdict.where);
  out["rule"] = std::string(verdict.text());
  if (verdict.list) {
    out["list"] = verdict.list.list->name();
    out["entry"] = verdict.list.list->where(verdict.list);
  }
  out["cache_no"] = verdict.cache_no;
  out["cache_bypass"] = verdict.cache_bypass;
  out["cache_no_store"] = verdict.cache_no_store;
  out["provisional"] = std::string(rules::name_of_facts(verdict.provisional));
  Json reported = Json::array();
  for (std::size_t i = 0; i < verdict.reported_count; ++i) {
    reported.push_back(route.rules->where(verdict.reported[i]));
  }
  out["reported"] = std::move(reported);
  return out;
}

/// A forward's own limits on an address, as dialling asks them.
std::string private_denial(const config::ForwardDecl& forward, const Address& address) {
  if (!forward.private_deny || !address.is_internal()) {
    return {};
  }
  for (const Prefix& each : forward.private_except) {
    if (each.contains(address) || each.contains(address.unwrapped())) {
      return {};
    }
  }
  return fmt::format("{} is private, and not excepted from `private deny`", address.host());
}

/// Why a request that the rules let pass is refused all the same; empty: it is not.
std::string later_denial(const Asked& asked, const rules::Route& route, const rules::Facts& facts,
                         const http::RequestHead& request) {
  if (route.forward == nullptr) {
    return {};
  }
  if (request.method == http::Method::connect) {
    const auto& ports = route.forward->connect;
    if (std::none_of(ports.begin(), ports.end(), [&facts](const config::PortRange& each) {
          return each.contains(facts.port);
        })) {
      return fmt::format("tunnels to port {} are not allowed (403)", facts.port);
    }
  }
  std::vector<Address> addresses = asked.addresses;
  std::string_view host = facts.host;
  if (host.size() > 2 && host.front() == '[') {
    host = host.substr(1, host.size() - 2);
  }
  if (auto literal = Address::parse_any(host)) {
    addresses = {*literal};
  }
  for (const Address& each : addresses) {
    if (std::string why = private_denial(*route.forward, each); !why.empty()) {
      return why + " (403)";
    }
  }
  return {};
}

/// Who asks, by --user alone: passwords are not looked at. Empty: the request goes on to the rules.
std::string log_in(const Asked& asked, const rules::Route& route, rules::Facts& facts) {
  if (route.auth == nullptr || asked.ask.own) {
    return {};
  }
  const config::NameRef& users = route.auth->users;
  int status = route.forward != nullptr ? 407 : 401;
  if (asked.ask.user.empty()) {
    return fmt::format("users {} have to log in ({}); --user says who asks", users.name, status);
  }
  const rules::User* user =
      users.index < asked.users.size() ? asked.users[users.index].find(asked.ask.user) : nullptr;
  if (user == nullptr) {
    return fmt::format("{} is none of users {} ({})", asked.ask.user, users.name, status);
  }
  facts.user = user->name;
  facts.groups = user->groups;
  return {};
}

std::string result_text(const Asked& asked, const Entrance& in, const rules::Verdict& verdict,
                        const std::string& login, const std::string& later) {
  if (in.redirects && in.route->auth != nullptr) {
    return "allow: redirect to https, before anybody logs in";
  }
  if (!login.empty()) {
    return "refused: " + login;
  }
  if (!verdict.allows()) {
    return fmt::format("{} {}", rules::name(verdict.action), verdict.status);
  }
  if (!later.empty()) {
    return "refused: " + later;
  }
  std::string answer = in.redirects ? "redirect to https" : asked.routes.row(*in.route).answer;
  return fmt::format("{}allow: {}", verdict.is_final() ? "" : "so far ", answer);
}

Json explain_way(const Asked& asked, const Request& request, const Entrance& in) {
  const rules::Route& route = *in.route;
  rules::Facts facts = rules::facts_of(request.head, asked.client, route.direction,
                                       asked.url.scheme == http::Scheme::https);
  facts.place = route.place;
  facts.certificate = asked.ask.certificate;
  facts.addresses = asked.addresses;
  facts.addresses_known = !asked.addresses.empty();
  std::string login = log_in(asked, route, facts);
  rules::Trace trace;
  rules::Verdict verdict = route.rules->evaluate(facts, asked.at, &trace);
  std::string later =
      verdict.allows() ? later_denial(asked, route, facts, request.head) : std::string();
  rules::RouteRow row = asked.routes.row(route);

  Json way;
  way["kind"] = route.direction == Direction::forward ? "forward" : "site";
  way["name"] = std::string(route.place);
  way["listen"] = Json::array();
  for (std::size_t each : in.listeners) {
    way["listen"].push_back(asked.routes.listeners()[each].address.to_string());
  }
  way["where"] = row.where;
  way["route"] = route.decl != nullptr ? route.decl->path.text : "";
  way["answer"] = row.answer;
  way["cache"] = row.cache;
  way["method"] = std::string(facts.method);
  way["users"] = route.auth != nullptr ? route.auth->users.name : "";
  way["user"] = std::string(facts.user);
  way["groups"] = std::vector<std::string>(facts.groups.begin(), facts.groups.end());
  way["host"] = std::string(facts.host);
  way["port"] = facts.port;
  way["rules"] = trace_json(trace);
  way["decision"] = trace.decision;
  way["verdict"] = verdict_json(verdict, route, asked.config);
  way["result"] = result_text(asked, in, verdict, login, later);
  if (login.empty() && verdict.allows() && later.empty() && !in.redirects && asked.details) {
    asked.details({route, verdict, facts, request.head}, way);
  }
  return way;
}

/// Reads what stands beside the URL. Empty: all of it is good.
std::string read_asked(const ExplainAsk& ask, WallTime now, Asked& asked) {
  asked.at = now;
  if (!ask.at.empty()) {
    auto at = log::parse_time(ask.at);
    if (!at) {
      return fmt::format("'{}' is not a time: write 2026-11-21T10:30", ask.at);
    }
    asked.at = WallTime(Duration(*at));
  }
  auto client = Address::parse(ask.client.empty() ? "127.0.0.1" : ask.client);
  if (!client) {
    return fmt::format("'{}' is not an address", ask.client);
  }
  asked.client = *client;
  for (const std::string& each : ask.addresses) {
    auto address = Address::parse(each);
    if (!address) {
      return fmt::format("'{}' is not an address", each);
    }
    asked.addresses.push_back(*address);
  }
  return {};
}

} // namespace

ExplainAsk explain_ask(const Json& arguments) {
  ExplainAsk ask;
  ask.url = text_of(arguments, "url");
  ask.client = text_of(arguments, "client");
  ask.user = text_of(arguments, "user");
  ask.certificate = list_of(arguments, "client-cert");
  ask.at = text_of(arguments, "at");
  ask.method = text_of(arguments, "method");
  ask.headers = list_of(arguments, "header");
  ask.addresses = list_of(arguments, "address");
  ask.forward = text_of(arguments, "forward");
  ask.site = text_of(arguments, "site");
  return ask;
}

Result<http::Target> parse_url(std::string_view url, Arena& arena) {
  std::string whole(url);
  if (whole.find("://") == std::string::npos) {
    whole.insert(0, "http://");
  }
  whole = whole.substr(0, whole.find('#')); // a fragment is never sent
  return http::parse_target(http::Method::get, arena.copy(whole), arena);
}

Answer explain_answer(const ExplainAsk& ask, const config::Config& config,
                      const rules::RouteTable& routes, std::span<const rules::UserTable> users,
                      WallTime now, const Details& details) {
  Asked asked{ask, config, routes, users, details, {}, {}, {}, {}};
  if (std::string wrong = read_asked(ask, now, asked); !wrong.empty()) {
    return failure(Exit::usage, wrong);
  }
  Arena arena;
  auto url = parse_url(ask.url, arena);
  if (!url || url->form != http::Target::Form::absolute) {
    return failure(Exit::usage, fmt::format("'{}' is not a URL: write http://HOST/PATH", ask.url));
  }
  asked.url = *url;
  Json ways = Json::array();
  for (Direction direction : {Direction::forward, Direction::site}) {
    bool unwanted = direction == Direction::forward ? ask.forward.empty() && !ask.site.empty()
                                                    : ask.site.empty() && !ask.forward.empty();
    if (unwanted) {
      continue;
    }
    Request request;
    if (std::string wrong = write_request(ask, *url, direction, request); !wrong.empty()) {
      return failure(Exit::usage, wrong);
    }
    for (const Entrance& each : find_entrances(asked, direction)) {
      ways.push_back(explain_way(asked, request, each));
    }
  }
  if (ways.empty()) {
    return failure(Exit::failed,
                   fmt::format("there is no way to ask for {}: no forward{}, and no site with the "
                               "host {} that speaks {}",
                               ask.url, ask.forward.empty() ? "" : " " + ask.forward, url->host,
                               http::name(url->scheme)));
  }
  Json body;
  body["url"] = ask.url;
  body["client"] = asked.client.host();
  body["ways"] = std::move(ways);
  return success(std::move(body));
}

} // namespace weir::admin
