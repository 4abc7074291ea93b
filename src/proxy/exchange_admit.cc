// SPDX-License-Identifier: Apache-2.0
//
// The first step of an Exchange: what is asked, of whom, and whether it may be.
#include "proxy/exchange.h"

#include "metrics/metrics.h"
#include "proxy/awaited.h"
#include "proxy/cache_use.h"
#include "proxy/fields_edit.h"
#include "proxy/resources.h"

namespace weir::proxy {

using http::FieldId;
using http::Method;
using metrics::Metric;

namespace {

/// RFC 6455 §4.2.1.
PageFacts without_key(PageFacts facts) {
  facts.reason = "A WebSocket is asked for with one Sec-WebSocket-Key.";
  return facts;
}

/// RFC 6455 §4.1, RFC 8441 §4. Any other protocol is not offered to the origin: HTTP/1.1 goes on.
bool asks_for_websocket(const http::RequestHead& request) {
  if (request.http2) {
    return request.upgrade;
  }
  if (!request.upgrade || request.method != Method::get || request.framing.has_body()) {
    return false;
  }
  http::ListReader protocols(request.fields, FieldId::upgrade);
  while (auto protocol = protocols.next()) {
    if (http::iequals(*protocol, "websocket")) {
      return true;
    }
  }
  return false;
}

/// The last address of X-Forwarded-For that is not itself trusted: whom the nearest proxy that may
/// be lied to has seen.
Address believed_client(const http::Fields& fields, const Address& sender,
                        const rules::PrefixSet& trusted) {
  http::ListReader members(fields, FieldId::x_forwarded_for);
  Address nearest; // the last one not trusted so far
  while (auto member = members.next()) {
    auto address = Address::parse(*member);
    if (!address) {
      address = Address::parse_with_port(*member);
    }
    if (!address) {
      nearest = {}; // whoever wrote this is not understood: nothing before it counts
      continue;
    }
    if (trusted.find(*address) == nullptr) {
      nearest = address->with_port(0);
    }
  }
  return nearest.valid() ? nearest : sender;
}

Reply redirect_to_https(const http::RequestHead& request, const rules::Facts& facts,
                        const config::SiteDecl& site, Arena& arena) {
  std::uint16_t port = http::default_port(http::Scheme::https);
  for (const config::ListenDecl& listen : site.listens) {
    if (listen.tls && listen.address.port() != 0) {
      port = listen.address.port();
      break;
    }
  }
  std::string_view authority = http::write_authority(facts.host, port, http::Scheme::https, arena);
  bool plain = request.method == Method::get || request.method == Method::head;
  return make_redirect(plain ? 301 : 308,
                       arena.join({"https://", authority, request.uri.path_query}));
}

} // namespace

http::Scheme Exchange::asked_scheme() const noexcept {
  return scheme_ == "https" ? http::Scheme::https : http::Scheme::http;
}

http::Scheme Exchange::own_scheme() const noexcept {
  return tls_ != nullptr ? http::Scheme::https : http::Scheme::http;
}

/// https:// through a forward: never fetched in clear (W8.5).
bool Exchange::fetches_by_tls() const noexcept {
  return asked_scheme() == http::Scheme::https && request_.method != Method::connect;
}

Next Exchange::admit() {
  if (awaited_) {
    return awaited_->login ? admit_user() : admit_purge(*route_);
  }
  const ListenUse& use = generation_->listen(*place_);
  if (!use.used || use.direction == rules::Direction::l4) {
    error_ = {Code::stopped, Side::self}; // a reload took the listener away
    return next(Step::fail);
  }
  if (request_.expect_unknown) {
    return reply(make_error(417, page_facts()));
  }
  if (request_.fields.has(FieldId::via) && has_looped(request_.fields, generation_->via)) {
    error_ = {Code::loop, Side::client};
    return next(Step::fail);
  }
  forward_ = use.direction == rules::Direction::forward;
  return forward_ ? admit_forward(use) : admit_site(use);
}

Next Exchange::admit_forward(const ListenUse& use) {
  using Form = http::Target::Form;
  const http::Target& uri = request_.uri;
  bool connect = request_.method == Method::connect;
  metrics::count(connect ? Metric::requests_tunnel : Metric::requests_forward);
  scheme_ = connect || uri.scheme == http::Scheme::https ? "https" : "http";
  std::uint16_t port = uri.port_or_default(http::Scheme::http);
  fill_facts(uri.host, port, scheme_);
  rules::Found found = generation_->routes->find(use.listener, uri.host, uri.path);
  if (!found) {
    return reply(make_error(404, page_facts()));
  }
  route_ = found.route;
  options_ = route_->options;
  facts_.place = route_->place;
  record_.place = route_->place;
  if (uri.form == Form::origin || uri.form == Form::asterisk) {
    PageFacts facts = page_facts();
    facts.reason = "This is a forward proxy: set it as the proxy of your browser.";
    return reply(make_error(400, facts));
  }
  return route_->auth != nullptr ? admit_user() : admit_asked();
}

/// The rules first, so that the log says which of them decided; then what holds for all.
Next Exchange::admit_asked() {
  if (!may_go_on()) {
    return act_on_verdict();
  }
  if (request_.method != Method::connect) {
    return admit_route(*route_);
  }
  std::uint16_t port = request_.uri.port;
  record_.kind = "tunnel";
  if (port == 0) {
    error_ = {Code::malformed, Side::client};
    return next(Step::fail);
  }
  for (const config::PortRange& range : route_->forward->connect) {
    if (range.contains(port)) {
      return next(Step::tunnel);
    }
  }
  PageFacts facts = page_facts();
  facts.reason = "Tunnels to this port are not allowed.";
  error_ = {Code::denied, Side::client};
  record_.end = end_word(error_);
  return reply(make_error(403, facts));
}

Next Exchange::admit_site(const ListenUse& use) {
  metrics::count(Metric::requests_site);
  const http::Target& uri = request_.uri;
  scheme_ = http::name(own_scheme());
  std::uint16_t port = uri.port_or_default(own_scheme());
  fill_facts(uri.host, port, scheme_);
  if (request_.method == Method::connect || request_.method == Method::trace) {
    return reply(make_error(405, page_facts()));
  }
  if (uri.scheme != http::Scheme::none && uri.scheme != own_scheme()) {
    return reply(make_error(421, page_facts())); // what is asked for is not what this listener is
  }
  std::string_view path = uri.path == "*" ? "/" : uri.path; // of the whole server
  rules::Found found = generation_->routes->find(use.listener, uri.host, path);
  if (!found) {
    return reply(make_error(404, page_facts()));
  }
  route_ = found.route;
  options_ = route_->options;
  facts_.place = route_->place;
  record_.place = route_->place;
  trusted_ = found.trusted != nullptr && found.trusted->find(remote_) != nullptr;
  if (trusted_) {
    client_ = believed_client(request_.fields, remote_, *found.trusted);
    facts_.client = client_;
  }
  bool redirects = found.listen != nullptr && found.listen->redirect_https;
  if (route_->auth != nullptr) { // who is sent elsewhere is asked there, not here in clear
    return redirects ? reply(redirect_to_https(request_, facts_, *route_->site, arena_))
                     : admit_user();
  }
  if (!may_go_on()) {
    return act_on_verdict();
  }
  return redirects ? reply(redirect_to_https(request_, facts_, *route_->site, arena_))
                   : admit_route(*route_);
}

/// A route that the rules let pass.
Next Exchange::admit_route(const rules::Route& route) {
  if (request_.fields.has(FieldId::max_forwards) && request_.method == Method::options) {
    auto left = http::parse_decimal(request_.fields.value(FieldId::max_forwards));
    if (left && *left == 0) { // W5.5
      return reply(make_respond(200, {}, {}));
    }
  }
  // TRACE is never echoed; PURGE never reaches an origin (W7.11).
  if (request_.method == Method::trace) {
    return reply(make_error(405, page_facts()));
  }
  if (request_.method == Method::purge) {
    return admit_purge(route);
  }
  switch (route.answer) {
  case rules::Answer::respond:
    return reply(make_respond(route.decl->respond.status, route.decl->respond.content_type,
                              route.decl->respond.body));
  case rules::Answer::redirect:
    return reply(make_redirect(route.decl->redirect_status, route.decl->redirect_url));
  case rules::Answer::none:
    return reply(make_error(404, page_facts()));
  case rules::Answer::forward:
  case rules::Answer::pool:
    break;
  }
  if (options_->body_max > 0) {
    if (request_.framing.kind == http::Framing::Kind::length &&
        request_.framing.length > options_->body_max) {
      error_ = {Code::too_large, Side::client};
      return next(Step::fail);
    }
    session_->limit_body(options_->body_max);
  }
  if (asks_for_websocket(request_)) {
    bool http2 = route.pool && generation_->config->pools[*route.pool].http2;
    if (options_->websocket) {
      if (http2 && !request_.http2 && request_.fields.count(FieldId::sec_websocket_key) != 1) {
        return reply(make_error(400, without_key(page_facts()))); // ours to agree to
      }
      websocket_ = true;
      return next(Step::pass);
    }
    if (request_.http2) { // no upgrade that can be left out: it asks for a tunnel
      return reply(make_error(501, page_facts()));
    }
  }
  if (route.cache && !verdict_.cache_no) {
    tier_ = generation_->caches[*route.cache];
    policy_ = &generation_->policy(route);
    if (may_look_up(request_, policy_)) {
      return next(Step::lookup);
    }
  } else {
    outcome_.detail = verdict_.cache_no ? "rule" : std::string_view{};
    outcome_.forward = tier_ != nullptr || verdict_.cache_no ? "bypass" : std::string_view{};
  }
  return next(Step::pass);
}

void Exchange::fill_facts(std::string_view host, std::uint16_t port, std::string_view scheme) {
  facts_ = {};
  facts_.client = remote_;
  facts_.host = host;
  facts_.port = port;
  facts_.path = request_.method == Method::connect ? std::string_view{} : request_.uri.path;
  facts_.query = request_.uri.query;
  facts_.method = request_.method_text;
  facts_.scheme = scheme;
  facts_.sni_known = request_.method != Method::connect; // of what is no tunnel: there is none
  facts_.fields = &request_.fields;
  if (tls_ != nullptr) {
    facts_.certificate = tls_->names;
  }
  record_.method = request_.method_text;
  record_.scheme = scheme;
  record_.host = host;
  record_.port = port;
  record_.path = facts_.path;
  record_.query = facts_.query;
  record_.user_agent = request_.fields.value(FieldId::user_agent);
  record_.referer = request_.fields.value(FieldId::referer);
}

/// True: allowed as far as is known.
bool Exchange::ask_rules(const rules::RuleSet& rules, std::span<const Address> addresses,
                         bool known) {
  facts_.addresses = addresses;
  facts_.addresses_known = known;
  verdict_ = rules.evaluate(facts_, Clock::wall());
  return verdict_.allows();
}

Next Exchange::act_on_verdict() {
  const rules::Verdict& v = verdict_;
  if (limited_) {
    PageFacts facts = page_facts();
    if (record_.end == "quota") {
      facts.reason = "As much as may be sent in this time has been sent. Try again later.";
    }
    return reply(make_error(429, facts));
  }
  switch (v.action) {
  case rules::Action::allow:
    return admit_route(*route_);
  case rules::Action::redirect:
    return reply(make_redirect(v.status, v.decl->url));
  case rules::Action::respond:
    return reply(
        make_respond(v.decl->respond.status, v.decl->respond.content_type, v.decl->respond.body));
  case rules::Action::deny:
    break;
  }
  metrics::count(Metric::rules_denied);
  record_.end = "denied";
  PageFacts facts = page_facts();
  if (v.status != 0 && v.status != 403) {
    return reply(make_error(v.status, facts));
  }
  const config::PageDecl& page = generation_->config->pages[v.page];
  return reply(make_page(403, page.body, page.content_type, facts));
}

} // namespace weir::proxy
