// SPDX-License-Identifier: Apache-2.0
//
// The steps of an Exchange that ask the cache: lookup and join.
#include "proxy/exchange.h"

#include "cache/rfc9111.h"
#include "cache/vary.h"
#include "metrics/metrics.h"
#include "proxy/cache_use.h"
#include "proxy/h1_fetch.h"
#include "proxy/metering.h"
#include "proxy/resources.h"

namespace weir::proxy {

using cache::Outcome;
using http::FieldId;
using metrics::Metric;

namespace {
constexpr int kMostLookups = 4; // then the exchange goes by itself

/// No answer at all, as against a bad one.
bool is_unreachable(const Error& error) {
  Code code = error.code;
  return code == Code::refused || code == Code::unreachable || code == Code::timeout ||
         code == Code::closed || code == Code::reset || code == Code::dns_failed ||
         code == Code::no_server || code == Code::no_slot || code == Code::overloaded;
}
/// Whether a slow reader would hold up others: those who share a body that memory does not keep go
/// at the pace of the slowest.
bool sets_pace(const cache::FillReader& reader, const cache::FillHead& head, std::uint64_t kept) {
  return (!head.length || *head.length > kept) && reader.state() == cache::FillState::streaming &&
         !reader.is_alone();
}

} // namespace

void Exchange::make_key() {
  cache::KeyParts parts = key_parts(*tier_, *route_, facts_, request_.uri.path_query);
  key_ = policy_->make_key(parts, &request_.fields, tier_->secret, arena_);
  authority_ = http::write_authority(facts_.host, facts_.port, asked_scheme(), arena_);
  has_key_ = true;
}

cache::RequestDirectives Exchange::directives() const {
  return directives_of(request_.fields, *policy_, verdict_);
}

cache::ServeVerdict Exchange::verdict_on(const cache::Entry& entry, Duration age) const {
  return judge_reuse(entry.freshness(), age, request_.fields, *policy_, verdict_);
}

bool Exchange::for_origin_only() const {
  return is_for_origin_only(request_, verdict_, static_cast<bool>(stale_));
}

std::string_view Exchange::values(std::string_view names) {
  return cache::selecting_values(names, request_.fields, arena_);
}

Next Exchange::lookup() {
  if (!has_key_) {
    make_key();
  }
  if (++lookups_ > kMostLookups) {
    return next(Step::pass);
  }
  Ref<const cache::Entry> entry = tier_->directory.find(key_.bytes, key_.hash, *this);
  if (entry) {
    return use_entry(std::move(entry));
  }
  return claim();
}

/// A stored response that matches: it answers, or is validated.
Next Exchange::use_entry(Ref<const cache::Entry> entry) {
  entry = tier_->settle(std::move(entry));
  if (!entry) { // purged
    return claim();
  }
  if (!cache::may_share_with(entry->freshness(), request_.fields)) {
    outcome_.detail = "authorization";
    return asks_only_cache(request_.fields) ? reply(make_error(504, page_facts()))
                                            : next(Step::pass);
  }
  if (!may_use_addresses(entry->addresses())) {
    error_ = {Code::denied, Side::origin};
    return next(Step::fail);
  }
  Duration age = entry->age(Clock::mono());
  cache::ServeVerdict verdict = verdict_on(*entry, age);
  bool usable =
      verdict.serve == cache::Serve::fresh || verdict.serve == cache::Serve::stale_allowed;
  if (entry->parts() && !(usable && is_covered(request_, *entry))) {
    outcome_.forward = cache::fwd::kPartial;
    partial_ = std::move(entry);
    return claim();
  }
  outcome_.ttl = entry->freshness().lifetime - age;
  switch (verdict.serve) {
  case cache::Serve::fresh:
    outcome_.kind = Outcome::Kind::hit;
    metrics::count(Metric::cache_hits_memory);
    break;
  case cache::Serve::stale_allowed:
    outcome_.kind = Outcome::Kind::stale;
    metrics::count(Metric::cache_stale);
    break;
  case cache::Serve::refresh:
    outcome_.kind = Outcome::Kind::stale;
    metrics::count(Metric::cache_stale);
    revalidate_behind(entry);
    break;
  case cache::Serve::validate:
    outcome_.forward = verdict.reason;
    stale_ = std::move(entry);
    outcome_.ttl.reset();
    return claim();
  }
  entry_ = std::move(entry);
  return next(Step::respond);
}

/// An Entry keeps the addresses it came from: a hit is checked against them without DNS.
bool Exchange::may_use_addresses(std::span<const Address> addresses) {
  if (is_guarded(*route_, addresses)) {
    return false;
  }
  return verdict_.is_final() || addresses.empty() || ask_rules(*route_->rules, addresses, true);
}

Next Exchange::claim() {
  if (asks_only_cache(request_.fields)) {
    outcome_.detail = "only-if-cached";
    return reply(make_error(504, page_facts()));
  }
  if (for_origin_only() && !(tier_->disk && !disk_tried_ && !stale_)) {
    return next(Step::pass);
  }
  if (tier_->disk && !disk_tried_ && !stale_) {
    disk_tried_ = true;
    cache::KeyRecord record;
    tier_->disk->note_asked(key_.hash);
    cache::Probe probe = tier_->disk->probe(key_.hash, &record);
    metrics::count(probe == cache::Probe::no     ? Metric::disk_probes_no
                   : probe == cache::Probe::here ? Metric::disk_probes_here
                                                 : Metric::disk_probes_maybe);
    if (probe == cache::Probe::no && for_origin_only()) {
      return next(Step::pass);
    }
    disk_tried_ = probe == cache::Probe::no;
  }
  const cache::Entry* known = stale_ ? stale_.get() : partial_.get();
  cache::Claim claim = tier_->directory.claim(key_.bytes, key_.hash, *this, known, resources_.loop);
  switch (claim.kind) {
  case cache::Claim::Kind::entry:
    return use_entry(std::move(claim.entry));
  case cache::Claim::Kind::pass:
    if (claim.marked) {
      pass_marked(claim.moment);
    }
    return next(Step::pass);
  case cache::Claim::Kind::follow:
    outcome_.kind = Outcome::Kind::collapsed;
    lead_ = false;
    break;
  case cache::Claim::Kind::lead:
    outcome_.kind = Outcome::Kind::miss;
    lead_ = true;
    break;
  }
  others_ = claim.others && !stale_;
  if (outcome_.forward.empty()) {
    outcome_.forward = others_ ? "vary-miss" : "uri-miss";
  }
  source_ = std::move(claim.reader);
  interims_seen_ = 0;
  if (!lead_) {
    metrics::count(Metric::cache_collapsed);
    return next(Step::join);
  }
  return lead();
}

/// What was not to be stored lately: by itself, without a Fill.
void Exchange::pass_marked(const cache::Moment& moment) {
  look_ = Look::marked;
  moment_ = moment;
  outcome_.kind = Outcome::Kind::miss;
  if (outcome_.forward.empty()) {
    outcome_.forward = "uri-miss";
  }
  metrics::count(Metric::cache_misses);
}

/// This exchange starts what its Fill waits for: the disk, then the origin.
Next Exchange::lead() {
  go(Step::join);
  if (tier_->disk && !disk_tried_ && !stale_) {
    disk_tried_ = true;
    cache::Selector& selector = *this;
    disk_read_ = std::make_unique<cache::DiskRead>(*tier_, resources_.io, ticket(), key_, selector);
    if (disk_read_->start()) {
      return Next::wait;
    }
    disk_read_.reset(); // the pool is busy: the disk counts as absent
  }
  if (for_origin_only()) {
    std::get<cache::FillReader>(source_).fill().end();
    source_ = std::monostate{};
    return next(Step::pass);
  }
  metrics::count(Metric::cache_misses);
  start_fill();
  return Next::again;
}

Next Exchange::join() {
  if (disk_read_) {
    if (!disk_read_->done()) {
      return Next::wait;
    }
    return join_disk();
  }
  auto& reader = std::get<cache::FillReader>(source_);
  reader.wait(ticket());
  cache::FillState state = reader.state();
  for (const std::string& interim : reader.interims(interims_seen_)) {
    session_->informational(interim);
    ++interims_seen_;
  }
  if (state == cache::FillState::looking || state == cache::FillState::fetching) {
    return Next::wait;
  }
  switch (state) {
  case cache::FillState::streaming:
  case cache::FillState::complete:
    return join_head(reader.head());
  case cache::FillState::entry:
    return join_entry(reader.entry());
  case cache::FillState::failed:
    return join_failed(reader.error());
  case cache::FillState::ended:
  case cache::FillState::looking:
  case cache::FillState::fetching:
    break;
  }
  source_ = std::monostate{};
  return next(Step::lookup);
}

/// What the disk had, for the Fill and all that wait on it.
Next Exchange::join_disk() {
  std::unique_ptr<cache::DiskRead> read = std::move(disk_read_);
  cache::Fill& fill = std::get<cache::FillReader>(source_).fill();
  Ref<const cache::Entry> entry = read->take_entry();
  if (entry) {
    entry = tier_->settle(std::move(entry));
  }
  if (entry) {
    tier_->directory.replace(fill, entry);
    Duration age = entry->age(Clock::mono());
    cache::ServeVerdict verdict = verdict_on(*entry, age);
    if (verdict.serve != cache::Serve::validate) {
      metrics::count(Metric::cache_hits_disk);
      others_ = false; // nobody needs to be asked
      fill.end_with(entry);
      return Next::again;
    }
    fill.end(); // stale: everybody asks again, and finds it in memory now
    source_ = std::monostate{};
    return next(Step::lookup);
  }
  return lead_after_disk();
}

Next Exchange::lead_after_disk() {
  if (for_origin_only()) {
    std::get<cache::FillReader>(source_).fill().end();
    source_ = std::monostate{};
    return next(Step::pass);
  }
  metrics::count(Metric::cache_misses);
  start_fill();
  return Next::again;
}

Next Exchange::join_entry(Ref<const cache::Entry> entry) {
  bool mine = entry->vary().empty() || values(entry->vary()) == entry->selecting();
  source_ = std::monostate{};
  if (!mine || !cache::may_share_with(entry->freshness(), request_.fields) ||
      (!lead_ && !cache::may_collapse(entry->freshness(), entry->age(Clock::mono())))) {
    return next(Step::lookup);
  }
  if (!may_use_addresses(entry->addresses())) {
    error_ = {Code::denied, Side::origin};
    return next(Step::fail);
  }
  if (stale_ || (others_ && lead_)) {
    outcome_.kind = Outcome::Kind::revalidated;
    outcome_.forward_status = 304;
    metrics::count(Metric::cache_revalidated);
  } else {
    outcome_.kind = Outcome::Kind::hit;
    outcome_.forward = {};
  }
  outcome_.ttl = entry->freshness().lifetime - entry->age(Clock::mono());
  entry_ = std::move(entry);
  return next(Step::respond);
}

Next Exchange::join_head(Ref<const cache::FillHead> head) {
  const cache::Meta& meta = head->meta;
  if (stale_ && cache::is_server_failure(meta.status) &&
      cache::may_serve_on_error(stale_->freshness(), stale_->age(Clock::mono()), false,
                                directives())) {
    return serve_stale();
  }
  if (!lead_) {
    bool mine = head->storable && cache::may_collapse(meta.freshness, meta.freshness.initial_age) &&
                (meta.vary.empty() || values(meta.vary) == meta.selecting) &&
                cache::may_share_with(meta.freshness, request_.fields) &&
                !request_.fields.has(FieldId::range);
    if (!mine) {
      outcome_ = {};
      source_ = std::monostate{};
      return next(Step::lookup);
    }
    if (!may_use_addresses(meta.addresses)) {
      error_ = {Code::denied, Side::origin};
      return next(Step::fail);
    }
  }
  if (metering_ && metering_->holds_back() && head->storable &&
      sets_pace(std::get<cache::FillReader>(source_), *head, tier_->fill_limits.object_max)) {
    outcome_ = {};
    outcome_.detail = "bandwidth";
    lead_ = false;
    source_ = std::monostate{};
    return next(Step::pass);
  }
  if (!head->storable) {
    metrics::count(Metric::cache_uncacheable);
  }
  if (!meta.addresses.empty()) {
    record_.origin = meta.addresses.front();
    record_.server = arena_.copy(head->server);
    bool http2 = route_->pool && generation_->config->pools[*route_->pool].http2;
    record_.origin_http = http2 ? "2" : "1.1";
    note_pool();
  }
  return next(Step::respond);
}

Next Exchange::serve_stale() {
  outcome_.kind = Outcome::Kind::stale;
  outcome_.ttl = stale_->freshness().lifetime - stale_->age(Clock::mono());
  metrics::count(Metric::cache_stale);
  source_ = std::monostate{};
  entry_ = stale_;
  return next(Step::respond);
}

Next Exchange::join_failed(const Error& error) {
  // Not after a refusal of our own, nor after a 304 about something that is not stored.
  if (stale_ && is_unreachable(error) &&
      cache::may_serve_on_error(stale_->freshness(), stale_->age(Clock::mono()), true,
                                directives())) {
    return serve_stale();
  }
  if (stale_ && is_unreachable(error) && stale_->freshness().must_revalidate) { // C7.3
    record_.end = end_word(error);
    return reply(make_error(504, page_facts()));
  }
  if (!lead_ && error.code == Code::denied) {
    source_ = std::monostate{};
    return next(Step::pass); // that was the lead's own answer
  }
  if (error.code == Code::malformed && error.retry == Retry::yes) {
    source_ = std::monostate{};
    stale_ = nullptr;
    return next(Step::pass); // without conditions (C8.6)
  }
  error_ = error;
  return next(Step::fail);
}

/// Within stale-while-revalidate: one validation, with nobody waiting (C7.4).
void Exchange::revalidate_behind(const Ref<const cache::Entry>& entry) {
  cache::Claim claim =
      tier_->directory.claim(key_.bytes, key_.hash, *this, entry.get(), resources_.loop);
  if (claim.kind != cache::Claim::Kind::lead) {
    return;
  }
  stale_ = entry;
  source_ = std::move(claim.reader);
  start_fill();
  source_ = std::monostate{};
  stale_ = nullptr;
}

/// RFC 9111 §4.4: what is stored under the URI of an unsafe request goes, and what its answer
/// points to, if it is of the same origin.
void Exchange::invalidate(const cache::FillHead& head) {
  if (!cache::invalidates(request_.method, head.meta.status)) {
    return;
  }
  auto drop = [&](std::string_view target) {
    cache::KeyParts parts = key_parts(*tier_, *route_, facts_, target);
    cache::Key key = policy_->make_key(parts, nullptr, tier_->secret, arena_);
    tier_->remove(key.bytes, key.hash);
    invalidate_parts(target);
  };
  drop(request_.uri.path_query);
  for (std::string_view reference :
       {std::string_view(head.location), std::string_view(head.content_location)}) {
    if (std::string_view target = own_target(reference); !target.empty()) {
      drop(target);
    }
  }
}

/// Path and query of what an answer refers to, if it is of the same origin; empty: it is not.
std::string_view Exchange::own_target(std::string_view reference) {
  if (reference.empty()) {
    return {};
  }
  http::Target base = request_.uri;
  base.host = facts_.host;
  auto target = http::resolve_reference(base, asked_scheme(), reference, arena_);
  bool own = target && target->scheme == asked_scheme() && target->host == facts_.host &&
             target->port_or_default(asked_scheme()) == facts_.port;
  return own ? target->path_query : std::string_view{};
}

} // namespace weir::proxy
