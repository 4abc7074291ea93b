// SPDX-License-Identifier: Apache-2.0
//
// A request, its response, and a 304 to a validation, one after the other, as bytes on the wire:
// what the cache makes of any three heads that the parser lets through.
#include "cache/rfc9111.h"

#include "cache/vary.h"
#include "check.h"
#include "http/h1_parser.h"

using namespace weir;
using namespace weir::cache;
using http::FieldId;

namespace {

const WallTime kNow(std::chrono::seconds(784111777));

template <class Head, class Parse> bool take(std::string_view& rest, Head& head, Parse&& parse) {
  http::H1Parser parser;
  auto progress = parse(parser, head);
  if (!progress || !progress->complete) {
    return false;
  }
  rest.remove_prefix(progress->size);
  return true;
}

void check_head(const std::string& head) {
  Arena arena;
  http::ResponseHead read;
  CHECK(read_stored_head(head, read, arena));
  CHECK(read.fields.has(FieldId::date));
  CHECK(!read.fields.has(FieldId::content_length) && !read.fields.has(FieldId::age));
  CHECK(!read.fields.has(FieldId::connection) && !read.fields.has(FieldId::transfer_encoding));
  CHECK(write_stored_head(read, kNow) == head);
  CHECK(stored_value(head, FieldId::etag) == read.fields.value(FieldId::etag));
}

void check_freshness(const Freshness& f) {
  CHECK(f.initial_age >= Duration::zero() && f.lifetime >= Duration::zero());
  CHECK(current_age(f, kNow) >= f.initial_age);
  Duration left = remaining(f, kNow + std::chrono::hours(1));
  CHECK(left <= remaining(f, kNow));
  Duration age = current_age(f, kNow);
  CHECK((may_serve(f, age, RequestDirectives{}).serve == Serve::fresh) ==
        (remaining(f, kNow) > Duration::zero()));
  CHECK(!f.must_revalidate || !may_serve_on_error(f, age, true));
}

void check_values(const Received& r, const Meta& meta) {
  Arena arena;
  auto values = selecting_values(meta.vary, r.request.fields, arena);
  CHECK(values == meta.selecting);
  CHECK(values.empty() == meta.vary.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = text_of(data, size);
  Arena arena;
  http::RequestHead request;
  http::ResponseHead response;
  bool both =
      take(rest, request,
           [&](auto& parser, auto& head) { return parser.parse_request(rest, head, arena); }) &&
      take(rest, response, [&](auto& parser, auto& head) {
        return parser.parse_response(rest, request.method, head, arena);
      });
  if (!both) {
    return 0;
  }
  Received received{request, response, kNow, kNow, std::chrono::hours(24)};
  NoStore why = may_store(received);
  CHECK(!name(why).empty() && name(why) != "unknown");
  Meta meta = make_meta(received, "key");
  check_head(meta.head);
  check_freshness(meta.freshness);
  if (why == NoStore::none) {
    check_values(received, meta);
    CHECK(meta.has_validator() || meta.freshness.lifetime > Duration::zero() ||
          meta.freshness.while_revalidate > Duration::zero() ||
          meta.freshness.if_error > Duration::zero());
  }
  http::ResponseHead update;
  if (take(rest, update, [&](auto& parser, auto& head) {
        return parser.parse_response(rest, request.method, head, arena);
      })) {
    Received validated{request, update, kNow, kNow, std::chrono::hours(24)};
    if (auto updated = update_from_304(meta, validated)) {
      check_head(updated->meta.head);
      check_freshness(updated->meta.freshness);
      CHECK(updated->meta.status == meta.status);
    }
  }
  request.uri.host = "example.com";
  auto gone = invalidated(request.uri, http::Scheme::http, response.fields.value(FieldId::location),
                          response.fields.value(FieldId::content_location), arena);
  CHECK(gone.count >= 1 && gone.count <= 3);
  return 0;
}
