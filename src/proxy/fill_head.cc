// SPDX-License-Identifier: Apache-2.0
#include "proxy/fill_head.h"

#include "cache/rfc9111.h"
#include "http/cache_control.h"
#include "http/conditional.h"
#include "proxy/cache_use.h"
#include "proxy/siblings.h"

namespace weir::proxy {

using http::FieldId;

namespace {

cache::Received received(const FetchPlan& plan, const http::ResponseHead& head) {
  cache::Received r{*plan.request, head, plan.request_time, Clock::wall(), plan.heuristic_max};
  r.policy = plan.policy;
  r.ignore_request_directives = plan.policy != nullptr && !plan.policy->client_directives;
  r.targeted = targeted_fields(!plan.reverse);
  return r;
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

} // namespace

Ref<const cache::FillHead> make_fill_head(const FetchPlan& plan, const http::ResponseHead& head,
                                          const Address& origin, const std::string& server) {
  auto made = make_ref<cache::FillHead>();
  cache::Received r = received(plan, head);
  cache::NoStore why = plan.may_store ? cache::may_store(r) : cache::NoStore::none;
  made->storable = plan.may_store && why == cache::NoStore::none;
  made->reason = made->storable || !plan.may_store ? std::string_view{} : cache::name(why);
  made->marks_key = !made->storable && plan.may_store && cache::holds_for_all(why);
  if (plan.policy != nullptr) {
    made->size_min = plan.policy->object_min;
    made->size_max = plan.policy->object_max != 0 ? plan.policy->object_max : made->size_max;
  }
  cache::Meta& meta = made->meta;
  if (made->storable) {
    meta = cache::make_meta(r, plan.key);
    if (made->storable && drops_cookies(plan)) {
      cache::drop_stored(meta.head, FieldId::set_cookie);
    }
  } else {
    meta.status = static_cast<std::uint16_t>(head.status);
    meta.head = cache::write_stored_head(head, r.response_time);
    // Somebody else's cache has kept it so long, and says so through us too (RFC 9111 §5.1).
    meta.freshness.initial_age = std::chrono::seconds(http::parse_age(head.fields).value_or(0));
    made->location = head.fields.value(FieldId::location);
    made->content_location = head.fields.value(FieldId::content_location);
  }
  meta.addresses.push_back(origin);
  made->server = server;
  using Kind = http::Framing::Kind;
  bool no_body = http::is_bodiless(head.status) || plan.request->method == http::Method::head;
  if (head.framing.kind == Kind::length || head.framing.kind == Kind::none) {
    made->length = head.framing.length;
  }
  if (no_body && plan.request->method == http::Method::head) {
    made->length = http::parse_decimal(head.fields.value(FieldId::content_length));
  }
  return made;
}

Ref<const cache::Entry> refresh(const FetchPlan& plan, const http::ResponseHead& update) {
  const cache::Entry* stored = plan.stale ? plan.stale.get() : named(plan.others, update);
  if (stored == nullptr) {
    return {};
  }
  auto updated = cache::update_from_304(stored->to_meta(), received(plan, update));
  // One that withdraws the leave to store is asked again too: the whole answer says what holds now.
  if (!updated || updated->why != cache::NoStore::none) {
    return {};
  }
  if (drops_cookies(plan)) {
    cache::drop_stored(updated->meta.head, FieldId::set_cookie);
  }
  auto siblings = with_head(*stored, updated->meta.head);
  return cache::Entry::refreshed(*stored, updated->meta, std::move(siblings));
}

Ref<const cache::FillHead> tunnel_head() {
  auto made = make_ref<cache::FillHead>();
  made->meta.status = 200;
  made->meta.head = "HTTP/1.1 200 Connection established\r\n";
  return made;
}

} // namespace weir::proxy
