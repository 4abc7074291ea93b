// SPDX-License-Identifier: Apache-2.0
#include "proxy/fill_head.h"

#include "cache/rfc9111.h"
#include "cache/vary.h"
#include "proxy/fields_edit.h"

namespace weir::proxy {

using http::FieldId;

namespace {

cache::Received received(const FetchPlan& plan, const http::ResponseHead& head) {
  return {plan.request, head, plan.request_time, Clock::wall(), plan.heuristic_max};
}

} // namespace

Ref<const cache::FillHead> make_fill_head(const FetchPlan& plan, const http::ResponseHead& head,
                                          const Address& origin, const std::string& server) {
  auto made = make_ref<cache::FillHead>();
  cache::Received r = received(plan, head);
  cache::NoStore why = plan.via_cache ? cache::may_store(r) : cache::NoStore::none;
  made->storable = plan.via_cache && why == cache::NoStore::none;
  made->reason = made->storable || !plan.via_cache ? std::string_view{} : cache::name(why);
  made->marks_key = !made->storable && plan.via_cache && cache::holds_for_all(why);
  cache::Meta& meta = made->meta;
  if (plan.via_cache) {
    meta = cache::make_meta(r);
    meta.key = plan.key;
    Arena scratch;
    meta.selecting = cache::selecting_values(meta.vary, plan.request.fields, scratch);
  } else {
    meta.status = static_cast<std::uint16_t>(head.status);
    made->location = head.fields.value(FieldId::location);
    made->content_location = head.fields.value(FieldId::content_location);
  }
  meta.addresses.push_back(origin);
  made->server = server;
  meta.head = write_response(head, r.response_time);
  using Kind = http::Framing::Kind;
  bool no_body = http::is_bodiless(head.status) || plan.request.method == http::Method::head;
  if (head.framing.kind == Kind::length || head.framing.kind == Kind::none) {
    made->length = head.framing.length;
  }
  if (no_body && plan.request.method == http::Method::head) {
    made->length = http::parse_decimal(head.fields.value(FieldId::content_length));
  }
  return made;
}

Ref<const cache::Entry> refresh(const FetchPlan& plan, const http::ResponseHead& update) {
  Arena arena;
  std::string whole = std::string(plan.stale->head()) + "\r\n";
  http::ResponseHead old;
  http::H1Parser parser;
  auto progress = parser.parse_response(whole, http::Method::get, old, arena);
  if (!progress || !progress->complete) {
    return {};
  }
  cache::Meta meta = plan.stale->to_meta();
  http::ResponseHead merged;
  if (!cache::merge_304(meta, old, update, merged, arena)) {
    return {};
  }
  // An Age in the 304 counts; the stored one does not (it never stands in a stored head).
  if (const http::Field* age = update.fields.find(FieldId::age)) {
    merged.fields.add(*age, arena);
  }
  cache::Received r = received(plan, merged);
  cache::Meta fresh = cache::make_meta(r);
  fresh.key = meta.key;
  fresh.status = meta.status;
  fresh.selecting = meta.selecting;
  fresh.vary = meta.vary;
  fresh.addresses = meta.addresses;
  fresh.tags = meta.tags;
  fresh.purge_number = meta.purge_number;
  fresh.body_size = meta.body_size;
  fresh.head = write_response(merged, r.response_time);
  return cache::Entry::refreshed(*plan.stale, fresh);
}

Ref<const cache::FillHead> tunnel_head() {
  auto made = make_ref<cache::FillHead>();
  made->meta.status = 200;
  made->meta.head = "HTTP/1.1 200 Connection established\r\n";
  return made;
}

} // namespace weir::proxy
