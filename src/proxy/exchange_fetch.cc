// SPDX-License-Identifier: Apache-2.0
//
// The steps of an Exchange that ask an origin.
#include "proxy/exchange.h"

#include <algorithm>

#include "base/errlog.h"
#include "http/websocket.h"
#include "metrics/metrics.h"
#include "net/proxy_header.h"
#include "proxy/cache_use.h"
#include "proxy/fetch.h"
#include "proxy/fields_edit.h"
#include "proxy/raw_fetch.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {

constexpr Error kShortOfMemory{Code::overloaded, Side::self};

/// The request's facts with all their text in `arena`.
rules::Facts keep(const rules::Facts& facts, const http::Fields& fields, Arena& arena) {
  rules::Facts kept = facts;
  kept.host = arena.copy(facts.host);
  kept.path = arena.copy(facts.path);
  kept.query = arena.copy(facts.query);
  kept.method = arena.copy(facts.method);
  kept.fields = &fields;
  kept.addresses = {};
  kept.addresses_known = false;
  return kept;
}

} // namespace

void FetchPlan::keep_request() {
  http::copy_head(*request, own_request_, arena);
  request = &own_request_;
  if (rules != nullptr) {
    facts = keep(facts, own_request_.fields, arena);
    own_certificate_.assign(facts.certificate.begin(), facts.certificate.end());
    facts.certificate = own_certificate_;
  }
}

void FetchPlan::let_body_go() {
  if (body != nullptr) {
    body->stop_body();
    body = nullptr;
  }
}

FetchPlan::FetchPlan(GenerationRef pinned, const rules::RuleSet* asked)
    : generation(std::move(pinned)), rules(asked) {}

void FetchPlan::use_pool(std::uint32_t pool, config::SendProxy send, const Ends& ends) {
  const config::PoolDecl& decl = generation->config->pools[pool];
  dial.pool = generation->pools[pool].get();
  dial.slots = decl.options.connections;
  dial.queue_timeout = decl.options.queue_timeout;
  dial.queue_max = decl.options.queue_max;
  dial.retries = decl.options.retry;
  dial.connect_timeout = decl.options.connect_timeout;
  dial.tls = generation->tls_of_pool(pool);
  http2 = decl.http2;
  if (send != config::SendProxy::no) {
    auto version =
        send == config::SendProxy::v1 ? net::ProxyVersion::first : net::ProxyVersion::second;
    dial.proxy_header = net::write_proxy_header(version, ends.client, ends.local);
  }
}

void FetchPlan::use_http1(std::uint32_t pool, const origin::Pool::Server& server) {
  http2 = false;
  dial.tls = generation->tls_of_pool(pool, true);
  dial.first = &server;
}

bool is_guarded(const Address& address, std::span<const Prefix> except) {
  if (!address.is_internal()) {
    return false;
  }
  for (const Prefix& prefix : except) {
    if (prefix.contains(address) || prefix.contains(address.unwrapped())) {
      return false;
    }
  }
  return true;
}

bool FetchPlan::may_dial(const Address& address) {
  if (guard && is_guarded(address, guard_except)) {
    metrics::count(metrics::Metric::egress_denied);
    return false;
  }
  if (rules == nullptr) {
    return true;
  }
  may_dial_now = address;
  facts.addresses = {&may_dial_now, 1};
  facts.addresses_known = true;
  return rules->evaluate(facts, Clock::wall()).allows();
}

std::unique_ptr<FetchPlan> Exchange::make_plan(bool via_cache) {
  // Only a verdict that hangs on an address is asked about again.
  bool ask = !verdict_.is_final();
  auto plan = std::make_unique<FetchPlan>(generation_, ask ? route_->rules : nullptr);
  const config::Options* times = options_;
  if (route_->pool) {
    const config::PoolDecl& pool = generation_->config->pools[*route_->pool];
    times = &pool.options;
    plan->use_pool(*route_->pool, pool.send_proxy, {client_, local_});
    if (http1_server_ != nullptr) {
      plan->use_http1(*route_->pool, *http1_server_);
    }
  } else {
    plan->dial.host = facts_.host;
    plan->dial.port = facts_.port;
    plan->dial.tls = fetches_by_tls() ? generation_->tls_of(*route_->forward) : nullptr;
    plan->guard = route_->forward->private_deny;
    plan->guard_except = route_->forward->private_except;
    plan->dial.retries = times->retry;
    plan->dial.connect_timeout = times->connect_timeout;
  }
  plan->answer_timeout = times->answer_timeout;
  plan->body_timeout = times->body_timeout;
  plan->origin_idle = times->origin_idle_timeout;
  plan->tunnel = request_.method == http::Method::connect || websocket_ ? session_ : nullptr;
  plan->tunnel_times = {options_->tunnel_idle_timeout, options_->tunnel_lifetime};
  plan->limits = limits_;
  plan->request = &request_;
  if (ask) {
    plan->facts = facts_;
    plan->facts.place = route_->place;
  }
  if (via_cache) {
    plan->keep_request();
  }
  plan->may_store = via_cache || (look_ != Look::none && !verdict_.cache_no_store);
  plan->request_time = Clock::wall();
  if (request_.method == http::Method::connect) {
    plan->peek = true;
    plan->match_sni = options_->tunnel_sni_match;
    return plan;
  }
  if (tier_ != nullptr) {
    plan_use(*plan, via_cache);
  }
  plan->websocket = websocket_;
  if (websocket_ && request_.http2 && !plan->http2) {
    plan->websocket_key = http::make_websocket_key();
  }
  plan->head = write_head(*plan);
  if (!via_cache && request_.framing.has_body()) {
    plan->body = session_;
    plan->body_chunked = request_.framing.kind == http::Framing::Kind::chunked;
  }
  return plan;
}

