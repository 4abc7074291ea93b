// SPDX-License-Identifier: Apache-2.0
//
// The statements of cache, pool, forward, site and route.
#include <algorithm>

#include <fmt/format.h>

#include "config/statements.h"
#include "config/values.h"

namespace weir::config {
namespace {

/// SIZE within the bounds of the row `name`.
Bytes read_size(Reading& r, const Word& word, std::string_view name) {
  Bytes size = 0;
  std::string wrong = read_bytes(word.text, size);
  if (wrong.empty()) {
    wrong = check_bytes(*find_row(name, flag::CACHE), size);
  }
  if (!wrong.empty()) {
    bad_value(r, word, std::move(wrong));
  }
  return size;
}

/// Parts after the head of a cache's tier: its object-max, into the scope's own options.
void read_tier_parts(Reading& r, const std::vector<Statement>& parts, Scope& scope, Flags place) {
  Scope inner = scope;
  read_parts(r, parts, inner, place);
  scope.options = inner.options;
}

/// "-X" takes one away, "!reset" all, else one is added: rule 3 of the language.
template <class T, class Read>
void merge(Reading& r, const Word& word, std::vector<T>& list, Read read) {
  if (word.is("!reset")) {
    list.clear();
    return;
  }
  const bool remove = !word.text.empty() && word.text[0] == '-';
  T value;
  const std::string_view text = word.text;
  if (std::string wrong = read(remove ? text.substr(1) : text, value); !wrong.empty()) {
    return bad_value(r, word, std::move(wrong));
  }
  const auto found = std::find(list.begin(), list.end(), value);
  if (!remove && found == list.end()) {
    list.push_back(value);
  } else if (remove && found == list.end()) {
    r.report.error(word.at, fmt::format("'{}' takes away what is not there", word.text));
  } else if (remove) {
    list.erase(found);
  }
}

void read_answer(Reading& r, const Statement& s, RouteDecl& route, RouteAnswer answer) {
  if (route.answers++ != 0) {
    r.report.error(s.at(), "the route has an answer already",
                   "a route has exactly one of pool, respond and redirect");
  }
  route.answer = answer;
}

/// Blocks of addresses, for each of the listeners of the statement.
void add_senders(Reading& r, const Statement& s, Scope& scope,
                 std::vector<Prefix> ListenDecl::*list) {
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    Prefix prefix;
    if (std::string wrong = read_prefix(s.words[i].text, prefix); !wrong.empty()) {
      bad_value(r, s.words[i], std::move(wrong));
    }
    for (ListenDecl& listen : *scope.listens) {
      (listen.*list).push_back(prefix);
    }
  }
}

void too_much(Reading& r, const Statement& s, std::size_t taken) {
  if (taken != 0 && s.words.size() > taken + 1) {
    const Word& extra = s.words[taken + 1];
    r.report.error(extra.at, fmt::format("'{}' is too much here", extra.text),
                   extra.quoted ? "" : "a text stands in quotes");
  }
}

} // namespace

// cache NAME { }

void read_cache(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 2)) {
    return;
  }
  CacheDecl cache;
  Scope inner = scope;
  inner.cache = &cache;
  cache.name = read_name(r, s.words[1]);
  cache.at = s.at();
  if (s.words.size() > 2) {
    cache.shared = s.words[2].is("shared");
    if (!cache.shared) {
      bad_value(r, s.words[2], "only the word shared may stand after the name of a cache");
    }
  }
  const bool sound = read_inner(r, s, inner, flag::CACHE);
  check_has(r, sound, cache.memory_at.written(), s, "memory", "memory 1GB");
  cache.options = inner.options;
  cache.compress.words = std::move(inner.compress);
  cache.memory_object_max = inner.options.memory_object_max;
  if (cache.memory_object_max == 0) {
    cache.memory_object_max = std::max<Bytes>(cache.memory / 64, Bytes{1} << 20);
  }
  cache.disk_admit_frequent = inner.options.disk_admit_frequent;
  cache.disk_object_max = inner.options.disk_object_max;
  if (cache.disk_object_max == 0) {
    cache.disk_object_max = cache.disk_size / 8;
  }
  if (!cache.name.empty()) {
    r.config.caches.push_back(std::move(cache));
  }
}

void read_cache_memory(Reading& r, const Statement& s, Scope& scope) {
  const std::vector<Statement> parts = split(s, flag::MEMORY);
  if (has_words(r, parts[0], scope, 1, 1)) {
    scope.cache->memory = read_size(r, s.words[1], "memory");
    scope.cache->memory_at = s.at();
    read_tier_parts(r, parts, scope, flag::MEMORY);
    if (scope.options.memory_object_max > scope.cache->memory) {
      r.report.error(s.at(), "object-max is larger than the tier");
    }
  }
}

