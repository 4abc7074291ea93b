// SPDX-License-Identifier: Apache-2.0
//
// The steps of an Exchange that answer: from a stored response, from one that arrives, from weir
// itself.
#include "proxy/exchange.h"

#include "cache/rfc9111.h"
#include "http/conditional.h"
#include "http/h1_writer.h"
#include "http/range.h"
#include "metrics/metrics.h"
#include "proxy/cache_use.h"
#include "proxy/fetch.h"
#include "proxy/resources.h"

namespace weir::proxy {

using http::FieldId;
using http::Framing;
using metrics::Metric;

namespace {

Framing length_of(std::uint64_t n) { return {Framing::Kind::length, n}; }

Metric class_of(int status) {
  switch (status / 100) {
  case 2:
    return Metric::responses_2xx;
  case 3:
    return Metric::responses_3xx;
  case 4:
    return Metric::responses_4xx;
  default:
    return Metric::responses_5xx;
  }
}

/// The media type in a serialised head, without parameters.
std::string_view content_type(std::string_view head) {
  constexpr std::string_view kName = "content-type:";
  for (std::size_t at = head.find('\n'); at != std::string_view::npos;
       at = head.find('\n', at + 1)) {
    std::string_view line = head.substr(at + 1);
    if (line.size() > kName.size() && http::iequals(line.substr(0, kName.size()), kName)) {
      line = line.substr(kName.size(), line.find('\r') - kName.size());
      return http::trim(line.substr(0, line.find(';')));
    }
  }
  return {};
}

/// The fields of a stored head, read again; views into it. Not by the parser: what was within its
/// limits has grown by a Date, or by a 304, since.
http::ResponseHead parsed(const cache::Entry& entry, Arena& arena) {
  http::ResponseHead head;
  if (!cache::read_stored_head(entry.head(), head, arena)) {
    panic("a stored head does not read back");
  }
  return head;
}

} // namespace

Next Exchange::respond() {
  if (reply_) {
    respond_reply();
  } else if (entry_) {
    respond_entry(*entry_);
  } else if (auto* reader = std::get_if<cache::FillReader>(&source_)) {
    respond_head(*reader->head());
  } else {
    auto& fetch = *std::get<std::unique_ptr<Fetch>>(source_);
    respond_head(*fetch.head());
    if (step_ == Step::respond && is_tunnel(*fetch.head())) {
      fetch.open();
    }
  }
  return next(Step::stream);
}

void Exchange::respond_entry(const cache::Entry& entry) {
  if (entry.status() == 200) {
    auto condition =
        http::evaluate_conditions(request_.fields, validators_of(entry), Clock::wall());
    if (condition == http::Condition::not_modified) {
      respond_not_modified(entry);
      return;
    }
    if (request_.fields.has(FieldId::range) && request_.method == http::Method::get &&
        http::may_use_range(request_.fields, validators_of(entry), Clock::wall())) {
      respond_range(entry);
      return;
    }
    if (respond_sibling(entry)) {
      return;
    }
  }
  Answer answer;
  answer.status = entry.status();
  answer.head = entry.head();
  answer.framing = http::is_bodiless(entry.status()) ? Framing{} : length_of(entry.body_size());
  answer.has_body = request_.method != http::Method::head && !http::is_bodiless(entry.status());
  if (answer.has_body) {
    auto& reader = source_.emplace<cache::EntryReader>(entry_);
    if (entry.disk_body()) {
      reader.read_from(*tier_, resources_.io, ticket());
    }
  } else {
    source_.emplace<std::monostate>();
  }
  send(answer, entry.age(Clock::mono()));
}

/// RFC 9110 §15.4.5: what the 200 would have had of these.
void Exchange::respond_not_modified(const cache::Entry& entry) {
  http::ResponseHead head = parsed(entry, arena_);
  code_not_modified(head, entry.body_size());
  head.fields.remove_if([](const http::Field& field) {
    FieldId id = field.id;
    return id != FieldId::etag && id != FieldId::date && id != FieldId::cache_control &&
           id != FieldId::expires && id != FieldId::vary && id != FieldId::content_location &&
           id != FieldId::last_modified;
  });
  std::size_t room = entry.head().size() + 64;
  http::H1Writer out(arena_.allocate(room, 1), room);
  out.status_line(304);
  out.fields(head.fields);
  Answer answer;
  answer.status = 304;
  answer.head = out.bytes();
  answer.has_body = false;
  source_.emplace<std::monostate>();
  send(answer, entry.age(Clock::mono()));
}

void Exchange::respond_range(const cache::Entry& entry) {
  auto set = http::parse_range(request_.fields);
  http::RangeAnswer ranges;
  if (set) {
    ranges = http::resolve_ranges(*set, entry.body_size());
  }
  // Several parts: the whole is as right an answer (C10.1), and smaller than multipart for most.
  bool whole = !set || ranges.kind == http::RangeAnswer::Kind::whole || ranges.count > 1;
  Answer answer;
  if (whole) {
    answer.status = entry.status();
    answer.head = entry.head();
    answer.framing = length_of(entry.body_size());
    auto& reader = source_.emplace<cache::EntryReader>(entry_);
    if (entry.disk_body()) {
      reader.read_from(*tier_, resources_.io, ticket());
    }
    send(answer, entry.age(Clock::mono()));
    return;
  }
  http::ResponseHead head = parsed(entry, arena_);
  std::size_t room = entry.head().size() + 128;
  http::H1Writer out(arena_.allocate(room, 1), room);
  if (ranges.kind == http::RangeAnswer::Kind::unsatisfiable) {
    out.status_line(416);
    out.field(FieldId::date, head.fields.value(FieldId::date));
    out.field(FieldId::content_range, http::write_unsatisfied_range(entry.body_size(), arena_));
    answer.status = 416;
    answer.framing = length_of(0);
    source_.emplace<std::monostate>();
  } else {
    const http::ByteRange& part = ranges.parts[0];
    out.status_line(206);
    out.fields(head.fields);
    out.field(FieldId::content_range, http::write_content_range(part, entry.body_size(), arena_));
    answer.status = 206;
    answer.framing = length_of(part.size());
    auto& reader = source_.emplace<cache::EntryReader>(entry_, part.first, part.last + 1);
    if (entry.disk_body()) {
      reader.read_from(*tier_, resources_.io, ticket());
    }
  }
  answer.head = out.bytes();
  send(answer, entry.age(Clock::mono()));
}

/// What arrives from an origin.
void Exchange::respond_head(const cache::FillHead& head) {
  record_.ttfb = (Clock::mono() - started_).count();
  if (tier_ != nullptr && request_.method != http::Method::connect && look_ != Look::post) {
    invalidate(head);
  }
  Answer answer;
  answer.status = head.meta.status;
  answer.head = head.meta.head;
  answer.raw = is_tunnel(head);
  answer.has_body = request_.method != http::Method::head && !http::is_bodiless(head.meta.status);
  if (answer.raw) {
    answer.status = request_.http2 ? 200 : answer.status; // RFC 8441 §5.1
    record_.kind = "tunnel";
  } else if (head.length) {
    answer.framing = length_of(*head.length);
  } else if (!http::is_bodiless(head.meta.status)) {
    answer.framing = {Framing::Kind::chunked, 0};
  }
  if (outcome_.kind != cache::Outcome::Kind::none) {
    int received = head.received != 0 ? head.received : answer.status;
    outcome_.forward_status = outcome_.forward_status != 0 ? outcome_.forward_status : received;
    outcome_.stored = head.storable && std::holds_alternative<cache::FillReader>(source_);
    if (!head.storable && outcome_.detail.empty()) {
      outcome_.detail = head.reason;
    }
  }
  std::optional<Duration> age;
  if (head.meta.freshness.initial_age >= std::chrono::seconds(1)) {
    age = head.meta.freshness.initial_age;
  }
  send(answer, age);
}

bool Exchange::is_tunnel(const cache::FillHead& head) const {
  return request_.method == http::Method::connect ? head.meta.status == 200
                                                  : websocket_ && head.meta.status == 101;
}

void Exchange::respond_reply() {
  Answer answer;
  answer.status = reply_->status;
  answer.head = reply_->head;
  bool bodiless = http::is_bodiless(reply_->status);
  answer.framing = bodiless ? Framing{} : length_of(reply_->body.size());
  answer.has_body = request_.method != http::Method::head && !bodiless && !reply_->body.empty();
  // After a refused CONNECT its octets would be read as a request (W8.3).
  answer.close = (error_.code != Code::none && error_.side == Side::client) ||
                 request_.method == http::Method::connect;
  // A fetch that failed is kept until the record is written: it knows the origin.
  if (!std::holds_alternative<std::unique_ptr<Fetch>>(source_)) {
    source_.emplace<Generated>(reply_->body);
  } else {
    note_origin(*std::get<std::unique_ptr<Fetch>>(source_));
    source_.emplace<Generated>(reply_->body);
  }
  send(answer, {});
}

void Exchange::send(Answer& answer, std::optional<Duration> age) {
  bool varies = !answer.raw && !reply_ && code_body(answer);
  send_as_is(answer, age, varies);
}

/// `varies`: Vary does not say yet that the coding is the client's choice.
void Exchange::send_as_is(const Answer& plain, std::optional<Duration> age, bool varies) {
  Answer answer = plain;
  http::H1Writer out(extra_.data(), extra_.size());
  if (varies) {
    out.field(FieldId::vary, "Accept-Encoding");
  }
  if (age) {
    auto seconds = std::chrono::floor<std::chrono::seconds>(*age).count();
    out.field(FieldId::age, static_cast<std::uint64_t>(seconds));
  }
  if (answer.raw && websocket_ && !request_.http2) {
    out.field(FieldId::connection, "upgrade");
    out.field(FieldId::upgrade, "websocket");
  }
  if (!answer.raw) {
    out.raw(own_fields_);
    outcome_.write(out);
    out.raw("Via: 1.1 ");
    out.raw(generation_->via);
    out.raw("\r\n");
  }
  record_.mime = content_type(answer.head);
  answer.extra = out.ok() ? out.bytes() : std::string_view{};
  responded_ = true;
  record_.status = answer.status;
  if (record_.ttfb == 0) {
    record_.ttfb = (Clock::mono() - started_).count();
  }
  metrics::count(class_of(answer.status));
  session_->respond(answer);
}

Next Exchange::reply(Reply answer) {
  // To an extended CONNECT any 2xx says that the tunnel stands (RFC 8441 §5).
  bool opens = request_.http2 && request_.upgrade && answer.status / 100 == 2;
  reply_ = opens ? make_error(501, page_facts()) : std::move(answer);
  return next(Step::respond);
}

/// An Error becomes an answer, or, once bytes are out, a visible cut.
Next Exchange::fail() {
  if (responded_) {
    session_->cut();
    return Next::wait;
  }
  record_.end = end_word(error_);
  return reply(make_error(status_of(error_), page_facts()));
}

PageFacts Exchange::page_facts() {
  PageFacts facts;
  facts.id = {id_text_.data(), id_text_.size()};
  if (!facts_.host.empty()) {
    url_ = arena_.join({facts_.scheme, "://", facts_.host, facts_.path});
  }
  facts.url = url_;
  if (verdict_.decl != nullptr) {
    facts.rule = verdict_.where;
  }
  if (verdict_.list) {
    facts.list = arena_.join({verdict_.list.list->name(), " (",
                              arena_.copy(verdict_.list.list->where(verdict_.list)), ")"});
  }
  return facts;
}

} // namespace weir::proxy
