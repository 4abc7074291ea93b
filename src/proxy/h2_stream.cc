// SPDX-License-Identifier: Apache-2.0
#include "proxy/h2_stream.h"

#include "metrics/metrics.h"
#include "proxy/h2_session.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
} // namespace

void H2Stream::begin(H2Session& session, std::int32_t id) {
  session_ = &session;
  id_ = id;
  state_ = State::head;
  body_ = Body::none;
  out_ = Out::waiting;
  raw_ = empty_ = continue_due_ = stopped_ = slow_ = deferred_ = false;
  taken_ = body_limit_ = 0;
  consumer_ = nullptr;
  trailers_.clear();
  body_error_ = {};
  waits_since_ = Clock::mono();
  pace_ = {};
  exchange_.begin(*this, session.place(), session.ends());
}

void H2Stream::clear() {
  arrived_.clear();
  consumer_ = nullptr;
  session_ = nullptr;
}

const net::TlsFacts* H2Stream::tls() const { return session_->tls(); }

// What the codec tells

void H2Stream::on_head(const Result<void>& good, bool end) {
  state_ = State::exchange;
  body_ = end ? Body::none : Body::open;
  if (!good) {
    exchange_.reject(good.error());
    return;
  }
  const http::RequestHead& head = exchange_.request();
  continue_due_ = head.expect_continue && !end;
  exchange_.start();
}

void H2Stream::on_data(std::string_view bytes) {
  exchange_.count_in(bytes.size());
  pace_.moved(bytes.size());
  waits_since_ = Clock::mono();
  if (stopped_ || body_ != Body::open) {
    session_->codec().consumed(id_, bytes.size());
    return;
  }
  arrived_.add(bytes, session_->input());
  if (consumer_ != nullptr) {
    session_->loop().wake(*consumer_);
  }
}

void H2Stream::on_end() {
  if (body_ == Body::open) {
    body_ = Body::ended;
    if (consumer_ != nullptr) {
      session_->loop().wake(*consumer_);
    }
  }
}

void H2Stream::on_closed(std::uint32_t error) {
  bool ours = state_ == State::over;
  state_ = State::over;
  drop_body();
  if (ours) {
    session_->gone(*this, false);
    return;
  }
  if (out_ == Out::ended && error == 0) {
    session_->gone(*this, true);
    return;
  }
  if (out_ == Out::cut) {
    exchange_.delivered();
  } else {
    bool fault = error == static_cast<std::uint32_t>(http::H2Error::protocol);
    exchange_.abandon({fault ? Code::malformed : Code::reset, Side::client});
  }
  session_->gone(*this, false);
}

Pull H2Stream::pull_body(OutQueue& out, std::size_t room) {
  if (out_ != Out::body) {
    return out_ == Out::ended ? Pull::end : Pull::blocked;
  }
  waits_since_ = Clock::mono();
  Pull got = exchange_.pull(out, room);
  if (!out.empty()) {
    session_->note_moved();
  }
  deferred_ = got == Pull::blocked;
  if (got == Pull::end) {
    out_ = Out::ended;
    session_->answered(id_, raw_ || body_ != Body::open);
  } else if (got == Pull::failed) {
    out_ = Out::cut;
  }
  return got;
}

void H2Stream::on_sent(std::size_t bytes) {
  exchange_.count_out(bytes);
  waits_since_ = Clock::mono();
  pace_.moved(bytes);
  if (has_more() && !session_->codec().has_room(id_, bytes)) { // these go off it
    slow_ = slow_ || !session_->keeps(pace_);
  }
}

// What the Exchange asks

void H2Stream::respond(const Answer& answer) {
  if (state_ == State::over) {
    return;
  }
  raw_ = answer.raw;
  // An empty one is told with the head: a gRPC client takes trailers from there only then.
  empty_ = answer.has_body && answer.framing == http::Framing{http::Framing::Kind::length, 0};
  bool body = (answer.has_body && !empty_) || answer.raw;
  out_ = body ? Out::body : Out::ended;
  http::Framing framing = answer.raw ? http::Framing{} : answer.framing;
  session_->codec().respond(id_, answer.status, answer.head, answer.extra, framing, body);
  if (!body) {
    session_->answered(id_, body_ != Body::open);
  }
  session_->mark();
}