void read_cache_disk(Reading& r, const Statement& s, Scope& scope) {
  const std::vector<Statement> parts = split(s, flag::DISK);
  if (has_words(r, parts[0], scope, 2, 2)) {
    scope.cache->disk_path = r.report.resolve(s.words[1].at, s.words[1].text);
    scope.cache->disk_size = read_size(r, s.words[2], "disk");
    scope.cache->disk_at = s.words[1].at;
    read_tier_parts(r, parts, scope, flag::DISK);
    if (scope.options.disk_object_max > scope.cache->disk_size) {
      r.report.error(s.at(), "object-max is larger than the tier");
    }
  }
}

// pool NAME { }

void read_pool(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  PoolDecl pool;
  Scope inner = scope;
  inner.pool = &pool;
  pool.name = read_name(r, s.words[1]);
  pool.at = s.at();
  const bool sound = read_inner(r, s, inner, flag::POOL);
  check_has(r, sound, !pool.servers.empty(), s, "server", "server 192.0.2.1:8080");
  pool.options = inner.options;
  if (!pool.name.empty()) {
    r.config.pools.push_back(std::move(pool));
  }
}

void read_pool_server(Reading& r, const Statement& s, Scope& scope) {
  const std::vector<Statement> parts = split(s, flag::SERVER);
  if (!has_words(r, parts[0], scope, 1, kAny)) {
    return;
  }
  Scope inner = scope;
  ServerDecl all;
  inner.server = &all;
  read_parts(r, parts, inner, flag::SERVER);
  for (std::size_t i = 1; i < parts[0].words.size(); ++i) {
    const Word& word = parts[0].words[i];
    ServerDecl server;
    server.weight = inner.options.server_weight;
    server.tls = all.tls;
    server.sni = all.sni;
    server.at = word.at;
    if (std::string wrong = read_server(word.text, server); !wrong.empty()) {
      bad_value(r, word, std::move(wrong));
      continue;
    }
    for (const ServerDecl& other : scope.pool->servers) {
      if (other.host == server.host && other.port == server.port) {
        r.report.error(word.at, fmt::format("the pool has {} already", word.text),
                       "a larger share is written: weight N");
      }
    }
    scope.pool->servers.push_back(std::move(server));
  }
}

void read_server_tls(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 0, 0)) {
    scope.server->tls = true;
  }
}

void read_server_sni(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  HostPattern name;
  std::string wrong = read_host_pattern(s.words[1].text, name);
  if (!wrong.empty() || name.kind != HostPattern::Kind::exact) {
    return bad_value(r, s.words[1], "write the name of one host");
  }
  scope.server->sni = name.text;
  scope.server->tls = true;
}

void read_pool_ca(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 1, 1)) {
    OriginTls& tls = scope.pool != nullptr ? scope.pool->tls : scope.forward->tls;
    tls.ca = r.report.resolve(s.words[1].at, s.words[1].text);
    tls.ca_at = s.words[1].at;
  }
}

void read_pool_client_cert(Reading& r, const Statement& s, Scope& scope) {
  bool with_key = s.words.size() == 4 && s.words[2].is("key");
  if (!with_key && !has_words(r, s, scope, 1, 1)) {
    return;
  }
  CertDecl own;
  own.cert = r.report.resolve(s.words[1].at, s.words[1].text);
  own.key = with_key ? r.report.resolve(s.words[3].at, s.words[3].text) : std::string();
  own.at = s.words[1].at;
  (scope.pool != nullptr ? scope.pool->tls : scope.forward->tls).own = std::move(own);
}

void read_pool_balance(Reading& r, const Statement& s, Scope& scope) {
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    constexpr std::string_view kLater[] = {"least-conn", "random-two", "hash", "consistent"};
    if (std::find(std::begin(kLater), std::end(kLater), s.words[i].text) != std::end(kLater) ||
        is_absent_in(s.words[i].text, flag::POOL)) {
      return absent_word(r, s.words[i]);
    }
  }
  if (has_words(r, s, scope, 1, 1) && s.words[1].text != "round-robin") {
    bad_value(r, s.words[1], "write round-robin");
  }
  scope.pool->balance = Balance::round_robin;
  scope.pool->balance_at = s.at();
}

void read_pool_http2(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 0, 0)) {
    scope.pool->http2 = true;
    scope.pool->http2_at = s.at();
  }
}

void read_pool_proxy_protocol(Reading& r, const Statement& s, Scope& scope) {
  scope.pool->send_proxy = read_send_proxy(r, s, scope);
  scope.pool->send_proxy_at = s.at();
}

// forward NAME { }

