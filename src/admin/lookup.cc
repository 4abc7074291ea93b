// SPDX-License-Identifier: Apache-2.0
#include "admin/lookup.h"

#include <fmt/format.h>

#include "admin/stored.h"
#include "cache/disk_body.h"
#include "cache/disk_read.h"
#include "cache/vary.h"
#include "http/cache_control.h"
#include "http/conditional.h"
#include "http/range.h"
#include "proxy/cache_use.h"

namespace weir::admin {
namespace {

using http::FieldId;

/// "c:lang=de" of a key: "cookie lang=de"; "u:staff": "users staff".
std::string part_text(std::string_view part) {
  std::string_view what = part.substr(0, 2);
  std::string_view kind = what == "c:"   ? "cookie "
                          : what == "h:" ? "field "
                          : what == "u:" ? "users "
                                         : "";
  return std::string(kind).append(kind.empty() ? part : part.substr(2));
}

class Lookup final : public cache::Selector {
public:
  Lookup(const proxy::Generation& generation, const Admitted& admitted, Json& way)
      : generation_(generation), route_(admitted.route), verdict_(admitted.verdict),
        facts_(admitted.facts), request_(admitted.request), way_(way) {}

  void run();
  std::string_view values(std::string_view names) override {
    return cache::selecting_values(names, request_.fields, arena_);
  }

private:
  void conclude(std::string_view outcome, std::string why) {
    way_["outcome"] = std::string(outcome);
    way_["why"] = std::move(why);
  }
  bool is_asked();
  void tell_key();
  void tell_asked();
  void find();
  Ref<const cache::Entry> find_on_disk();
  Ref<const cache::Entry> settled(Ref<const cache::Entry> entry);
  void tell_freshness();
  std::string_view lifetime_source();
  void judge();
  void use();
  std::string answered_with();
  std::string why_not_reused();
  void ask_origin();
  void ask_origin_only();
  void ask_for_more();
  void tell_on_error();
  bool may_use_addresses();