void H2Stream::body_ready() {
  if (state_ == State::exchange && out_ == Out::body) {
    deferred_ = false;
    session_->codec().resume(id_);
    session_->mark();
  } else if (raw_ && out_ == Out::ended && body_ == Body::open && exchange_.ended()) {
    body_ = Body::ended; // nobody takes more of the client's
    session_->answered(id_, false);
    session_->mark();
  }
}

void H2Stream::informational(std::string_view head) {
  if (state_ != State::exchange || out_ != Out::waiting) {
    return;
  }
  if (head.starts_with("HTTP/1.1 100")) {
    if (!continue_due_) {
      return;
    }
    continue_due_ = false;
  }
  metrics::count(metrics::Metric::responses_1xx);
  session_->codec().informational(id_, head);
  session_->mark();
}

void H2Stream::cut() {
  if (state_ == State::exchange) {
    out_ = Out::cut;
    session_->codec().reset(id_, http::H2Error::internal);
    session_->mark();
  }
}

Pull H2Stream::pull_body(OutQueue& out, std::size_t room, event::Task& consumer) {
  consumer_ = &consumer;
  if (continue_due_) {
    informational(kContinue);
  }
  std::size_t n = arrived_.take(out, room);
  if (n > 0) {
    taken_ += n;
    session_->codec().consumed(id_, n);
    session_->mark();
  }
  if (body_limit_ > 0 && taken_ > body_limit_ && !raw_) {
    return fail_body(Code::too_large);
  }
  if (!arrived_.empty()) {
    return Pull::more;
  }
  switch (body_) {
  case Body::none:
  case Body::ended:
    return Pull::end;
  case Body::failed:
    return Pull::failed;
  case Body::open:
    break;
  }
  if (n == 0 && out_ == Out::waiting && !raw_ && !session_->keeps(pace_)) {
    return fail_body(Code::timeout);
  }
  return n > 0 ? Pull::more : Pull::blocked;
}

Pull H2Stream::fail_body(Code code) {
  body_error_ = {code, Side::client};
  body_ = Body::failed;
  return Pull::failed;
}

/// What waits is dropped, and the windows of the client go on.
void H2Stream::drop_body() {
  std::size_t left = arrived_.clear();
  if (left > 0 && state_ == State::over) {
    session_->codec().dropped(left);
  } else if (left > 0) {
    session_->codec().consumed(id_, left);
  }
}

void H2Stream::stop_body() {
  consumer_ = nullptr;
  stopped_ = true;
  drop_body();
}

// Time, and the end

bool H2Stream::is_stalled() const noexcept {
  bool owes_body = body_ == Body::open && consumer_ != nullptr && arrived_.empty() && !raw_ &&
                   out_ == Out::waiting;
  // A stream that has room, on a connection that moves, waits for streams that go before it.
  bool owes_room = out_ == Out::body && !deferred_ &&
                   (!session_->codec().has_room(id_) || !session_->has_moved());
  return state_ == State::exchange && (owes_body || owes_room);
}

void H2Stream::time_out() {
  if (out_ == Out::waiting) {
    fail_body(Code::timeout);
    session_->loop().wake(*consumer_);
    return;
  }
  session_->codec().reset(id_, http::H2Error::cancel);
  abandon({Code::timeout, Side::client});
}

void H2Stream::finish() {
  if (empty_) { // its source has ended only when somebody has asked for more of it
    OutQueue nothing;
    exchange_.pull(nothing, 1);
  }
  exchange_.delivered();
}

void H2Stream::abandon(const Error& why) {
  state_ = State::over;
  exchange_.abandon(why);
  stop_body();
}

} // namespace weir::proxy