void read_forward(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  ForwardDecl forward;
  Scope inner = scope;
  inner.forward = &forward;
  inner.rules = &forward.rules;
  inner.listens = &forward.listens;
  forward.name = read_name(r, s.words[1]);
  forward.at = s.at();
  const bool sound = read_inner(r, s, inner, flag::FORWARD);
  check_has(r, sound, !forward.listens.empty(), s, "listener", "listen 127.0.0.1:3128");
  forward.connect = std::move(inner.connect);
  forward.connect_at = inner.connect_at;
  forward.private_at = inner.private_at;
  forward.private_deny = inner.private_deny;
  forward.private_except = std::move(inner.private_except);
  forward.options = inner.options;
  forward.use = std::move(inner.use);
  forward.compress.words = std::move(inner.compress);
  if (!forward.name.empty()) {
    r.config.forwards.push_back(std::move(forward));
  }
}

void read_listen(Reading& r, const Statement& s, Scope& scope) {
  const std::vector<Statement> parts = split(s, flag::LISTEN);
  if (!has_words(r, parts[0], scope, 1, kAny)) {
    return;
  }
  std::vector<ListenDecl> listens;
  for (std::size_t i = 1; i < parts[0].words.size(); ++i) {
    const Word& word = parts[0].words[i];
    ListenDecl listen;
    listen.at = word.at;
    if (std::string wrong = read_listen_address(word.text, listen.address); !wrong.empty()) {
      bad_value(r, word, std::move(wrong));
    } else {
      listens.push_back(std::move(listen));
    }
  }
  Scope inner = scope;
  inner.listens = &listens;
  read_parts(r, parts, inner, flag::LISTEN);
  std::move(listens.begin(), listens.end(), std::back_inserter(*scope.listens));
}

void read_listen_trust(Reading& r, const Statement& s, Scope& scope) {
  if (scope.site == nullptr) {
    r.report.error(s.at(), "trust stands only in a site",
                   "a forward proxy removes these fields from every request");
    return;
  }
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  add_senders(r, s, scope, &ListenDecl::trust);
}

void read_listen_proxy_protocol(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 1, kAny)) {
    add_senders(r, s, scope, &ListenDecl::proxy_protocol);
  }
}

void read_listen_udp(Reading& r, const Statement& s, Scope& scope) {
  if (scope.l4 == nullptr) {
    r.report.error(s.at(), "udp stands only in an l4",
                   "HTTP is spoken over TCP: weir has no HTTP/3");
    return;
  }
  if (has_words(r, s, scope, 0, 0)) {
    for (ListenDecl& listen : *scope.listens) {
      listen.protocol = IpProtocol::udp;
    }
  }
}

void read_listen_tls(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 0, 0)) {
    for (ListenDecl& listen : *scope.listens) {
      listen.tls = true;
    }
  }
}

void read_listen_http1(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 0, 0)) {
    for (ListenDecl& listen : *scope.listens) {
      listen.http1 = true;
    }
  }
}

void read_listen_http2(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 0, 0)) {
    for (ListenDecl& listen : *scope.listens) {
      listen.http2 = true;
    }
  }
}

void read_listen_cert(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  for (ListenDecl& listen : *scope.listens) {
    listen.certs.push_back({r.report.resolve(s.words[1].at, s.words[1].text), {}, s.words[1].at});
  }
}

void read_listen_key(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  for (ListenDecl& listen : *scope.listens) {
    if (listen.certs.empty() || !listen.certs.back().key.empty()) {
      r.report.error(s.at(), "a key follows the certificate it belongs to",
                     "form: cert FILE key FILE");
      return;
    }
    listen.certs.back().key = r.report.resolve(s.words[1].at, s.words[1].text);
  }
}

void read_listen_client_cert(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 2, 2)) {
    return;
  }
  if (!s.words[1].is("optional") && !s.words[1].is("required")) {
    return bad_value(r, s.words[1], "write required or optional, then the file of the CA");
  }
  for (ListenDecl& listen : *scope.listens) {
    listen.ask_cert = s.words[1].is("required") ? AskCert::required : AskCert::optional;
    listen.client_ca = r.report.resolve(s.words[2].at, s.words[2].text);
  }
}

void read_listen_redirect(Reading& r, const Statement& s, Scope& scope) {
  if (scope.site == nullptr) {
    r.report.error(s.at(), "redirect stands only in a site");
    return;
  }
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  if (!s.words[1].is("https")) {
    return bad_value(r, s.words[1], "write: redirect https");
  }
  for (ListenDecl& listen : *scope.listens) {
    listen.redirect_https = true;
  }
}

void read_connect(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  scope.connect_at = s.at();
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    // What is written first takes the place of the default, not of anything written.
    if (!scope.connect_written && s.words[i].text.substr(0, 1) != "-") {
      scope.connect.clear();
    }
    scope.connect_written = true;
    merge(r, s.words[i], scope.connect, read_ports);
  }
}

