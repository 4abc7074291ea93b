// SPDX-License-Identifier: Apache-2.0
#include "proxy/fill_head.h"

#include "cache/rfc9111.h"
#include "http/cache_control.h"
#include "http/conditional.h"
#include "http/range.h"
#include "proxy/cache_use.h"
#include "proxy/siblings.h"

namespace weir::proxy {

using http::FieldId;

namespace {

cache::Received received(const FetchPlan& plan, const http::RequestHead& request,
                         const http::ResponseHead& head) {
  cache::Received r{request, head, plan.request_time, Clock::wall(), plan.heuristic_max};
  r.policy = plan.policy;
  r.ignore_request_directives = plan.policy != nullptr && !plan.policy->client_directives;
  return r;
}

cache::Received received(const FetchPlan& plan, const http::ResponseHead& head) {
  return received(plan, *plan.request, head);
}

/// The request as if a GET had asked: the answer to a HEAD or a POST may be one to that.
http::RequestHead as_get(const FetchPlan& plan, Arena& arena) {
  http::RequestHead request;
  http::copy_head(*plan.request, request, arena);
  request.method = http::Method::get;
  request.framing = {};
  return request;
}

bool drops_cookies(const FetchPlan& plan) {
  return plan.policy != nullptr && plan.policy->ignore.set_cookie;
}

/// The newest that the tag of a 304 names (RFC 9111 §4.3.4).
const cache::Entry* named(std::span<const Ref<const cache::Entry>> entries,
                          const http::ResponseHead& update) {
  std::string_view tag = update.fields.value(FieldId::etag);
  for (const auto& entry : entries) {
    if (!tag.empty() && http::weak_match(tag, entry->etag())) {
      return entry.get();
    }
  }
  return nullptr;
}

/// A 206 as a part of the whole: nothing if it does not say which.
std::optional<http::ContentRange> range_of(const http::ResponseHead& head) {
  if (head.status != 206 || !head.fields.has(FieldId::content_range)) {
    return {};
  }
  auto range = http::parse_content_range(head.fields.value(FieldId::content_range));
  bool sized = head.framing.kind == http::Framing::Kind::length;
  if (!range || !range->range || !range->length ||
      (sized && head.framing.length != range->range->size())) {
    return {};
  }
  return range;
}

bool is_of_stored(const FetchPlan& plan, const http::ResponseHead& head, std::uint64_t length) {
  return plan.partial && plan.partial->body_size() == length &&
         http::strong_match(plan.partial->etag(), head.fields.value(FieldId::etag));
}

/// What a 206 says of the whole it is a part of, with what is stored of that (C10.6).
cache::Updated whole_of(const FetchPlan& plan, const http::ResponseHead& head,
                        std::uint64_t length) {
  Arena arena;
  http::ResponseHead whole;
  whole.status = 200;
  whole.fields.assign(head.fields, arena);
  whole.fields.remove_if([](const http::Field& field) {
    return field.id == FieldId::content_range || field.id == FieldId::content_length;
  });
  whole.framing = {http::Framing::Kind::length, length};
  cache::Received r = received(plan, whole);
  if (is_of_stored(plan, head, length)) {
    if (auto updated = cache::update_from_304(plan.partial->to_meta(), r)) {
      return *std::move(updated);
    }
  }
  cache::Updated made{cache::make_meta(r, plan.key), cache::may_store(r)};
  made.meta.body_size = length;
  // Asked with If-Range, it leaves out what the client has already (RFC 9110 §15.3.7).
  if (plan.request->fields.has(FieldId::if_range)) {
    made.why = cache::NoStore::partial;
  }
  return made;
}

void take_whole(cache::FillHead& made, const FetchPlan& plan, const http::ResponseHead& head,
                const http::ContentRange& range) {
  cache::Updated whole = whole_of(plan, head, *range.length);
  if (drops_cookies(plan)) {
    cache::drop_stored(whole.meta.head, FieldId::set_cookie);
  }
  made.storable = whole.why == cache::NoStore::none;
  made.reason = made.storable ? std::string_view{} : cache::name(whole.why);
  made.meta = whole.meta;
  if (plan.completes) {
    made.received = 206;
    made.length = range.length;
    return;
  }
  made.meta.status = 206;
  made.meta.head = cache::write_stored_head(head, Clock::wall());
  if (drops_cookies(plan) && made.storable) {
    cache::drop_stored(made.meta.head, FieldId::set_cookie);
  }
  made.length = range.range->size();
  if (made.storable) {
    made.part = {std::move(whole.meta), *range.range};
  }
}

/// Of an answer to POST: a GET may get it too (RFC 9110 §9.3.3). Whether its Content-Location is
/// the URI that was asked remains to be seen.
bool is_for_get(const FetchPlan& plan, const cache::Received& r) {
  if (drops_cookies(plan) && r.response.fields.has(FieldId::set_cookie)) {
    return false; // it is this client's
  }
  cache::Freshness fresh = cache::freshness(r);
  return r.response.status / 100 == 2 && cache::may_store(r) == cache::NoStore::none &&
         !fresh.heuristic && fresh.initial_age < fresh.lifetime;
}

void take_answer(cache::FillHead& made, const FetchPlan& plan, const http::ResponseHead& head) {
  Arena arena;
  bool posted = plan.may_store && plan.request->method == http::Method::post;
  http::RequestHead get = posted ? as_get(plan, arena) : http::RequestHead{};
  cache::Received r = received(plan, posted ? get : *plan.request, head);
  bool looks = plan.may_store && !posted;
  cache::NoStore why = looks ? cache::may_store(r) : cache::NoStore::none;
  made.storable = posted ? is_for_get(plan, r) : looks && why == cache::NoStore::none;
  made.reason = why == cache::NoStore::none ? std::string_view{} : cache::name(why);
  made.marks_key = looks && !made.storable && cache::holds_for_all(why);
  if (posted || !made.storable) {
    made.location = head.fields.value(FieldId::location);
    made.content_location = head.fields.value(FieldId::content_location);
  }
  cache::Meta& meta = made.meta;
  if (made.storable) {
    meta = cache::make_meta(r, plan.key);
    if (drops_cookies(plan)) {
      cache::drop_stored(meta.head, FieldId::set_cookie);
    }
  } else {
    meta.status = static_cast<std::uint16_t>(head.status);
    meta.head = cache::write_stored_head(head, r.response_time);
    // Somebody else's cache has kept it so long, and says so through us too (RFC 9111 §5.1).
    meta.freshness.initial_age = std::chrono::seconds(http::parse_age(head.fields).value_or(0));
  }
  using Kind = http::Framing::Kind;
  if (plan.request->method == http::Method::head) {
    made.length = http::parse_decimal(head.fields.value(FieldId::content_length));
  } else if (head.framing.kind == Kind::length || head.framing.kind == Kind::none) {
    made.length = head.framing.length;
  }
}

/// The stored response under the head that an update makes; null: it is about something else, or
/// withdraws the leave to store.
Ref<cache::Entry> renewed(const FetchPlan& plan, const cache::Entry& stored,
                          const cache::Received& update) {
  auto updated = cache::update_from_304(stored.to_meta(), update);
  // One that withdraws the leave to store is asked again too: the whole answer says what holds now.
  if (!updated || updated->why != cache::NoStore::none) {
    return {};
  }
  if (drops_cookies(plan)) {
    cache::drop_stored(updated->meta.head, FieldId::set_cookie);
  }
  auto siblings = with_head(stored, updated->meta.head);
  return cache::Entry::refreshed(stored, updated->meta, std::move(siblings));
}

/// An answer to HEAD: what agrees with the stored GET renews it as a 304 would, what does not ends
/// it (RFC 9111 §4.3.5, C14).
void compare_with_stored(cache::FillHead& made, const FetchPlan& plan,
                         const http::ResponseHead& head) {
  const cache::Entry& stored = *plan.asked_about;
  auto agrees = [&head](FieldId id, std::string_view value) {
    return !head.fields.has(id) || head.fields.value(id) == value;
  };
  bool same =
      agrees(FieldId::etag, stored.etag()) &&
      agrees(FieldId::last_modified, cache::stored_value(stored.head(), FieldId::last_modified)) &&
      agrees(FieldId::content_length, std::to_string(stored.body_size()));
  if (same) {
    Arena arena;
    http::RequestHead request = as_get(plan, arena);
    made.renewed = renewed(plan, stored, received(plan, request, head));
  }
  made.ends_stored = !made.renewed;
}

} // namespace

Ref<const cache::FillHead> make_fill_head(const FetchPlan& plan, const http::ResponseHead& head,
                                          const Address& origin, const std::string& server) {
  auto made = make_ref<cache::FillHead>();
  auto range = plan.may_store ? range_of(head) : std::nullopt;
  if (range) {
    take_whole(*made, plan, head, *range);
  } else {
    take_answer(*made, plan, head);
  }
  if (plan.asked_about && head.status == 200) {
    compare_with_stored(*made, plan, head);
  }
  if (plan.policy != nullptr) {
    made->size_min = plan.policy->object_min;
    made->size_max = plan.policy->object_max != 0 ? plan.policy->object_max : made->size_max;
  }
  made->meta.addresses = {origin};
  if (made->part) {
    made->part->meta.addresses = {origin};
  }
  made->server = server;
  return made;
}

bool completes(const FetchPlan& plan, const http::ResponseHead& head) {
  auto range = range_of(head);
  return range && head.framing.kind == http::Framing::Kind::length &&
         range->range->first == plan.partial->parts()->prefix()->end() &&
         range->range->last + 1 == *range->length && is_of_stored(plan, head, *range->length);
}

Ref<const cache::Entry> refresh(const FetchPlan& plan, const http::ResponseHead& update) {
  const cache::Entry* stored = plan.stale ? plan.stale.get() : named(plan.others, update);
  return stored != nullptr ? renewed(plan, *stored, received(plan, update)) : Ref<cache::Entry>{};
}

FinalHead judge_head(const FetchPlan& plan, const http::ResponseHead& head, const Address& origin,
                     const std::string& server) {
  FinalHead judged;
  if (!plan.websocket_key.empty() &&
      head.status / 100 == 2) { // no tunnel, but the client's word for it
    judged.error = {Code::malformed, Side::origin};
    return judged;
  }
  if ((plan.stale || !plan.others.empty()) && head.status == 304) {
    judged.revalidated = refresh(plan, head);
    if (!judged.revalidated) { // about something that is not stored
      judged.error = {Code::malformed, Side::origin, Retry::yes};
    }
    return judged;
  }
  if (plan.completes && (head.status == 206 || head.status == 416)) {
    judged.joins = completes(plan, head);
    if (!judged.joins) { // not what was asked for
      judged.error = {Code::malformed, Side::origin, Retry::yes};
      return judged;
    }
  }
  judged.answer = make_fill_head(plan, head, origin, server);
  return judged;
}

Ref<const cache::FillHead> tunnel_head() {
  auto made = make_ref<cache::FillHead>();
  made->meta.status = 200;
  made->meta.head = "HTTP/1.1 200 Connection established\r\n";
  return made;
}

} // namespace weir::proxy
