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