void read_private(Reading& r, const Statement& s, Scope& scope) {
  const std::vector<Statement> parts = split(s, flag::PRIVATE);
  if (!has_words(r, parts[0], scope, 1, 1)) {
    return;
  }
  const Word& word = s.words[1];
  if (word.text != "deny" && word.text != "allow") {
    return bad_value(r, word, "write deny or allow");
  }
  scope.private_deny = word.text == "deny";
  scope.private_at = s.at();
  if (!scope.private_deny && parts.size() > 1) {
    r.report.error(parts[1].at(), "an exception from allow has no meaning",
                   "form: private deny except CIDR ...");
  }
  const Flags outer = scope.place;
  scope.place = flag::PRIVATE;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    read_private_except(r, parts[i], scope);
  }
  scope.place = outer;
}

void read_private_except(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 1, kAny)) {
    for (std::size_t i = 1; i < s.words.size(); ++i) {
      merge(r, s.words[i], scope.private_except, read_prefix);
    }
  }
}

void read_forward_cache(Reading& r, const Statement& s, Scope& scope) {
  const std::vector<Statement> parts = split(s, flag::USE);
  if (!has_words(r, parts[0], scope, 1, 1)) {
    return;
  }
  const NameRef name = s.words[1].is("none") ? NameRef{{}, 0, s.words[1].at} : use_name(s.words[1]);
  NameRef& cache = scope.place == flag::FORWARD ? scope.forward->cache
                   : scope.place == flag::SITE  ? scope.site->cache
                                                : scope.route->cache;
  cache = name;
  const Flags outer = scope.place;
  scope.place = flag::USE;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    read_row(r, *find_row(parts[i].words[0].text, flag::USE), parts[i], scope);
  }
  scope.place = outer;
}

// site HOST { }

void read_site(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  SiteDecl site;
  Scope inner = scope;
  inner.site = &site;
  inner.rules = &site.rules;
  inner.listens = &site.listens;
  site.name = s.words[1].text;
  site.at = s.at();
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    HostPattern host;
    host.at = s.words[i].at;
    if (std::string wrong = read_host_pattern(s.words[i].text, host); !wrong.empty()) {
      bad_value(r, s.words[i], std::move(wrong));
    } else {
      site.names.push_back(std::move(host));
    }
  }
  const bool sound = read_inner(r, s, inner, flag::SITE);
  check_has(r, sound, !site.listens.empty(), s, "listener", "listen 0.0.0.0:80");
  check_has(r, sound, !site.routes.empty(), s, "route", "route / { pool NAME }");
  site.options = inner.options;
  site.use = std::move(inner.use);
  site.compress.words = std::move(inner.compress);
  if (!site.names.empty()) {
    r.config.sites.push_back(std::move(site));
  }
}

void read_route(Reading& r, const Statement& s, Scope& scope) {
  const bool expression = s.words.size() > 1 && s.words[1].is("~");
  if (!has_words(r, s, scope, expression ? 2 : 1, expression ? 2 : 1)) {
    return;
  }
  RouteDecl route;
  const Word& word = s.words[expression ? 2 : 1];
  std::string wrong =
      expression ? check_regex(word.text) : read_path_pattern(word.text, route.path);
  if (!wrong.empty()) {
    bad_value(r, word, std::move(wrong));
  }
  if (expression) {
    route.path.kind = PathPattern::Kind::regex;
    route.path.text = word.text;
  }
  Scope inner = scope;
  inner.route = &route;
  inner.rules = &route.rules;
  route.path.at = word.at;
  route.at = s.at();
  route.cache = scope.site->cache;
  route.auth = scope.site->auth;
  const bool sound = read_inner(r, s, inner, flag::ROUTE);
  check_has(r, sound, route.answers != 0, s, "answer", "pool, respond or redirect");
  route.options = inner.options;
  route.use = std::move(inner.use);
  route.compress.words = std::move(inner.compress);
  scope.site->routes.push_back(std::move(route));
}

void read_route_pool(Reading& r, const Statement& s, Scope& scope) {
  read_answer(r, s, *scope.route, RouteAnswer::pool);
  if (has_words(r, s, scope, 1, 1)) {
    scope.route->pool = use_name(s.words[1]);
  }
}

void read_route_respond(Reading& r, const Statement& s, Scope& scope) {
  read_answer(r, s, *scope.route, RouteAnswer::respond);
  too_much(r, s, read_respond(r, s, 1, scope.route->respond));
}

void read_route_redirect(Reading& r, const Statement& s, Scope& scope) {
  read_answer(r, s, *scope.route, RouteAnswer::redirect);
  too_much(r, s, read_redirect(r, s, 1, scope.route->redirect_url, scope.route->redirect_status));
}

} // namespace weir::config
