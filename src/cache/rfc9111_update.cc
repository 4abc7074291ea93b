// SPDX-License-Identifier: Apache-2.0
//
// Stored heads, validation, invalidation: RFC 9111 §3.1, §3.2, §4.3, §4.4.
#include "cache/rfc9111.h"

#include <algorithm>
#include <charconv>

#include "http/conditional.h"
#include "http/h1_writer.h"

namespace weir::cache {

using http::Field;
using http::FieldId;
using http::Fields;

namespace {

constexpr std::string_view kEol = "\r\n";
constexpr std::size_t kMostHead = 128 * 1024;

/// Up to the next CRLF, which is taken too; nothing if there is none.
std::optional<std::string_view> take_line(std::string_view& rest) {
  std::size_t end = rest.find(kEol);
  if (end == std::string_view::npos) {
    return {};
  }
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + kEol.size());
  return line;
}

/// "Name: value".
std::optional<Field> read_line(std::string_view line) {
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return {};
  }
  std::string_view name = line.substr(0, colon);
  return Field{name, http::trim(line.substr(colon + 1)), http::field_id(name)};
}

bool is_same_origin(const http::Target& a, const http::Target& b, http::Scheme scheme) {
  auto scheme_of = [&](const http::Target& t) {
    return t.scheme != http::Scheme::none ? t.scheme : scheme;
  };
  return scheme_of(a) == scheme_of(b) && a.host == b.host &&
         a.port_or_default(scheme) == b.port_or_default(scheme);
}

} // namespace

namespace {

/// Content-Length and Age are told anew with each answer; what has kUnstored, to nobody.
const http::FieldSet& never_stored() {
  static const http::FieldSet kSet = [] {
    http::FieldSet set;
    for (std::size_t i = 1; i < http::kFieldIds; ++i) {
      auto id = static_cast<FieldId>(i);
      set.set(i, id == FieldId::content_length || id == FieldId::age ||
                     http::has_flag(id, http::kUnstored));
    }
    return set;
  }();
  return kSet;
}

std::string write_head(const http::ResponseHead& response, const Fields& fields,
                       const http::FieldSet& without, WallTime response_time) {
  std::string_view reason =
      response.reason.empty() ? http::reason_phrase(response.status) : response.reason;
  std::size_t size =
      std::string_view("HTTP/1.1 200 \r\nDate: \r\n").size() + reason.size() + kHttpDateSize;
  for (const Field& field : fields) {
    if (!without.test(http::index(field.id))) {
      size += field.name.size() + field.value.size() + std::string_view(": \r\n").size();
    }
  }
  std::string head(size, '\0');
  http::H1Writer out(head.data(), head.size());
  out.status_line(response.status, reason);
  if (!fields.has(FieldId::date) || without.test(http::index(FieldId::date))) {
    out.field(FieldId::date, format_http_date(response_time));
  }
  out.fields(fields, without);
  head.resize(out.ok() ? out.size() : 0);
  return head;
}

} // namespace

std::string write_stored_head(const http::ResponseHead& response, WallTime response_time) {
  if (auto hop = http::hop_by_hop_ids(response.fields)) {
    return write_head(response, response.fields, *hop | never_stored(), response_time);
  }
  Arena arena;
  Fields fields;
  fields.assign(response.fields, arena);
  http::remove_hop_by_hop(fields);
  return write_head(response, fields, never_stored(), response_time);
}

bool read_stored_head(std::string_view head, http::ResponseHead& out, Arena& arena) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  out.clear();
  auto first = take_line(head);
  if (!first || !first->starts_with(kVersion) || first->size() < kVersion.size() + 4) {
    return false;
  }
  const char* digits = first->data() + kVersion.size();
  auto [end, error] = std::from_chars(digits, digits + 3, out.status);
  if (error != std::errc{} || end != digits + 3) {
    return false;
  }
  out.reason = first->substr(kVersion.size() + 4);
  while (!head.empty()) {
    auto line = take_line(head);
    auto field = line ? read_line(*line) : std::nullopt;
    if (!field) {
      return false;
    }
    out.fields.add(*field, arena);
  }
  return true;
}

std::string_view stored_value(std::string_view head, FieldId id) noexcept {
  take_line(head); // status line
  while (auto line = take_line(head)) {
    auto field = read_line(*line);
    if (field && field->id == id) {
      return field->value;
    }
  }
  return {};
}