/// What is stored already, and how the answer may be.
void Exchange::plan_use(FetchPlan& plan, bool via_cache) {
  if (via_cache) {
    plan.stale = stale_;
    plan.others = other_variants();
    plan.completes = partial_ && !stale_ && can_be_completed(*partial_);
  }
  if (look_ == Look::part || plan.completes) {
    plan.partial = partial_;
  }
  bool head = request_.method == http::Method::head && !verdict_.cache_no_store;
  if (head && stale_ && stale_->status() == 200 && !stale_->parts()) {
    plan.asked_about = stale_;
  }
  plan.heuristic_max = generation_->config->caches[*route_->cache].options.heuristic_max;
  plan.policy = policy_;
  plan.key = has_key_ ? plan.arena.copy(key_.bytes) : std::string_view{};
}

std::string_view Exchange::write_head(FetchPlan& plan) {
  Forwarding how;
  how.target = request_.uri.path_query;
  how.host = authority_;
  how.via = generation_->via;
  how.client = remote_;
  how.reverse = !forward_;
  how.trusted = trusted_;
  how.scheme = scheme_;
  how.validate = plan.stale.get();
  how.others = plan.others;
  how.complete = plan.completes ? plan.partial.get() : nullptr;
  how.websocket = websocket_ && !plan.http2;
  how.extended_connect = websocket_ && plan.http2;
  how.websocket_key = plan.websocket_key;
  how.trailers = plan.http2;
  how.close = !plan.dial.proxy_header.empty();
  return write_request(request_, how, plan.arena);
}

/// What the origin may answer with instead of sending it once more (C6.7).
std::vector<Ref<const cache::Entry>> Exchange::other_variants() {
  constexpr std::size_t kMost = 8;
  std::vector<Ref<const cache::Entry>> others;
  if (!others_) {
    return others;
  }
  for (auto& each : tier_->directory.variants(key_.bytes, key_.hash)) {
    Ref<const cache::Entry> entry = tier_->settle(std::move(each));
    if (!entry || entry->parts()) { // purged, or no answer
      continue;
    }
    bool repeated = std::any_of(others.begin(), others.end(),
                                [&](const auto& other) { return other->etag() == entry->etag(); });
    if (!entry->etag().empty() && !repeated && others.size() < kMost &&
        cache::may_share_with(entry->freshness(), request_.fields)) {
      others.push_back(std::move(entry));
    }
  }
  return others;
}

/// True: nothing is fetched now (memory-limit), and that is counted.
bool Exchange::refuse_fetch() const {
  if (resources_.short_of_memory) {
    metrics::count(metrics::Metric::memory_refused);
  }
  return resources_.short_of_memory;
}

/// The lead's: its Fill gets the fetch. It may have ended when this returns.
void Exchange::start_fill() {
  cache::Fill& fill = std::get<cache::FillReader>(source_).fill();
  if (refuse_fetch()) {
    fill.fail(kShortOfMemory);
    return;
  }
  auto plan = make_plan(true);
  if (plan->head.empty()) {
    fill.fail({Code::head_too_large, Side::client});
    return;
  }
  give_to_fill(make_fetch(resources_, std::move(plan)), false);
}

/// Before a pass: its answer may be a part that is stored.
void Exchange::begin_part() {
  bool may = tier_ != nullptr && has_key_ && look_ == Look::none && !verdict_.cache_no_store;
  if (!may || !asks_for_part(request_)) {
    return;
  }
  look_ = Look::part;
  moment_ = tier_->directory.moment(key_.hash);
  outcome_.kind = cache::Outcome::Kind::miss;
  if (outcome_.forward.empty()) {
    outcome_.forward = cache::fwd::kUriMiss;
  }
  metrics::count(metrics::Metric::cache_misses);
}

/// Before a POST: its answer may be what a GET would get (RFC 9110 §9.3.3, C1.3).
void Exchange::begin_post() {
  if (tier_ == nullptr || request_.method != http::Method::post || verdict_.cache_no_store) {
    return;
  }
  make_key();
  look_ = Look::post;
}

