// SPDX-License-Identifier: Apache-2.0
//
// Where a body ends: Content-Length and Transfer-Encoding (RFC 9112 §6, WIRE_RULES 3 and 6).
#include <optional>

#include "http/h1_parser.h"

namespace weir::http {

namespace {

/// What a Transfer-Encoding field says.
enum class Codings : std::uint8_t {
  chunked,      // that and nothing else
  malformed,    // no list of tokens, several lines, chunked twice or not last
  then_chunked, // something else, then chunked
  known,        // gzip, deflate or compress is the last one
  unknown,      // the last one is none that RFC 9112 names
};

bool is_known(std::string_view coding) noexcept {
  for (std::string_view known : {"gzip", "x-gzip", "deflate", "compress", "x-compress"}) {
    if (iequals(coding, known)) {
      return true;
    }
  }
  return false;
}

Codings read_codings(const Fields& fields) noexcept {
  std::string_view rest = fields.value(FieldId::transfer_encoding);
  if (fields.count(FieldId::transfer_encoding) > 1) {
    return Codings::malformed;
  }
  if (iequals(rest, "chunked")) {
    return Codings::chunked;
  }
  bool chunked = false;
  bool known = false;
  while (true) {
    auto comma = rest.find(',');
    auto coding = trim(rest.substr(0, comma));
    if (!is_token(coding) || chunked) { // no parameters, quotes, empty members (W3.3)
      return Codings::malformed;
    }
    chunked = iequals(coding, "chunked");
    known = is_known(coding);
    if (comma == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(comma + 1);
  }
  return chunked ? Codings::then_chunked : known ? Codings::known : Codings::unknown;
}

/// Content-Length of a response: equal values count as one (RFC 9110 §8.6). Nothing: not valid.
std::optional<std::uint64_t> read_equal_lengths(const Fields& fields) noexcept {
  std::optional<std::uint64_t> length;
  bool valid = true;
  fields.for_each(FieldId::content_length, [&](std::string_view line) {
    while (valid) {
      auto comma = line.find(',');
      auto value = parse_decimal(trim(line.substr(0, comma)));
      valid = value && (!length || *length == *value);
      length = value;
      if (comma == std::string_view::npos) {
        break;
      }
      line.remove_prefix(comma + 1);
    }
  });
  return valid ? length : std::nullopt;
}

} // namespace

Result<Framing> request_framing(const RequestHead& head) {
  const Fields& fields = head.fields;
  if (fields.has(FieldId::transfer_encoding)) {
    if (fields.has(FieldId::content_length) || head.minor_version == 0) { // W3.4, W3.5
      return fail(Code::malformed, Side::client);
    }
    switch (read_codings(fields)) {
    case Codings::chunked:
      return Framing{Framing::Kind::chunked, 0};
    case Codings::then_chunked:
      return fail(Code::unknown_coding, Side::client);
    case Codings::malformed:
    case Codings::known:
    case Codings::unknown: // not chunked at the end: the length cannot be known (RFC 9112 §6.3)
      return fail(Code::malformed, Side::client);
    }
  }
  if (!fields.has(FieldId::content_length)) {
    return Framing{};
  }
  auto length = parse_decimal(fields.value(FieldId::content_length));
  if (!length || fields.count(FieldId::content_length) > 1) { // W3.1, W3.2
    return fail(Code::malformed, Side::client);
  }
  return Framing{Framing::Kind::length, *length};
}

Result<void> set_response_framing(ResponseHead& head, Method request) {
  Fields& fields = head.fields;
  const bool coded = fields.has(FieldId::transfer_encoding);
  std::optional<std::uint64_t> length;
  if (fields.has(FieldId::content_length)) {
    length = read_equal_lengths(fields);
    if (!length) {
      return fail(Code::malformed, Side::origin); // W6.2
    }
  }
  if (coded && head.minor_version == 0) {
    return fail(Code::malformed, Side::origin); // RFC 9112 §6.1
  }
  head.keep_alive =
      head.minor_version == 0 ? has_token(fields, FieldId::connection, "keep-alive") : true;
  if (has_token(fields, FieldId::connection, "close")) {
    head.keep_alive = false;
  }
  if (coded && length) { // W6.3
    fields.remove(FieldId::content_length);
    head.keep_alive = false;
  } else if (length) {
    auto first = fields.value(FieldId::content_length); // one line with one value goes on
    fields.replace(FieldId::content_length, trim(first.substr(0, first.find(','))));
  }
  const bool tunnel = request == Method::connect && head.status / 100 == 2;
  if (tunnel || is_informational(head.status) || head.status == 204) {
    fields.remove(FieldId::content_length); // W8.1, RFC 9110 §8.6
    fields.remove(FieldId::transfer_encoding);
  }
  if (tunnel || is_bodiless(head.status) || request == Method::head) {
    head.framing = {};
    return {};
  }
  if (!coded) {
    head.framing =
        length ? Framing{Framing::Kind::length, *length} : Framing{Framing::Kind::until_close, 0};
    head.keep_alive = head.keep_alive && length.has_value();
    return {};
  }
  switch (read_codings(fields)) {
  case Codings::chunked:
    head.framing = {Framing::Kind::chunked, 0};
    return {};
  case Codings::unknown: // W6.13: the body lasts until close, and the field does not go on
    fields.remove(FieldId::transfer_encoding);
    head.framing = {Framing::Kind::until_close, 0};
    head.keep_alive = false;
    return {};
  case Codings::known:
  case Codings::then_chunked:
  case Codings::malformed:
    break;
  }
  return fail(Code::malformed, Side::origin);
}

} // namespace weir::http