  const proxy::Generation& generation_;
  const rules::Route& route_;
  const rules::Verdict& verdict_;
  const rules::Facts& facts_;
  const http::RequestHead& request_;
  Json& way_;
  Arena arena_;
  cache::Tier* tier_ = nullptr;
  const cache::Policy* policy_ = nullptr;
  cache::Key key_;
  cache::Directory::Glance seen_;
  Ref<const cache::Entry> entry_; // that matches, as the purges leave it
  bool others_ = false;           // variants that do not match
  std::string purge_;             // what one does to it; empty: none
};

/// Whether the cache is asked at all (Exchange::admit_route).
bool Lookup::is_asked() {
  if (route_.answer != rules::Answer::pool && route_.answer != rules::Answer::forward) {
    conclude("own", "weir answers by itself");
    return false;
  }
  if (request_.method == http::Method::connect) {
    conclude("pass", "a tunnel: its bytes are not looked at");
    return false;
  }
  if (verdict_.cache_no || !route_.cache) {
    conclude("pass", verdict_.cache_no ? "a rule says `cache no`" : "the route has no cache");
    return false;
  }
  return true;
}

void Lookup::tell_key() {
  cache::KeyParts parts = proxy::key_parts(*tier_, route_, facts_, request_.uri.path_query);
  key_ = policy_->make_key(parts, &request_.fields, tier_->secret, arena_);
  Json key;
  key["cache"] = tier_->name;
  key["place"] = std::string(parts.realm);
  key["url"] = cache::key_url(key_.bytes);
  key["target"] = std::string(cache::key_parts(key_.bytes).target);
  key["asked"] = std::string(request_.uri.path_query);
  Json extra = Json::array();
  std::string_view rest = key_.bytes.substr(cache::key_url_part(key_.bytes).size());
  while (!rest.empty()) {
    rest.remove_prefix(1); // NUL
    std::size_t end = std::min(rest.find('\0'), rest.size());
    extra.push_back(part_text(rest.substr(0, end)));
    rest.remove_prefix(end);
  }
  key["parts"] = std::move(extra);
  way_["key"] = std::move(key);
}

/// What the request says of reuse, and whether anybody listens.
void Lookup::tell_asked() {
  Json asked = Json::array();
  auto add = [&asked](std::string_view name, const std::optional<Duration>& time) {
    if (time) {
      bool any = *time == Duration::max();
      asked.push_back(any ? std::string(name) : fmt::format("{}={:.0f}", name, seconds(*time)));
    }
  };
  cache::RequestDirectives said = cache::read_request_directives(request_.fields);
  for (auto [name, is_said] :
       {std::pair("no-cache", said.no_cache), std::pair("no-store", said.no_store),
        std::pair("only-if-cached", said.only_if_cached)}) {
    if (is_said) {
      asked.emplace_back(name);
    }
  }
  add("max-age", said.max_age);
  add("min-fresh", said.min_fresh);
  add("max-stale", said.max_stale);
  way_["asked"] = std::move(asked);
  way_["asked_counts"] = policy_->client_directives;
  way_["bypass_rule"] = verdict_.cache_bypass;
}

Ref<const cache::Entry> Lookup::settled(Ref<const cache::Entry> entry) {
  auto left = tier_->left_of(cache::Subject::of(*entry), entry->freshness());
  if (!left) {
    purge_ = "dropped by a purge that is being carried out";
    return {};
  }
  if (*left == entry->freshness()) {
    return entry;
  }
  purge_ = "made stale by a purge that is being carried out";
  cache::Meta meta = entry->to_meta();
  meta.freshness = *left;
  return cache::Entry::refreshed(*entry, meta);
}

/// As cache::DiskRead does it.
Ref<const cache::Entry> Lookup::find_on_disk() {
  auto epoch = tier_->directory.disk_epoch(key_.hash);
  auto record = tier_->disk->read_key(key_.hash);
  auto wanted = record ? cache::wanted_variant(*tier_->disk, *record, key_, *this) : std::nullopt;
  if (!wanted) {
    return {};
  }
  auto found = tier_->disk->read_variant(key_.hash, *wanted);
  if (!found || !cache::is_wanted(found->meta, key_, *this)) {
    others_ = others_ || !record->variants.empty();
    return {};
  }
  if (!tier_->directory.still_valid(key_.hash, epoch)) {
    return {};
  }
  auto body = make_ref<cache::StoredBody>(std::move(found->body));
  return cache::Entry::on_disk(found->meta, key_.hash, std::move(body));
}

void Lookup::find() {
  seen_ = tier_->directory.glance(key_.bytes, key_.hash, *this);
  others_ = seen_.others;
  if (seen_.entry) {
    entry_ = settled(seen_.entry);
  }
  if (!entry_ && tier_->disk) {
    entry_ = find_on_disk();
    entry_ = entry_ ? settled(std::move(entry_)) : nullptr;
  }
}

/// By its stored fields and the route as it is now: nothing, where that gives another lifetime.
std::string_view Lookup::lifetime_source() {
  http::ResponseHead head;
  if (!cache::read_stored_head(entry_->head(), head, arena_)) {
    return {};
  }
  const cache::Freshness& fresh = entry_->freshness();
  cache::Received received{request_, head, fresh.response_time, fresh.response_time,
                           generation_.config->caches[*route_.cache].options.heuristic_max};
  received.policy = policy_;
  bool same = cache::freshness(received).lifetime == fresh.lifetime;
  return same ? cache::name(cache::lifetime_from(received)) : std::string_view{};
}

void Lookup::tell_freshness() {
  const cache::Freshness& fresh = entry_->freshness();
  Duration age = entry_->age(Clock::mono());
  std::string_view source = lifetime_source();
  Json out;
  out["received"] = time_text(fresh.response_time);
  out["date"] = time_text(entry_->date());
  out["age_seconds"] = seconds(age);
  out["initial_age_seconds"] = seconds(fresh.initial_age);
  out["lifetime_seconds"] = seconds(fresh.lifetime);
  out["lifetime_from"] = std::string(source);
  out["ttl_seconds"] = seconds(fresh.lifetime - age);
  out["while_revalidate_seconds"] = seconds(fresh.while_revalidate);
  out["if_error_seconds"] = seconds(fresh.if_error);
  out["must_revalidate"] = fresh.must_revalidate;
  out["no_cache"] = fresh.no_cache;
  out["for_authorized"] = fresh.shared_authorized;
  out["etag"] = std::string(entry_->etag());
  out["last_modified"] = std::string(cache::stored_value(entry_->head(), FieldId::last_modified));
  way_["freshness"] = std::move(out);
}

/// Exchange::may_use_addresses.
bool Lookup::may_use_addresses() {
  if (proxy::is_guarded(route_, entry_->addresses())) {
    return false;
  }
  if (verdict_.is_final() || entry_->addresses().empty()) {
    return true;
  }
  rules::Facts facts = facts_;
  facts.addresses = entry_->addresses();
  facts.addresses_known = true;
  return route_.rules->evaluate(facts, Clock::wall()).allows();
}

std::string Lookup::answered_with() {
  http::Validators validators = proxy::validators_of(*entry_);
  if (entry_->status() != 200) {
    return {};
  }
  auto condition = http::evaluate_conditions(request_.fields, validators, Clock::wall());
  if (condition == http::Condition::not_modified) {
    return "; answered with 304: the client has it";
  }
  bool range = request_.fields.has(FieldId::range) && request_.method == http::Method::get &&
               http::may_use_range(request_.fields, validators, Clock::wall());
  return range ? "; the range is taken from it" : "";
}

/// Of one that has to be validated first.
std::string Lookup::why_not_reused() {
  const cache::Freshness& fresh = entry_->freshness();
  Duration age = entry_->age(Clock::mono());
  if (verdict_.cache_bypass) {
    return "a rule says `cache bypass`";
  }
  if (fresh.no_cache) {
    return "no-cache is stored with it";
  }
  bool alone =
      cache::may_serve(fresh, age, cache::RequestDirectives{}).serve != cache::Serve::validate;
  if (alone) {
    return "the request's directives do not take it";
  }
  return fmt::format("stale since {:.0f} s{}", seconds(age - fresh.lifetime),
                     fresh.must_revalidate ? ", and never served so (must-revalidate)" : "");
}

/// Exchange::use_entry.
void Lookup::use() {
  if (!cache::may_share_with(entry_->freshness(), request_.fields)) {
    if (proxy::asks_only_cache(request_.fields)) {
      return conclude("refused", "504: only-if-cached, and Authorization");
    }
    return conclude("pass", "Authorization: what is stored does not say that it may be shared");
  }
  if (!may_use_addresses()) {
    return conclude("refused", "403: the address that it came from is denied");
  }
  Duration age = entry_->age(Clock::mono());
  double left = seconds(entry_->freshness().lifetime - age);
  auto verdict = proxy::judge_reuse(entry_->freshness(), age, request_.fields, *policy_, verdict_);
  bool usable =
      verdict.serve == cache::Serve::fresh || verdict.serve == cache::Serve::stale_allowed;
  if (entry_->parts() && !(usable && proxy::is_covered(request_, *entry_))) {
    return ask_for_more();
  }
  switch (verdict.serve) {
  case cache::Serve::fresh:
    return conclude("hit", fmt::format("fresh for {:.0f} s{}", left, answered_with()));
  case cache::Serve::stale_allowed:
    return conclude("stale", fmt::format("stale since {:.0f} s, which the request's max-stale "
                                         "takes{}",
                                         -left, answered_with()));
  case cache::Serve::refresh:
    return conclude("stale", fmt::format("stale since {:.0f} s: served, and revalidated in the "
                                         "background{}",
                                         -left, answered_with()));
  case cache::Serve::validate:
    break;
  }
  ask_origin();
}

/// Of one whose parts are not enough, or stale.
void Lookup::ask_for_more() {
  if (proxy::asks_only_cache(request_.fields)) {
    return conclude("refused", "504: only-if-cached, and what is stored of it is not enough");
  }
  std::string why = "only parts of it are stored";
  if (proxy::asks_for_part(request_)) {
    return conclude("miss", why + ", not this one, or stale: asked for and stored with them");
  }
  if (request_.fields.has(FieldId::range) || !proxy::can_be_completed(*entry_)) {
    return conclude("miss", why + ": asked for as if there were none");
  }
  conclude("miss", fmt::format("{}: completed with Range: bytes={}- and If-Range: {}", why,
                               entry_->parts()->prefix()->end(), entry_->etag()));
}

/// No Fill is worth it (proxy::is_for_origin_only).
void Lookup::ask_origin_only() {
  std::string_view what = request_.method != http::Method::get ? "a HEAD"
                          : verdict_.cache_no_store            ? "a rule says `cache no-store`"
                                                               : "several ranges";
  std::string_view found = entry_    ? "it may not be reused"
                           : others_ ? "no variant matches"
                                     : "not stored";
  if (proxy::asks_for_part(request_) && !verdict_.cache_no_store) {
    return conclude("miss", fmt::format("{}; a part (206) of it will be", found));
  }
  conclude("pass", fmt::format("{}, and the answer will not be stored: {}", found, what));
}

/// What is left when the origin fails.
void Lookup::tell_on_error() {
  auto asked = proxy::directives_of(request_.fields, *policy_, verdict_);
  Duration age = entry_->age(Clock::mono());
  bool down = cache::may_serve_on_error(entry_->freshness(), age, true, asked);
  bool bad = cache::may_serve_on_error(entry_->freshness(), age, false, asked);
  way_["on_error"] = bad    ? "served stale if the origin does not answer, or with an error"
                     : down ? "served stale if the origin does not answer"
                            : "never served stale";
}

/// Exchange::claim, with `entry_` to be validated or without one.
void Lookup::ask_origin() {
  if (proxy::asks_only_cache(request_.fields)) {
    return conclude("refused", "504: only-if-cached, and nothing stored may answer");
  }
  if (proxy::is_for_origin_only(request_, verdict_, static_cast<bool>(entry_))) {
    return ask_origin_only();
  }
  if (!entry_ && seen_.marked) {
    return conclude("pass", "its answers could not be stored lately: nobody waits for another's");
  }
  if (!entry_) {
    std::string why = others_ ? "no variant matches" : "not stored";
    why += !purge_.empty() ? "; " + purge_ : "";
    return conclude("miss", seen_.arriving ? why + "; joins a fetch under way" : why);
  }
  tell_on_error();
  std::string why = why_not_reused();
  if (!entry_->has_validator()) {
    return conclude("miss", why + "; fetched whole: there is nothing to validate it with");
  }
  std::string with;
  if (!entry_->etag().empty()) {
    with = fmt::format("If-None-Match: {}", entry_->etag());
  }
  std::string_view modified = cache::stored_value(entry_->head(), FieldId::last_modified);
  if (!modified.empty()) {
    with += fmt::format("{}If-Modified-Since: {}", with.empty() ? "" : " and ", modified);
  }
  conclude("validate", fmt::format("{}; validated with {}", why, with));
}

void Lookup::judge() {
  if (!proxy::may_look_up(request_, policy_)) {
    bool method = request_.method != http::Method::get && request_.method != http::Method::head;
    return conclude("pass", method ? fmt::format("{} is for the origin", request_.method_text)
                                   : "the request is for the origin alone: a body, If-Match, "
                                     "If-Unmodified-Since or no-store");
  }
  if (key_.bytes.empty()) {
    return conclude("pass", "no key can be made of it");
  }
  find();
  if (!entry_) {
    return ask_origin();
  }
  tell_freshness();
  use();
}

void Lookup::run() {
  if (!is_asked()) {
    return;
  }
  tier_ = generation_.caches[*route_.cache];
  policy_ = &generation_.policy(route_);
  tell_key();
  way_["stored"] = stored_json(*tier_, key_, &request_.fields);
  tell_asked();
  judge();
  way_["purge"] = purge_;
}

} // namespace

void add_lookup(const proxy::Generation& generation, const Admitted& admitted, Json& way) {
  Lookup(generation, admitted, way).run();
}

Answer get_answer(const proxy::Generation& generation, ExplainAsk what) {
  what.method = what.method.empty() ? "GET" : what.method; // not the tunnel of explain
  Details details = [&generation](const Admitted& admitted, Json& way) {
    add_lookup(generation, admitted, way);
  };
  Answer answer = explain_answer(what, *generation.config, *generation.routes, generation.users,
                                 Clock::wall(), details);
  if (!answer.body.contains("ways")) {
    return answer;
  }
  for (Json& way : answer.body["ways"]) {
    if (!way.contains("outcome")) { // the rules, or what comes after them
      way["outcome"] = way["result"].get<std::string>().find("allow") == 0 ? "own" : "refused";
      way["why"] = way["result"];
    }
    for (const char* member : {"rules", "verdict", "result"}) {
      way.erase(member); // explain tells them
    }
  }
  return answer;
}

} // namespace weir::admin