/// What an answer to HEAD says of the stored GET.
void Exchange::take_word_of(const cache::FillHead& head) {
  if (head.ends_stored) {
    tier_->remove_variant(*stale_);
  } else if (head.renewed && tier_->directory.renew(*stale_, head.renewed)) {
    tier_->directory.refreshed(*head.renewed);
  }
}

Next Exchange::pass() {
  auto* fetch = std::get_if<std::unique_ptr<Fetch>>(&source_);
  if (fetch == nullptr) {
    if (refuse_fetch()) {
      error_ = kShortOfMemory;
      return next(Step::fail);
    }
    if (!has_key_) {
      authority_ = http::write_authority(facts_.host, facts_.port, asked_scheme(), arena_);
    }
    begin_part();
    begin_post();
    auto plan = make_plan(false);
    if (plan->head.empty()) {
      error_ = {Code::head_too_large, Side::client};
      return next(Step::fail);
    }
    bool passes = look_ == Look::none || look_ == Look::post;
    if (passes && (tier_ != nullptr || outcome_.forward == "bypass")) {
      outcome_.kind = cache::Outcome::Kind::pass;
      if (outcome_.forward.empty()) {
        outcome_.forward = may_look_up(request_, policy_) ? "miss" : "method";
      }
    }
    source_ = make_fetch(resources_, std::move(plan));
    fetch = std::get_if<std::unique_ptr<Fetch>>(&source_);
    (*fetch)->start(*this);
  }
  Fetch& origin = **fetch;
  for (std::string interim = origin.take_interim(); !interim.empty();
       interim = origin.take_interim()) {
    session_->informational(interim);
  }
  if (auto head = origin.head()) {
    take_word_of(*head);
    return look_ != Look::none ? look_again(*head) : next(Step::respond);
  }
  if (origin.error() == kOnlyByHttp1) {
    return pass_by_http1(origin);
  }
  if (origin.error().code != Code::none) {
    error_ = origin.error();
    if (http1_server_ != nullptr) {
      log_warn("websocket: server {}: no extended CONNECT by HTTP/2, and by HTTP/1.1: {}",
               http1_server_->label, to_string(error_));
    }
    return next(Step::fail);
  }
  return Next::wait;
}

/// A WebSocket that has to be asked for with an Upgrade.
Next Exchange::pass_by_http1(const Fetch& refused) {
  metrics::count(metrics::Metric::origin_http1_websockets);
  http1_server_ = refused.facts().chosen;
  source_ = std::monostate{};
  return Next::again;
}

/// The answer to a key that is marked hit-for-miss, to a range, or to a POST: one that may be
/// stored after all goes on in a Fill, which others may join if it is the whole.
Next Exchange::look_again(const cache::FillHead& head) {
  if (look_ == Look::post) {
    invalidate(head);
    auto& fetch = *std::get<std::unique_ptr<Fetch>>(source_);
    if (!head.storable || !fetch.sent() ||
        own_target(head.content_location) != request_.uri.path_query) {
      return next(Step::respond);
    }
    moment_ = tier_->directory.moment(key_.hash);
  }
  if (!head.storable) {
    metrics::count(metrics::Metric::cache_uncacheable);
    if (look_ == Look::marked && head.marks_key) {
      tier_->directory.mark(key_.hash);
    }
    return next(Step::respond);
  }
  cache::FillReader reader =
      tier_->directory.lead_marked(key_.bytes, key_.hash, moment_, resources_.loop);
  if (!reader) {
    return next(Step::respond); // purged meanwhile
  }
  auto fetch = std::move(std::get<std::unique_ptr<Fetch>>(source_));
  fetch->keep_request();
  lead_ = true;
  source_ = std::move(reader);
  give_to_fill(std::move(fetch), true);
  return next(Step::join);
}

/// The Fill that this exchange leads gets its fetch. It may have ended when this returns.
void Exchange::give_to_fill(std::unique_ptr<cache::Producer> fetch, bool has_begun) {
  cache::Fill& fill = std::get<cache::FillReader>(source_).fill();
  cache::Fill::Limits limits = tier_->fill_limits;
  limits.reader_idle = options_->body_timeout;
  resources_.keep_fill(fill);
  if (has_begun) {
    fill.take_over(std::move(fetch), limits);
  } else {
    fill.start(std::move(fetch), limits);
  }
}

Next Exchange::tunnel() {
  auto* fetch = std::get_if<std::unique_ptr<Fetch>>(&source_);
  if (fetch == nullptr) {
    if (refuse_fetch()) {
      error_ = kShortOfMemory;
      return next(Step::fail);
    }
    auto plan = make_plan(false);
    plan->dial.reuse = false;
    source_ = std::unique_ptr<Fetch>(std::make_unique<RawFetch>(resources_, std::move(plan)));
    fetch = std::get_if<std::unique_ptr<Fetch>>(&source_);
    (*fetch)->start(*this);
  }
  if ((*fetch)->head()) {
    return next(Step::respond);
  }
  if ((*fetch)->error().code != Code::none) {
    error_ = (*fetch)->error();
    return next(Step::fail);
  }
  return Next::wait;
}

} // namespace weir::proxy
