// SPDX-License-Identifier: Apache-2.0
#include "proxy/fields_edit.h"

#include <array>
#include <initializer_list>
#include <span>

#include "cache/rfc9111.h"
#include "http/h1_writer.h"

namespace weir::proxy {

using http::FieldId;
using http::Fields;

namespace {

constexpr std::size_t kMostHead = 128 * 1024;
constexpr FieldId kContentLength = FieldId::content_length;

/// Runs `write` on a buffer that is large enough for it, and gives what it wrote, in `arena`.
template <class Write> std::string_view written(Arena& arena, Write&& write) {
  std::span<char> room = arena.room();
  http::H1Writer quick(room.data(), room.size());
  write(quick);
  if (quick.ok()) {
    return {arena.allocate(quick.size(), 1), quick.size()};
  }
  std::array<char, 4096> more;
  http::H1Writer usual(more.data(), more.size());
  write(usual);
  if (usual.ok()) {
    return arena.copy(usual.bytes());
  }
  std::string text(kMostHead, '\0');
  http::H1Writer out(text.data(), text.size());
  write(out);
  return out.ok() ? arena.copy(out.bytes()) : std::string_view{};
}

constexpr FieldId kTellsOrigin[] = {
    // by which somebody else tells the origin who asked for what (W7.2)
    FieldId::x_forwarded_for,  FieldId::x_forwarded_proto,
    FieldId::x_forwarded_host, FieldId::forwarded,
    FieldId::x_host,           FieldId::x_original_url,
    FieldId::x_rewrite_url,
};
constexpr FieldId kOwn[] = {
    // that a request has for this hop, or that are written anew
    FieldId::host,
    FieldId::content_length,
    FieldId::transfer_encoding,
    FieldId::expect,
    FieldId::proxy_authorization,
    FieldId::max_forwards,
    FieldId::http2_settings,
    FieldId::via,
};
constexpr FieldId kConditions[] = {
    FieldId::if_none_match,       FieldId::if_modified_since, FieldId::if_match,
    FieldId::if_unmodified_since, FieldId::if_range,          FieldId::range,
};

http::FieldSet set_of(std::initializer_list<std::span<const FieldId>> lists) {
  http::FieldSet set;
  for (std::span<const FieldId> list : lists) {
    for (FieldId id : list) {
      set.set(http::index(id));
    }
  }
  return set;
}

std::string all_tags(std::span<const Ref<const cache::Entry>> entries) {
  std::string tags;
  for (const auto& entry : entries) {
    tags += tags.empty() ? "" : ", ";
    tags += entry->etag();
  }
  return tags;
}

/// What of a request does not go on as it came.
const http::FieldSet& dropped(bool validates) {
  static const http::FieldSet kAlways = set_of({kTellsOrigin, kOwn});
  static const http::FieldSet kValidating = set_of({kTellsOrigin, kOwn, kConditions});
  return validates ? kValidating : kAlways;
}

/// The fields that may go on, but for `without`.
void write_fields(http::H1Writer& out, const Fields& fields, const http::FieldSet& without) {
  if (auto hop = http::hop_by_hop_ids(fields)) {
    out.fields(fields, *hop | without);
    return;
  }
  Arena arena;
  Fields left;
  left.assign(fields, arena);
  http::remove_hop_by_hop(left);
  out.fields(left, without);
}

std::string joined(const Fields& fields, FieldId id) {
  std::string all;
  fields.for_each(id, [&](std::string_view value) {
    all += all.empty() ? "" : ", ";
    all += value;
  });
  return all;
}

std::string_view separator(std::string_view list) { return list.empty() ? "" : ", "; }

/// X-Forwarded-* and Forwarded (RFC 7239): the sender's are kept only from a trusted one.
void write_forwarded(http::H1Writer& out, const Fields& fields, const Forwarding& how) {
  auto theirs = [&](FieldId id) { return how.trusted ? joined(fields, id) : std::string{}; };
  auto first = [&](FieldId id, std::string_view own) {
    std::string_view value = how.trusted ? fields.value(id) : std::string_view{};
    out.field(id, value.empty() ? own : value);
  };
  std::string client = how.client.host();
  std::string for_list = theirs(FieldId::x_forwarded_for);
  out.field(FieldId::x_forwarded_for, {for_list, separator(for_list), client});
  first(FieldId::x_forwarded_proto, how.scheme);
  first(FieldId::x_forwarded_host, how.host);
  std::string forwarded = theirs(FieldId::forwarded);
  bool v6 = how.client.is_v6();
  out.field(FieldId::forwarded, {forwarded, separator(forwarded), "for=", v6 ? "\"[" : "", client,
                                 v6 ? "]\"" : "", ";host=\"", how.host, "\";proto=", how.scheme});
}

/// What is stored already, put as a condition.
void write_conditions(http::H1Writer& out, const Forwarding& how) {
  if (how.validate != nullptr) {
    if (!how.validate->etag().empty()) {
      out.field(FieldId::if_none_match, how.validate->etag());
    }
    if (how.validate->last_modified() != WallTime{}) { // octet for octet (C8.1)
      out.field(FieldId::if_modified_since,
                cache::stored_value(how.validate->head(), FieldId::last_modified));
    }
  }
  if (!how.others.empty()) {
    out.field(FieldId::if_none_match, all_tags(how.others));
  }
  if (how.complete != nullptr) {
    std::string from = std::to_string(how.complete->parts()->prefix()->end());
    out.field(FieldId::range, {"bytes=", from, "-"});
    out.field(FieldId::if_range, how.complete->etag());
  }
}

} // namespace

std::string_view write_request(const http::RequestHead& request, const Forwarding& how,
                               Arena& arena) {
  return written(arena, [&](http::H1Writer& out) {
    out.request_line(request.method_text, how.target);
    out.field(FieldId::host, how.host);
    bool conditional = how.validate != nullptr || !how.others.empty() || how.complete != nullptr;
    http::FieldSet without = dropped(conditional);
    if (how.extended_connect || !how.websocket_key.empty()) {
      without.set(http::index(FieldId::sec_websocket_key));
    }
    write_fields(out, request.fields, without);
    switch (request.framing.kind) {
    case http::Framing::Kind::length:
      out.field(FieldId::content_length, request.framing.length);
      break;
    case http::Framing::Kind::chunked:
      out.field(FieldId::transfer_encoding, "chunked");
      break;
    case http::Framing::Kind::none:
    case http::Framing::Kind::until_close:
      break;
    }
    if (how.trailers && http::has_token(request.fields, FieldId::te, "trailers")) {
      out.field(FieldId::te, "trailers"); // gRPC asks for it
    }
    if (request.fields.has(FieldId::max_forwards)) {
      // 0 never gets here (W5.5).
      auto left = http::parse_decimal(request.fields.value(FieldId::max_forwards));
      if (left && *left > 0) {
        out.field(FieldId::max_forwards, *left - 1);
      }
    }
    write_conditions(out, how);
    if (how.reverse) {
      write_forwarded(out, request.fields, how);
    }
    if (!how.websocket_key.empty()) {
      out.field(FieldId::sec_websocket_key, how.websocket_key);
    }
    if (how.websocket) {
      out.field(FieldId::connection, "upgrade");
      out.field(FieldId::upgrade, "websocket");
    } else if (how.close) {
      out.field(FieldId::connection, "close");
    }
    std::string via = joined(request.fields, FieldId::via);
    out.field(FieldId::via, {via, separator(via),
                             request.http2                ? "2 "
                             : request.minor_version == 0 ? "1.0 "
                                                          : "1.1 ",
                             how.via});
    out.end_head();
  });
}

std::string write_interim(const http::ResponseHead& response) {
  Arena arena;
  return std::string(written(arena, [&](http::H1Writer& out) {
    out.status_line(response.status, response.reason);
    write_fields(out, response.fields, set_of({std::span(&kContentLength, 1)}));
    out.end_head();
  }));
}

bool has_looped(const Fields& fields, std::string_view via) {
  http::ListReader members(fields, FieldId::via);
  while (auto member = members.next()) {
    // received-protocol RWS received-by [ comment ]
    std::size_t space = member->find_first_of(" \t");
    if (space == std::string_view::npos) {
      continue;
    }
    std::string_view by = http::trim(member->substr(space));
    by = by.substr(0, by.find_first_of(" \t"));
    if (http::iequals(by, via)) {
      return true;
    }
  }
  return false;
}

} // namespace weir::proxy
