// SPDX-License-Identifier: Apache-2.0
#include "proxy/compress.h"

#include <algorithm>

#include "http/cache_control.h"
#include "http/conditional.h"
#include "http/media_type.h"

namespace weir::proxy {

using http::Coding;
using http::FieldId;
using Body = CodingPlan::Body;

namespace {

constexpr std::string_view kSums[] = {"Content-MD5", "Digest", "Content-Digest", "Repr-Digest"};

/// A body that is not coded yet.
CodingPlan plan_encoding(const config::CompressDecl& rule, const http::RequestHead& request,
                         const http::ResponseHead& answer, std::optional<std::uint64_t> length) {
  bool part = answer.status == 206; // the sizes are those of the part
  if (!takes_type(rule, http::media_type(answer.fields.value(FieldId::content_type))) ||
      (length && *length < rule.min && !part)) {
    return {};
  }
  // A part is one of the body as it is; so is the whole in its place.
  bool ranged = request.method == http::Method::get && request.fields.has(FieldId::range);
  if (part || ranged || length == 0) {
    return {Body::varies};
  }
  Coding best = http::choose_coding(http::accepted_codings(request.fields), rule.codings);
  return {best == Coding::identity ? Body::varies : Body::encode, best};
}

} // namespace

const config::CompressDecl& compress_of(const rules::Route& route) noexcept {
  return route.decl != nullptr   ? route.decl->compress
         : route.site != nullptr ? route.site->compress
                                 : route.forward->compress;
}

bool may_transform(const http::Fields& fields) {
  return !fields.has(FieldId::cache_control) || !http::parse_cache_control(fields).no_transform;
}

bool takes_type(const config::CompressDecl& rule, std::string_view type) noexcept {
  return !type.empty() &&
         std::any_of(rule.types.begin(), rule.types.end(),
                     [type](const auto& each) { return matches_type(type, each); });
}

bool matches_type(std::string_view type, std::string_view pattern) noexcept {
  if (pattern.starts_with("*+")) {
    std::string_view end = pattern.substr(1);
    return type.size() > end.size() && http::iequals(type.substr(type.size() - end.size()), end);
  }
  if (pattern.ends_with("/*")) {
    pattern.remove_suffix(1);
    type = type.substr(0, pattern.size());
  }
  return http::iequals(type, pattern);
}

CodingPlan plan_coding(const config::CompressDecl& rule, const http::RequestHead& request,
                       const http::ResponseHead& answer, std::optional<std::uint64_t> length) {
  if (rule.codings.empty() || http::is_bodiless(answer.status) ||
      request.method == http::Method::connect || !may_transform(answer.fields) ||
      !may_transform(request.fields)) {
    return {};
  }
  auto coding = http::content_coding(answer.fields);
  if (!coding) {
    return {};
  }
  if (*coding == Coding::identity) {
    return plan_encoding(rule, request, answer, length);
  }
  auto accepted = http::accepted_codings(request.fields);
  bool takes = accepted.weight(*coding) > 0 || accepted.weight(Coding::identity) == 0;
  // A part of what is coded cannot be decoded by itself.
  if (takes || answer.status == 206 || length == 0) {
    return {Body::varies};
  }
  return {Body::decode, *coding};
}

std::string_view weaken(std::string_view tag, Arena& arena) {
  http::EntityTag read = http::read_entity_tag(tag);
  return read.valid && !read.weak ? arena.join({"W/", tag}) : tag;
}

bool is_known_weakly(const http::Fields& request, std::string_view tag) noexcept {
  http::EntityTag own = http::read_entity_tag(tag);
  if (!own.valid || own.weak) {
    return false;
  }
  bool weakly = false;
  http::TagReader tags(request, FieldId::if_none_match);
  while (auto each = tags.next()) {
    if (*each == tag) {
      return false;
    }
    http::EntityTag other = http::read_entity_tag(*each);
    weakly = weakly || (other.valid && other.weak && other.opaque == own.opaque);
  }
  return weakly;
}

bool varies_by_coding(const http::Fields& answer) noexcept {
  return http::has_token(answer, FieldId::vary, "Accept-Encoding") ||
         http::has_token(answer, FieldId::vary, "*");
}

void edit_coded(http::Fields& fields, const CodingPlan& plan, Arena& arena) {
  fields.remove_if([](const http::Field& field) {
    return field.id == FieldId::content_encoding || field.id == FieldId::content_length ||
           field.id == FieldId::accept_ranges ||
           std::any_of(std::begin(kSums), std::end(kSums),
                       [&](std::string_view name) { return http::iequals(field.name, name); });
  });
  if (plan.body == Body::encode) {
    fields.add(FieldId::content_encoding, http::name(plan.coding), arena);
  }
  if (fields.has(FieldId::etag)) {
    fields.replace(FieldId::etag, weaken(fields.value(FieldId::etag), arena));
  }
  if (!varies_by_coding(fields)) {
    fields.add(FieldId::vary, "Accept-Encoding", arena);
  }
}

} // namespace weir::proxy
