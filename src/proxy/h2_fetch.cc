// SPDX-License-Identifier: Apache-2.0
#include "proxy/h2_fetch.h"

#include <algorithm>

#include "http/websocket.h"
#include "metrics/metrics.h"
#include "proxy/fields_edit.h"
#include "proxy/fill_head.h"
#include "proxy/resources.h"

namespace weir::proxy {

using http::H2Error;
using metrics::Metric;

namespace {
constexpr std::size_t kMostInterims = 16;
constexpr std::size_t kBodyRoom = 128 * 1024;
} // namespace

H2Fetch::H2Fetch(Resources& resources, std::unique_ptr<FetchPlan> plan)
    : resources_(resources), plan_(std::move(plan)),
      dial_(resources.loop, resources.resolver, resources.connections, resources.own_addresses(),
            *this, *plan_) {
  plan_->dial.shared = &resources.h2_origins;
}

H2Fetch::~H2Fetch() {
  metrics::count(Metric::origin_bytes_in, bytes_in_);
  metrics::count(Metric::origin_bytes_out, bytes_out_);
  detach();
  plan_->let_body_go();
}

void H2Fetch::start(event::Task& consumer) {
  consumer_ = &consumer;
  plan_->request_time = Clock::wall();
  dial_.start(plan_->dial);
  trail_.push(static_cast<std::uint8_t>(state_));
  run();
}

void H2Fetch::hand_to(event::Task& consumer) {
  consumer_ = &consumer;
  tell();
}

void H2Fetch::keep_request() {
  plan_->keep_request();
  plan_->let_body_go(); // all of it was taken
}

void H2Fetch::go(FetchState state) {
  state_ = state;
  trail_.push(static_cast<std::uint8_t>(state));
}

void H2Fetch::tell() { resources_.loop.wake(*consumer_); }

void H2Fetch::run() {
  if (state_ == FetchState::done || (state_ == FetchState::dial && !dial())) {
    return;
  }
  if (relay_) {
    run_tunnel();
    return;
  }
  if (deadline_.passed()) {
    if (connection_ != nullptr) {
      connection_->doubt(waits_);
    }
    fail({Code::timeout, Side::origin});
    return;
  }
  if (state_ == FetchState::body) {
    tell();
  } else if (answer_ != Answer::due) {
    take_head();
  } else if (loss_ != Loss::none) {
    lose();
  }
  push();
}

/// The client may have more of its body.
void H2Fetch::push() {
  if (stream_ != 0 && !request_sent_) {
    connection_->codec().resume(stream_);
    connection_->mark();
  }
}

/// False: it waits, or has failed.
bool H2Fetch::dial() {
  switch (dial_.step()) {
  case Dial::State::ready:
    ask();
    return true;
  case Dial::State::failed:
    fail(dial_.error());
    return false;
  case Dial::State::resolve:
  case Dial::State::queue:
  case Dial::State::connect:
  case Dial::State::secure:
    break;
  }
  return false;
}

void H2Fetch::ask() {
  response_.clear();
  trailers_.clear();
  arena_.reset();
  answer_ = Answer::due;
  loss_ = Loss::none;
  request_sent_ = false;
  go(FetchState::send);
  waits_ = plan_->answer_timeout;
  deadline_.arm(resources_.loop, waits_, *this);
  metrics::count(dial_.reused() ? Metric::origin_connections_reused
                                : Metric::origin_connections_opened);
  H2Origin& origin = dial_.take_shared();
  if (plan_->websocket && !origin.is_settled()) {
    connection_ = &origin;
    origin.await_settings(*this, plan_->origin_idle);
    return;
  }
  ask_on(origin);
}

void H2Fetch::ask_on(H2Origin& origin) {
  if (plan_->websocket && !origin.codec().takes_extended_connect()) {
    note(Loss::fault, kOnlyByHttp1);
    return;
  }
  bool has_body = plan_->body != nullptr || plan_->websocket;
  std::string_view protocol = plan_->websocket ? "websocket" : "";
  stream_ = origin.ask(*this, plan_->head, has_body, protocol, plan_->origin_idle);
  if (stream_ == 0) {
    note(Loss::refused, {Code::closed, Side::origin});
    return;
  }
  connection_ = &origin;
  metrics::add(Metric::origin_http2_streams);
  if (plan_->websocket) {
    metrics::count(Metric::origin_http2_websockets);
  }
}

// What the connection tells

void H2Fetch::on_settled() {
  if (plan_->websocket && stream_ == 0 && loss_ == Loss::none) {
    ask_on(*connection_);
  }
}

void H2Fetch::note(Loss loss, const Error& error) {
  bool is_due = answer_ != Answer::whole || (relay_ && !request_sent_);
  if (loss_ == Loss::none && is_due) {
    loss_ = loss;
    lost_ = error;
  }
  resources_.loop.wake(*this);
}

Pull H2Fetch::pull_body(OutQueue& out, std::size_t room) {
  if (plan_->websocket) {
    return pull_client(out, std::min(room, kBodyRoom));
  }
  if (plan_->body == nullptr) {
    return Pull::failed;
  }
  Pull got = plan_->body->pull_body(out, std::min(room, kBodyRoom), *this);
  body_begun_ = body_begun_ || !out.empty();
  if (got == Pull::failed) {
    note(Loss::fault, plan_->body->body_error());
  } else if (got == Pull::blocked && out.empty() && state_ == FetchState::send) {
    deadline_.disarm(); // the client's own deadline runs
  }
  return got;
}

/// Of a WebSocket. Nothing before it is answered (W8.3); after an answer that opens none, the end.
Pull H2Fetch::pull_client(OutQueue& out, std::size_t room) {
  if (!relay_) {
    return state_ == FetchState::body ? Pull::end : Pull::blocked;
  }
  Pull got = relay_->pull_client(out, room);
  if (got == Pull::failed) {
    note(Loss::fault, plan_->tunnel->body_error());
  }
  return got;
}

const http::Fields& H2Fetch::own_trailers() {
  return plan_->body != nullptr ? plan_->body->body_trailers() : no_trailers_;
}

void H2Fetch::on_sent(std::size_t bytes) {
  bytes_out_ += bytes;
  if (state_ == FetchState::send) {
    deadline_.arm(resources_.loop, waits_, *this);
  }
}

void H2Fetch::on_all_sent() {
  request_sent_ = true;
  plan_->let_body_go(); // its session looks at the client again
  if (state_ == FetchState::send) {
    go(FetchState::head);
    deadline_.arm(resources_.loop, waits_, *this);
  }
  if (relay_) {
    resources_.loop.wake(*this);
  }
}

void H2Fetch::on_head(const Result<void>& good, bool end) {
  if (!good) {
    forget_stream();
    note(Loss::fault, good.error());
    return;
  }
  if (http::is_informational(response_.status)) {
    if (response_.status != 100 && interims_.size() < kMostInterims) {
      interims_.push_back(write_interim(response_));
      tell();
    }
    response_.clear();
    arena_.reset();
    return;
  }
  answer_ = end ? Answer::whole : Answer::head;
  deadline_.disarm();
  resources_.loop.wake(*this);
}

void H2Fetch::on_data(std::string_view bytes) {
  arrived_.add(bytes, connection_->input());
  if (state_ == FetchState::body) {
    deadline_.disarm(); // armed anew when nothing is there; the consumer may take its time
    resources_.loop.wake(*this);
  }
}

void H2Fetch::on_end(const Result<void>& good) {
  if (good) {
    answer_ = Answer::whole;
    deadline_.disarm();
    resources_.loop.wake(*this);
  } else {
    forget_stream();
    note(Loss::fault, good.error());
  }
}

void H2Fetch::on_closed(std::uint32_t error) {
  forget_stream();
  bool refused = error == static_cast<std::uint32_t>(H2Error::refused_stream);
  bool malformed = error == static_cast<std::uint32_t>(H2Error::protocol);
  if (refused) {
    metrics::count(Metric::origin_http2_refused);
  }
  if (plan_->websocket && answer_ == Answer::due &&
      error == static_cast<std::uint32_t>(H2Error::http_1_1_required)) {
    note(Loss::fault, kOnlyByHttp1);
    return;
  }
  // A reset without an error behind its end: it wants no more of the client's (RFC 9113 §8.1).
  request_sent_ = request_sent_ || (plan_->websocket && answer_ == Answer::whole && error == 0);
  note(refused ? Loss::refused : Loss::fault,
       {malformed ? Code::malformed : Code::reset, Side::origin});
}

void H2Fetch::on_lost(const Error& why) {
  forget_stream();
  connection_ = nullptr;
  note(Loss::connection, why);
}

// What follows from it

std::string H2Fetch::take_interim() {
  if (interims_.empty()) {
    return {};
  }
  std::string first = std::move(interims_.front());
  interims_.erase(interims_.begin());
  return first;
}

void H2Fetch::take_head() {
  if (plan_->websocket && response_.status / 100 == 2) {
    open_tunnel();
    return;
  }
  FinalHead judged = judge_head(*plan_, response_, dial_.address(), dial_.server()->label);
  if (judged.error.code != Code::none) {
    fail(judged.error);
    return;
  }
  if (judged.revalidated) {
    revalidated_ = std::move(judged.revalidated);
    finish();
    tell();
    return;
  }
  if (judged.joins) {
    prefix_.assign(plan_->partial->parts()->prefix()->slices);
  }
  fill_head_ = std::move(judged.answer);
  go(FetchState::body);
  deadline_.disarm();
  tell();
}

/// A client of HTTP/1.1 hears of it as 101, with the Accept to its key: there are none in HTTP/2
/// (RFC 8441 §5).
void H2Fetch::open_tunnel() {
  using http::FieldId;
  const http::RequestHead& request = *plan_->request;
  response_.status = 101;
  response_.reason = http::reason_phrase(101);
  response_.fields.remove(FieldId::sec_websocket_accept);
  if (!request.http2) {
    std::string_view key = request.fields.value(FieldId::sec_websocket_key);
    response_.fields.add(FieldId::sec_websocket_accept, arena_.copy(http::websocket_accept(key)),
                         arena_);
  }
  fill_head_ = make_fill_head(*plan_, response_, dial_.address(), dial_.server()->label);
  relay_ = std::make_unique<H2Relay>(resources_.loop, *this, *plan_->tunnel, plan_->tunnel_times);
  go(FetchState::body);
  deadline_.disarm();
  tell();
}

void H2Fetch::open() {
  if (relay_) {
    relay_->open();
    run_tunnel();
  }
}

/// Something came from the client or the origin, or a time has passed.
void H2Fetch::run_tunnel() {
  if (relay_->is_over_time()) {
    fail({Code::timeout, Side::self});
    return;
  }
  if (relay_->from_origin_ended() && loss_ != Loss::none) { // nobody pulls any more
    fail(lost_);
    return;
  }
  bool news = !arrived_.empty() || answer_ == Answer::whole || loss_ != Loss::none;
  if (ended() || (news && relay_->is_awaited())) {
    tell();
  }
  push();
}

bool H2Fetch::ended() const {
  return relay_ ? request_sent_ && relay_->from_origin_ended() : state_ == FetchState::done;
}

/// No head comes on this stream. Once more, where that is safe: the origin has not looked at the
/// request, or the connection was there before and may only have been closed too late (W6.11).
void H2Fetch::lose() {
  if (!may_retry()) {
    fail(lost_);
    return;
  }
  retried_ = true;
  metrics::count(Metric::origin_retries);
  detach();
  deadline_.disarm();
  dial_.again();
  go(FetchState::dial);
  resources_.loop.wake(*this);
}

bool H2Fetch::may_retry() const {
  using http::Method;
  Method method = plan_->request->method;
  bool safe = method == Method::get || method == Method::head || method == Method::options;
  bool unseen = loss_ == Loss::refused && !body_begun_;
  bool broke_off = loss_ == Loss::connection && lost_.code != Code::malformed;
  bool too_late =
      broke_off && dial_.reused() && safe && bytes_in_ == 0 && !plan_->request->framing.has_body();
  return !retried_ && (unseen || too_late);
}

/// The stream is closed, or the connection is; what has arrived may still be taken.
void H2Fetch::forget_stream() {
  if (stream_ != 0) {
    stream_ = 0;
    metrics::sub(Metric::origin_http2_streams);
  }
}

/// Nothing more is wanted of the connection.
void H2Fetch::detach() {
  std::size_t left = arrived_.clear();
  static_cast<ListNode<AskTag>&>(*this).unlink();
  if (connection_ == nullptr) {
    return;
  }
  if (stream_ != 0) {
    connection_->codec().forget(stream_, *this, H2Error::cancel);
    forget_stream();
  }
  connection_->codec().dropped(left);
  connection_->mark();
  connection_ = nullptr;
}

void H2Fetch::fail(const Error& error) {
  error_ = error;
  detach();
  deadline_.disarm();
  plan_->let_body_go();
  go(FetchState::done);
  tell();
}

/// The answer is whole; the rest of a request that is not is not sent.
Pull H2Fetch::finish() {
  deadline_.disarm();
  detach();
  go(FetchState::done);
  return Pull::end;
}

Pull H2Fetch::pull(OutQueue& out, std::size_t room) {
  std::size_t before = out.bytes();
  Pull got = pull_arrived(out, room);
  return relay_ ? relay_->note_pull(got, out.bytes() > before) : got;
}

Pull H2Fetch::pull_arrived(OutQueue& out, std::size_t room) {
  if (error_.code != Code::none) {
    return Pull::failed;
  }
  if (state_ == FetchState::done) {
    return Pull::end;
  }
  if (state_ != FetchState::body) {
    return Pull::blocked;
  }
  room -= prefix_.take(out, room);
  if (!prefix_.empty() || room == 0 || out.slots_free() == 0) {
    return Pull::more;
  }
  std::size_t n = arrived_.take(out, room);
  if (n > 0 && connection_ != nullptr) {
    if (stream_ != 0) {
      connection_->codec().consumed(stream_, n);
    } else {
      connection_->codec().dropped(n);
    }
    connection_->mark();
  }
  if (!arrived_.empty()) {
    return Pull::more;
  }
  bool is_tunnel = relay_ != nullptr; // it ends when both directions have
  if (answer_ == Answer::whole && !is_tunnel) {
    return finish();
  }
  if (!out.empty()) {
    return Pull::more;
  }
  if (loss_ != Loss::none) {
    fail(lost_);
    return Pull::failed;
  }
  if (is_tunnel) {
    return answer_ == Answer::whole ? Pull::end : Pull::blocked;
  }
  waits_ = plan_->body_timeout;
  deadline_.arm(resources_.loop, waits_, *this);
  return Pull::blocked;
}

OriginFacts H2Fetch::facts() const {
  OriginFacts facts;
  facts.address = dial_.address();
  facts.server =
      dial_.server() != nullptr ? std::string_view(dial_.server()->label) : std::string_view{};
  facts.chosen = dial_.server();
  facts.http = dial_.address().valid() ? "2" : "";
  facts.bytes_in = bytes_in_;
  facts.bytes_out = bytes_out_;
  facts.reused = dial_.reused();
  return facts;
}

} // namespace weir::proxy
