// SPDX-License-Identifier: Apache-2.0
#include "http/h1_parser.h"

#include <algorithm>
#include <limits>

#include "http/chars.h"

namespace weir::http {

const HeadLimits kDefaultLimits;

namespace {

constexpr std::size_t kLongestMethod = 64; // W1.2
constexpr std::string_view kVersion = "HTTP/x.x";

/// Whether text[i] may stand at place i of "HTTP/1.1": a digit where the pattern has an x.
bool fits_version(char c, std::size_t i) noexcept {
  return kVersion[i] == 'x' ? is_digit(c) : c == kVersion[i];
}

int minor_version(std::string_view version) noexcept { return version[7] == '0' ? 0 : 1; } // W1.8

} // namespace

// ---- field lines ----

void FieldLines::reset() noexcept {
  base_ = nullptr;
  line_ = colon_ = at_ = 0;
}

Result<Progress> FieldLines::parse(std::string_view buffer, std::size_t begin, Side side,
                                   Fields& out, Arena& arena) {
  if (base_ == nullptr) {
    line_ = at_ = static_cast<std::uint32_t>(begin);
  } else if (base_ != buffer.data()) {
    out.rebase(base_, at_, buffer.data());
  }
  base_ = buffer.data();
  while (true) {
    switch (take_line(buffer, out, arena)) {
    case Line::field:
      continue;
    case Line::last:
      return Progress{true, at_};
    case Line::cut:
      return Progress{};
    case Line::bad:
      return fail(Code::malformed, side);
    case Line::too_large:
      return fail(Code::head_too_large, side);
    }
  }
}

FieldLines::Line FieldLines::take_name(const char* text, std::size_t end, FieldId& id) {
  std::size_t at = at_;
  if (text[at] == '\r' && at == line_) {
    if (at + 1 == end) {
      return Line::cut;
    }
    at_ = static_cast<std::uint32_t>(at + 2);
    return text[at + 1] == '\n' ? Line::last : Line::bad;
  }
  // A name from the table is a token: only others are looked at octet by octet. They end at the
  // first that is no token char, whatever stands behind it.
  const bool whole = at == line_;
  const char* colon = whole ? find_colon(text + at, text + end) : text + end;
  if (colon != text + end) {
    id = field_id({text + at, static_cast<std::size_t>(colon - text) - at});
  }
  if (id != FieldId::other) {
    at = static_cast<std::size_t>(colon - text);
  } else {
    while (at < end && is(kTokenChar, text[at])) {
      ++at;
    }
  }
  at_ = static_cast<std::uint32_t>(at);
  if (at == end) {
    return Line::cut;
  }
  if (text[at] != ':' || at == line_) { // W2.1; a blank in front of the line too (W2.3, W2.4)
    return Line::bad;
  }
  if (!whole) {
    id = field_id({text + line_, at - line_});
  }
  colon_ = at_++;
  return Line::field;
}

FieldLines::Line FieldLines::take_line(std::string_view buffer, Fields& out, Arena& arena) {
  const char* const text = buffer.data();
  // What is behind the limits is not looked at: the first fault in the order of the bytes decides,
  // however they were split.
  const std::size_t limit =
      std::min<std::size_t>(line_ + std::size_t{limits_->field} + 2, limits_->head);
  const std::size_t end = std::min(buffer.size(), limit);
  const Line cut = end == limit ? Line::too_large : Line::cut;
  if (at_ >= end) {
    return cut;
  }
  FieldId id = FieldId::other;
  if (colon_ != 0) {
    id = field_id({text + line_, colon_ - line_});
  } else if (Line part = take_name(text, end, id); part != Line::field) {
    return part == Line::cut ? cut : part;
  }
  std::size_t at = at_ + find_control(text + at_, text + end);
  at_ = static_cast<std::uint32_t>(at);
  if (at + 1 >= end && (at == end || text[at] == '\r')) {
    return cut;
  }
  if (text[at] != '\r' || text[at + 1] != '\n') { // W1.5, W2.2
    return Line::bad;
  }
  if (out.size() >= limits_->fields) {
    return Line::too_large;
  }
  out.add({{text + line_, colon_ - line_}, trim({text + colon_ + 1, at - colon_ - 1}), id}, arena);
  line_ = at_ = static_cast<std::uint32_t>(at + 2);
  colon_ = 0;
  return Line::field;
}

// ---- heads ----

void H1Parser::reset() noexcept {
  lines_.reset();
  at_ = At::idle;
  pos_ = start_ = method_end_ = target_end_ = 0;
}

Result<bool> H1Parser::skip_blank_lines(std::string_view buffer) {
  while (pos_ < buffer.size() && buffer[pos_] == '\r') {
    if (pos_ >= limits_->head) {
      return fail(Code::head_too_large, Side::client);
    }
    if (pos_ + 1 == buffer.size()) {
      return false;
    }
    if (buffer[pos_ + 1] != '\n') {
      return fail(Code::malformed, Side::client);
    }
    pos_ += 2;
  }
  if (pos_ == buffer.size()) {
    return false;
  }
  start_ = pos_;
  return true;
}

Result<bool> H1Parser::take_method(std::string_view buffer) {
  while (pos_ < buffer.size() && is(kTokenChar, buffer[pos_])) {
    if (pos_ - start_ == kLongestMethod) {
      return fail(Code::malformed, Side::client);
    }
    ++pos_;
  }
  if (pos_ == buffer.size()) {
    return false;
  }
  if (buffer[pos_] != ' ' || pos_ == start_) {
    return fail(Code::malformed, Side::client);
  }
  method_end_ = pos_++;
  return true;
}

Result<bool> H1Parser::take_target(std::string_view buffer) {
  const std::size_t begin = method_end_ + 1;
  const std::size_t end = std::min(buffer.size(), begin + limits_->target);
  std::size_t at = pos_;
  while (at < end && is(kPathChar, buffer[at])) {
    ++at;
  }
  pos_ = static_cast<std::uint32_t>(at);
  if (at == buffer.size()) {
    return false;
  }
  if (is(kPathChar, buffer[at])) {
    return fail(Code::target_too_long, Side::client);
  }
  if (buffer[at] != ' ' || at == begin) { // W1.4, W1.9
    return fail(Code::malformed, Side::client);
  }
  target_end_ = pos_++;
  return true;
}

Result<bool> H1Parser::take_version(std::string_view buffer, RequestHead& head) {
  constexpr std::size_t kSize = kVersion.size() + 2;
  auto text = buffer.substr(target_end_ + 1, kSize);
  if (text == "HTTP/1.1\r\n") [[likely]] {
    pos_ = static_cast<std::uint32_t>(target_end_ + 1 + kSize);
    return true; // head.minor_version is 1 already
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool fits = i < kVersion.size() ? fits_version(text[i], i)
                                    : text[i] == (i == kVersion.size() ? '\r' : '\n');
    if (!fits) {
      return fail(Code::malformed, Side::client);
    }
  }
  if (text.size() < kSize) {
    return false;
  }
  if (text[5] != '1') {
    return fail(Code::bad_version, Side::client);
  }
  head.minor_version = minor_version(text);
  pos_ = static_cast<std::uint32_t>(target_end_ + 1 + kSize);
  return true;
}

Result<bool> H1Parser::take_request_line(std::string_view buffer, RequestHead& head) {
  if (at_ == At::idle) {
    head.clear();
    at_ = At::blank;
  }
  if (at_ == At::blank) {
    if (auto done = skip_blank_lines(buffer); !done || !*done) {
      return done;
    }
    at_ = At::method;
  }
  if (at_ == At::method) {
    if (auto done = take_method(buffer); !done || !*done) {
      return done;
    }
    at_ = At::target;
  }
  if (at_ == At::target) {
    if (auto done = take_target(buffer); !done || !*done) {
      return done;
    }
    at_ = At::version;
  }
  if (at_ == At::version) {
    if (auto done = take_version(buffer, head); !done || !*done) {
      return done;
    }
    at_ = At::fields;
  }
  return true;
}

Result<Progress> H1Parser::parse_request(std::string_view buffer, RequestHead& head, Arena& arena) {
  if (auto done = take_request_line(buffer, head); !done) {
    return fail(done.error());
  } else if (!*done) {
    return Progress{};
  }
  auto progress = lines_.parse(buffer, pos_, Side::client, head.fields, arena);
  if (!progress || !progress->complete) {
    return progress;
  }
  head.method_text = buffer.substr(start_, method_end_ - start_);
  head.method = parse_method(head.method_text);
  head.target = buffer.substr(method_end_ + 1, target_end_ - method_end_ - 1);
  if (auto resolved = resolve_target(head, arena); !resolved) {
    return fail(resolved.error());
  }
  read_connection_options(head);
  auto framing = request_framing(head);
  if (!framing) {
    return fail(framing.error());
  }
  head.framing = *framing;
  return progress;
}

Result<bool> H1Parser::take_status(std::string_view buffer, ResponseHead& head) {
  // "HTTP/1.1 200", then a blank or the end of the line.
  constexpr std::size_t kBegin = kVersion.size() + 1;
  constexpr std::size_t kEnd = kBegin + 3;
  auto text = buffer.substr(0, kEnd + 1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool fits = i < kVersion.size()    ? fits_version(c, i)
                : i == kVersion.size() ? c == ' '
                : i < kEnd             ? is_digit(c)
                                       : c == ' ' || c == '\r';
    if (!fits || (i == 5 && c != '1')) {
      return fail(Code::malformed, Side::origin);
    }
  }
  if (text.size() <= kEnd) {
    return false;
  }
  head.status =
      (text[kBegin] - '0') * 100 + (text[kBegin + 1] - '0') * 10 + (text[kBegin + 2] - '0');
  if (head.status < 100) {
    return fail(Code::malformed, Side::origin);
  }
  head.minor_version = minor_version(text);
  method_end_ = pos_ = kEnd;
  return true;
}

Result<bool> H1Parser::take_reason(std::string_view buffer) {
  const std::size_t limit = std::min(limits_->head, limits_->field);
  const std::size_t end = std::min(buffer.size(), limit);
  std::size_t at = pos_;
  if (at < end) {
    at += find_control(buffer.data() + at, buffer.data() + end);
  }
  pos_ = static_cast<std::uint32_t>(at);
  if (at + 1 >= end && (at >= end || buffer[at] == '\r')) {
    if (end == limit) {
      return fail(Code::head_too_large, Side::origin);
    }
    return false;
  }
  if (buffer[at] != '\r' || buffer[at + 1] != '\n') {
    return fail(Code::malformed, Side::origin);
  }
  target_end_ = pos_;
  pos_ += 2;
  return true;
}

Result<Progress> H1Parser::parse_response(std::string_view buffer, Method request,
                                          ResponseHead& head, Arena& arena) {
  if (at_ == At::idle && !buffer.empty()) {
    head.clear();
    at_ = At::status;
  }
  if (at_ == At::status) {
    if (auto done = take_status(buffer, head); !done) {
      return fail(done.error());
    } else if (*done) {
      at_ = At::reason;
    }
  }
  if (at_ == At::reason) {
    if (auto done = take_reason(buffer); !done) {
      return fail(done.error());
    } else if (*done) {
      at_ = At::fields;
    }
  }
  if (at_ != At::fields) {
    return Progress{};
  }
  auto progress = lines_.parse(buffer, pos_, Side::origin, head.fields, arena);
  if (!progress || !progress->complete) {
    return progress;
  }
  if (target_end_ > method_end_) {
    head.reason = buffer.substr(method_end_ + 1, target_end_ - method_end_ - 1);
  }
  if (auto framed = set_response_framing(head, request); !framed) {
    return fail(framed.error());
  }
  return progress;
}

} // namespace weir::http
