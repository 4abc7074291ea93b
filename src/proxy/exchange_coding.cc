// SPDX-License-Identifier: Apache-2.0
//
// What an Exchange does about the content coding of its answer: `compress` of its route.
#include "proxy/exchange.h"

#include "cache/rfc9111.h"
#include "http/h1_writer.h"
#include "metrics/metrics.h"
#include "proxy/coded_body.h"
#include "proxy/compress.h"
#include "proxy/resources.h"
#include "proxy/siblings.h"

namespace weir::proxy {

using http::FieldId;
using metrics::Metric;

namespace {

void count_coded(const CodingPlan& plan) {
  if (plan.body == CodingPlan::Body::decode) {
    metrics::count(Metric::responses_decoded);
    return;
  }
  switch (plan.coding) {
  case http::Coding::identity:
    return;
  case http::Coding::gzip:
    return metrics::count(Metric::responses_gzip);
  case http::Coding::br:
    return metrics::count(Metric::responses_br);
  case http::Coding::zstd:
    return metrics::count(Metric::responses_zstd);
  }
}

} // namespace

/// The answer is about to go: its body is coded or decoded where route and client want it. Whether
/// it still has to say Vary.
bool Exchange::code_body(Answer& answer) {
  const config::CompressDecl& rule = compress_of(*route_);
  if (rule.codings.empty()) {
    return false;
  }
  http::ResponseHead head;
  if (!cache::read_stored_head(answer.head, head, arena_)) {
    return false; // what cannot be read is not changed
  }
  using Kind = http::Framing::Kind;
  std::optional<std::uint64_t> length;
  if (answer.framing.kind == Kind::length) {
    length = answer.framing.length;
  }
  CodingPlan plan = plan_coding(rule, request_, head, length);
  bool reweaken =
      answer.status == 304 && is_known_weakly(request_.fields, head.fields.value(FieldId::etag));
  if (plan.body == CodingPlan::Body::encode && entry_ && answer.status == 200) {
    const cache::Sibling* tried = find_sibling(entry_->siblings().get(), plan.coding);
    if (tried != nullptr) {
      plan.body = CodingPlan::Body::varies; // it gains nothing
    } else if (resources_.background != nullptr) {
      make_sibling(*resources_.background, *tier_, entry_, plan.coding);
    }
  }
  if (plan.changes() && resources_.coding.full()) {
    metrics::count(Metric::compress_skipped);
    plan.body = CodingPlan::Body::varies;
  }
  if (!plan.changes() && !reweaken) {
    return plan.body == CodingPlan::Body::varies && !varies_by_coding(head.fields);
  }
  if (reweaken) {
    head.fields.replace(FieldId::etag, weaken(head.fields.value(FieldId::etag), arena_));
  } else {
    edit_coded(head.fields, plan, arena_);
    answer.framing = {Kind::chunked, 0};
    record_.encoding =
        http::name(plan.body == CodingPlan::Body::encode ? plan.coding : http::Coding::identity);
  }
  if (plan.changes() && answer.has_body) {
    coded_ = std::make_unique<CodedBody>(resources_.coding, plan, length);
    count_coded(plan);
  }
  std::size_t room = answer.head.size() + 128;
  http::H1Writer out(arena_.allocate(room, 1), room);
  out.status_line(head.status, head.reason);
  out.fields(head.fields);
  answer.head = out.bytes();
  return false;
}

/// The whole of a stored 200 in a coding that was made before. Whether there is one.
bool Exchange::respond_sibling(const cache::Entry& entry) {
  if (!entry.siblings()) {
    return false;
  }
  const cache::Sibling* sibling = choose_sibling(compress_of(*route_), request_, entry);
  if (sibling == nullptr) {
    return false;
  }
  metrics::count(Metric::sibling_hits);
  record_.encoding = http::name(sibling->coding());
  Answer answer;
  answer.status = entry.status();
  answer.head = sibling->head();
  answer.framing = {http::Framing::Kind::length, sibling->body_size()};
  answer.has_body = request_.method != http::Method::head;
  if (answer.has_body) {
    source_.emplace<cache::EntryReader>(entry_, *sibling);
  } else {
    source_.emplace<std::monostate>();
  }
  send_as_is(answer, entry.age(Clock::mono()), false);
  return true;
}

/// `head`: of a stored 200 that the client has. Its 304 says what the 200 would have said.
void Exchange::code_not_modified(http::ResponseHead& head, std::uint64_t length) {
  const config::CompressDecl& rule = compress_of(*route_);
  CodingPlan plan = plan_coding(rule, request_, head, length);
  if (plan.changes()) {
    edit_coded(head.fields, plan, arena_);
  } else if (plan.body == CodingPlan::Body::varies && !varies_by_coding(head.fields)) {
    head.fields.add(FieldId::vary, "Accept-Encoding", arena_);
  }
}

Pull Exchange::pull_coded(OutQueue& out, std::size_t room) {
  Pull got = coded_->pull(out, room,
                          [this](OutQueue& in, std::size_t most) { return pull_source(in, most); });
  if (got == Pull::blocked && coded_->wants_turn()) {
    ticket().wake(); // by letter: a wake would be for this turn
  }
  if (got == Pull::failed && error_.code == Code::none) {
    error_ = {coded_->error(), Side::origin};
  }
  return got;
}

} // namespace weir::proxy
