// SPDX-License-Identifier: Apache-2.0
#include "proxy/fields_edit.h"

#include <vector>

#include "http/h1_writer.h"

namespace weir::proxy {

using http::FieldId;
using http::Fields;

namespace {

constexpr std::size_t kMostHead = 128 * 1024;

/// Runs `write` on a buffer that is large enough for it, and gives what it wrote.
template <class Write> std::string written(std::size_t guess, Write&& write) {
  std::string text(guess, '\0');
  while (true) {
    http::H1Writer out(text.data(), text.size());
    write(out);
    if (out.ok()) {
      text.resize(out.size());
      return text;
    }
    if (text.size() >= kMostHead) {
      return {};
    }
    text.resize(text.size() * 4);
  }
}

/// Fields by which somebody else tells the origin who asked for what (W7.2).
bool tells_origin(FieldId id) {
  return id == FieldId::x_forwarded_for || id == FieldId::x_forwarded_proto ||
         id == FieldId::x_forwarded_host || id == FieldId::forwarded || id == FieldId::x_host ||
         id == FieldId::x_original_url || id == FieldId::x_rewrite_url;
}

bool is_condition(FieldId id) {
  return id == FieldId::if_none_match || id == FieldId::if_modified_since ||
         id == FieldId::if_match || id == FieldId::if_unmodified_since || id == FieldId::if_range ||
         id == FieldId::range;
}

std::string joined(const Fields& fields, FieldId id) {
  std::string all;
  fields.for_each(id, [&](std::string_view value) {
    all += all.empty() ? "" : ", ";
    all += value;
  });
  return all;
}

void append_element(std::string& list, std::string_view element) {
  list += list.empty() ? "" : ", ";
  list += element;
}

/// X-Forwarded-* and Forwarded (RFC 7239): the sender's are kept only from a trusted one.
void write_forwarded(http::H1Writer& out, const Fields& fields, const Forwarding& how) {
  std::string client = how.client.host();
  std::string for_list = how.trusted ? joined(fields, FieldId::x_forwarded_for) : std::string{};
  append_element(for_list, client);
  out.field(FieldId::x_forwarded_for, for_list);
  auto first = [&](FieldId id, std::string_view own) {
    std::string_view theirs = how.trusted ? fields.value(id) : std::string_view{};
    out.field(id, theirs.empty() ? own : theirs);
  };
  first(FieldId::x_forwarded_proto, how.scheme);
  first(FieldId::x_forwarded_host, how.original_host);
  std::string forwarded = how.trusted ? joined(fields, FieldId::forwarded) : std::string{};
  std::string element = "for=";
  element += how.client.is_v6() ? "\"[" + client + "]\"" : client;
  element += ";host=\"" + std::string(how.original_host) + "\";proto=" + std::string(how.scheme);
  append_element(forwarded, element);
  out.field(FieldId::forwarded, forwarded);
}

} // namespace

std::string write_request(const http::RequestHead& request, const Forwarding& how) {
  Arena arena;
  Fields fields;
  fields.assign(request.fields, arena);
  http::remove_hop_by_hop(fields);
  fields.remove_if([&](const http::Field& field) {
    return field.id == FieldId::host || field.id == FieldId::content_length ||
           field.id == FieldId::transfer_encoding || field.id == FieldId::expect ||
           field.id == FieldId::proxy_authorization || field.id == FieldId::max_forwards ||
           field.id == FieldId::http2_settings || field.id == FieldId::via ||
           tells_origin(field.id) || // written anew below, where they belong
           (how.validate != nullptr && is_condition(field.id));
  });
  return written(2048, [&](http::H1Writer& out) {
    out.request_line(request.method_text, how.target);
    out.field(FieldId::host, how.host);
    out.fields(fields);
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
    if (request.fields.has(FieldId::max_forwards)) {
      // 0 never gets here (W5.5).
      auto left = http::parse_decimal(request.fields.value(FieldId::max_forwards));
      if (left && *left > 0) {
        out.field(FieldId::max_forwards, *left - 1);
      }
    }
    if (how.validate != nullptr) {
      if (!how.validate->etag().empty()) {
        out.field(FieldId::if_none_match, how.validate->etag());
      }
      if (how.validate->last_modified() != WallTime{}) {
        out.field(FieldId::if_modified_since, format_http_date(how.validate->last_modified()));
      }
    }
    if (how.reverse) {
      write_forwarded(out, request.fields, how);
    }
    std::string via = joined(request.fields, FieldId::via);
    append_element(via, request.minor_version == 0 ? "1.0 " : "1.1 ");
    via += how.via;
    out.field(FieldId::via, via);
    out.end_head();
  });
}

std::string write_interim(const http::ResponseHead& response) {
  Arena arena;
  Fields fields;
  fields.assign(response.fields, arena);
  http::remove_hop_by_hop(fields);
  fields.remove(FieldId::content_length);
  return written(1024, [&](http::H1Writer& out) {
    out.status_line(response.status, response.reason);
    out.fields(fields);
    out.end_head();
  });
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