void drop_stored(std::string& head, FieldId id) {
  std::string kept;
  std::string_view rest = head;
  bool first = true; // the status line
  while (!rest.empty()) {
    std::string_view whole = rest;
    auto line = take_line(rest);
    whole = whole.substr(0, whole.size() - rest.size());
    auto field = line && !first ? read_line(*line) : std::nullopt;
    if (!field || field->id != id) {
      kept += whole;
    }
    first = false;
    if (!line) {
      break;
    }
  }
  head = std::move(kept);
}

void make_conditional(Fields& request, std::span<const std::string_view> tags,
                      std::string_view last_modified, Arena& arena) {
  request.remove_if([](const Field& field) {
    return field.id == FieldId::if_none_match || field.id == FieldId::if_modified_since ||
           field.id == FieldId::if_match || field.id == FieldId::if_unmodified_since ||
           field.id == FieldId::if_range || field.id == FieldId::range;
  });
  std::string_view list;
  for (std::string_view tag : tags) {
    if (!tag.empty()) {
      list = list.empty() ? tag : arena.join({list, ", ", tag});
    }
  }
  if (!list.empty()) {
    request.add(FieldId::if_none_match, list, arena);
  }
  if (!last_modified.empty()) {
    request.add(FieldId::if_modified_since, last_modified, arena);
  }
}

Result<void> merge_304(const Meta& stored, const http::ResponseHead& stored_head,
                       const http::ResponseHead& update, http::ResponseHead& merged, Arena& arena) {
  std::string_view tag = update.fields.value(FieldId::etag);
  if (!tag.empty()) {
    // Weakly: servers that weaken the tag of a coded 200 forget it in the 304. Where nothing is
    // stored to compare with, a strong one is another representation's.
    bool same = stored.etag.empty() ? tag.starts_with("W/") : http::weak_match(tag, stored.etag);
    if (!same) {
      return fail(Code::malformed, Side::origin);
    }
  }
  Fields newer;
  newer.assign(update.fields, arena);
  http::remove_hop_by_hop(newer);
  newer.remove_if([&](const Field& field) {
    // What describes the octets that are stored stays (§3.2), as does a tag that is the same.
    return field.id == FieldId::content_length || field.id == FieldId::content_encoding ||
           field.id == FieldId::content_range ||
           (field.id == FieldId::etag && !stored.etag.empty()) ||
           http::has_flag(field.id, http::kUnstored);
  });
  merged.clear();
  merged.status = stored_head.status;
  merged.reason = stored_head.reason;
  for (const Field& old : stored_head.fields) {
    bool replaced = old.id != FieldId::other ? newer.has(old.id) : newer.find(old.name) != nullptr;
    // Without a Date the 304 was made now: the stored one is of another message.
    if (!replaced && old.id != FieldId::date) {
      merged.fields.add(old, arena);
    }
  }
  for (const Field& field : newer) {
    merged.fields.add(field, arena);
  }
  return {};
}

Result<Updated> update_from_304(const Meta& stored, const Received& received) {
  Arena arena;
  http::ResponseHead old;
  if (!read_stored_head(stored.head, old, arena)) {
    return fail(Code::corrupt, Side::cache);
  }
  http::ResponseHead merged;
  if (auto done = merge_304(stored, old, received.response, merged, arena); !done) {
    return fail(done.error());
  }
  Received as_whole{received.request,
                    merged,
                    received.request_time,
                    received.response_time,
                    received.heuristic_max,
                    received.heuristic_percent,
                    received.refuse_set_cookie,
                    received.ignore_request_directives,
                    received.policy};
  Updated updated{make_meta(as_whole, stored.key), may_store(as_whole)};
  if (updated.meta.head.empty() || updated.meta.head.size() > kMostHead) {
    return fail(Code::malformed, Side::origin); // each 304 may add fields, and none takes one away
  }
  updated.meta.addresses = stored.addresses;
  if (updated.meta.tags.empty()) {
    updated.meta.tags = stored.tags;
  }
  updated.meta.purge_number = stored.purge_number;
  updated.meta.body_size = stored.body_size;
  return updated;
}

Invalidated invalidated(const http::Target& request, http::Scheme scheme, std::string_view location,
                        std::string_view content_location, Arena& arena) {
  Invalidated found;
  found.targets[found.count++] = request.path_query;
  for (std::string_view reference : {location, content_location}) {
    if (reference.empty()) {
      continue;
    }
    auto target = http::resolve_reference(request, scheme, reference, arena);
    if (!target || !is_same_origin(*target, request, scheme)) {
      continue;
    }
    auto known = found.targets.begin() + static_cast<std::ptrdiff_t>(found.count);
    if (std::find(found.targets.begin(), known, target->path_query) == known) {
      found.targets[found.count++] = target->path_query;
    }
  }
  return found;
}

} // namespace weir::cache
