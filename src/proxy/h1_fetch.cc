// SPDX-License-Identifier: Apache-2.0
#include "proxy/h1_fetch.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "http/h1_writer.h"
#include "http/websocket.h"
#include "metrics/metrics.h"
#include "proxy/fields_edit.h"
#include "proxy/fill_head.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {
constexpr std::uint64_t kLargeBody = 256 * 1024; // above it, bodies are read into large chunks
constexpr std::size_t kMostInterims = 16;
constexpr std::size_t kBodyRoom = 128 * 1024;
} // namespace

H1Fetch::H1Fetch(Resources& resources, std::unique_ptr<FetchPlan> plan)
    : resources_(resources), plan_(std::move(plan)),
      dial_(resources.loop, resources.resolver, resources.connections, resources.own_addresses(),
            *this, *plan_),
      parser_(plan_->limits), chunks_(Side::origin, plan_->limits) {}

H1Fetch::~H1Fetch() {
  metrics::count(metrics::Metric::origin_bytes_in, bytes_in_);
  metrics::count(metrics::Metric::origin_bytes_out, bytes_out_);
  plan_->let_body_go();
}

void H1Fetch::start(event::Task& consumer) {
  consumer_ = &consumer;
  plan_->request_time = Clock::wall();
  dial_.start(plan_->dial);
  trail_.push(static_cast<std::uint8_t>(state_));
  run();
}

void H1Fetch::hand_to(event::Task& consumer) {
  consumer_ = &consumer;
  tell();
}

void H1Fetch::keep_request() {
  plan_->keep_request();
  plan_->let_body_go(); // all of it was taken
}

void H1Fetch::go(FetchState state) {
  state_ = state;
  trail_.push(static_cast<std::uint8_t>(state));
}

void H1Fetch::tell() { resources_.loop.wake(*consumer_); }

void H1Fetch::run() {
  if (relay_) {
    relay_->run(*consumer_);
    return;
  }
  if (state_ == FetchState::dial) {
    switch (dial_.step()) {
    case Dial::State::ready:
      begin_sending();
      break;
    case Dial::State::failed:
      fail(dial_.error());
      return;
    case Dial::State::resolve:
    case Dial::State::queue:
    case Dial::State::connect:
    case Dial::State::secure:
      return;
    }
  }
  if (deadline_.passed()) {
    fail({Code::timeout, Side::origin});
    return;
  }
  if (state_ == FetchState::send && !send()) {
    return;
  }
  if (state_ == FetchState::send || state_ == FetchState::head) {
    if (!may_have_answered() || !read_head()) {
      return;
    }
  }
  if (state_ == FetchState::body) {
    if (!request_sent_ && !send()) {
      return;
    }
    tell();
  }
}

void H1Fetch::begin_sending() {
  connection_ = dial_.take_connection();
  parser_.reset();
  arena_.reset();
  head_.clear();
  begin_ = end_ = 0;
  out_.clear();
  out_.push(Slice(std::string_view(plan_->head)));
  head_sent_ = true;
  request_sent_ = false;
  send_failed_ = false;
  go(FetchState::send);
  deadline_.arm(resources_.loop, plan_->answer_timeout, *this);
  metrics::count(dial_.reused() ? metrics::Metric::origin_connections_reused
                                : metrics::Metric::origin_connections_opened);
}

/// Without a system call: most answers come after the run that has sent the request.
bool H1Fetch::may_have_answered() const {
  const net::Transport& transport = connection_->transport();
  return transport.readable() || transport.end_seen() || send_failed_;
}

/// Writes head and body as the socket takes them. False: the fetch is over, or starts again.
bool H1Fetch::send() {
  while (!request_sent_) {
    Pull got = plan_->body != nullptr ? Pull::more : Pull::end;
    if (plan_->body != nullptr && out_.slots_free() >= 4) {
      got = take_body();
      if (got == Pull::failed) {
        fail(plan_->body->body_error());
        return false;
      }
    }
    std::size_t before = out_.bytes();
    if (before > 0) {
      auto sent = connection_->transport().write(out_);
      bytes_out_ += before - out_.bytes();
      if (sent.state == net::IoResult::failed) {
        // It may have answered before it closed: that is looked at first.
        send_failed_ = true;
        out_.clear();
        request_sent_ = true;
        if (state_ == FetchState::send) {
          go(FetchState::head);
        }
        return true;
      }
      if (sent.state == net::IoResult::would_block) {
        return true;
      }
      deadline_.arm(resources_.loop, plan_->answer_timeout, *this);
    }
    if (got == Pull::end && out_.empty()) {
      request_sent_ = true;
      if (state_ == FetchState::send) {
        go(FetchState::head);
      }
    } else if (got == Pull::blocked) {
      if (state_ == FetchState::send) {
        deadline_.disarm(); // the client's own deadline runs
      }
      return true;
    }
  }
  return true;
}

Pull H1Fetch::take_body() {
  if (!plan_->body_chunked) {
    return plan_->body->pull_body(out_, kBodyRoom, *this);
  }
  OutQueue piece(out_.slots_free() - 3);
  Pull got = plan_->body->pull_body(piece, kBodyRoom, *this);
  if (!piece.empty()) {
    std::array<char, 24> line;
    http::H1Writer writer(line.data(), line.size());
    writer.chunk_size(piece.bytes());
    out_.push_copy(writer.bytes());
    while (!piece.empty()) {
      out_.push(piece.pop());
    }
    out_.push_copy("\r\n");
  }
  if (got == Pull::end) {
    const http::Fields& trailers = plan_->body->body_trailers();
    Ref<Chunk> chunk = Chunk::of_capacity(trailers.empty() ? 16 : 2 * Chunk::kLarge);
    http::H1Writer writer(chunk->data(), chunk->capacity());
    writer.last_chunk(trailers);
    out_.push(writer.ok() ? Slice(writer.bytes(), chunk) : Slice(std::string_view("0\r\n\r\n")));
    plan_->let_body_go(); // all of it was taken
  }
  return got;
}

/// True: the head is there. False: wait, or the fetch is over or starts again.
bool H1Fetch::read_head() {
  while (true) {
    if (begin_ < end_) {
      auto progress = parser_.parse_response(unread(), plan_->request->method, head_, arena_);
      if (!progress) {
        fail(progress.error());
        return false;
      }
      if (progress->complete) {
        begin_ += static_cast<std::uint32_t>(progress->size);
        parser_.reset();
        if (http::is_informational(head_.status)) {
          if (head_.status == 101) {
            return switch_protocols();
          }
          interim();
          continue;
        }
        return take_head();
      }
    }
    make_room();
    if (!read_more()) {
      return false;
    }
  }
}

void H1Fetch::interim() {
  if (head_.status != 100 && interims_.size() < kMostInterims) {
    interims_.push_back(write_interim(head_));
    tell();
  }
  head_.clear();
}

std::string H1Fetch::take_interim() {
  if (interims_.empty()) {
    return {};
  }
  std::string first = std::move(interims_.front());
  interims_.erase(interims_.begin());
  return first;
}

bool H1Fetch::take_head() {
  FinalHead judged = judge_head(*plan_, head_, connection_->address(),
                                dial_.server() != nullptr ? dial_.server()->label : "");
  if (judged.error.code != Code::none) {
    fail(judged.error);
    return false;
  }
  if (judged.revalidated) {
    revalidated_ = std::move(judged.revalidated);
    body_left_ = 0;
    finish();
    tell();
    return false;
  }
  if (judged.joins) {
    prefix_.assign(plan_->partial->parts()->prefix()->slices);
  }
  fill_head_ = std::move(judged.answer);
  body_left_ = head_.framing.length;
  large_ = head_.framing.kind != http::Framing::Kind::none &&
           (body_left_ > kLargeBody || head_.framing.kind != http::Framing::Kind::length);
  go(FetchState::body);
  deadline_.disarm();
  return true;
}

/// False: no byte came; waiting, or the fetch is over.
bool H1Fetch::read_more() {
  auto got = connection_->transport().read(input_->data() + end_, input_->capacity() - end_);
  switch (got.state) {
  case net::IoResult::ok:
    end_ += static_cast<std::uint32_t>(got.bytes);
    bytes_in_ += got.bytes;
    if (state_ == FetchState::body) {
      deadline_.disarm(); // armed anew when nothing is there; the consumer may take its time
    }
    return true;
  case net::IoResult::would_block:
    return false;
  case net::IoResult::end:
    on_closed(Code::closed, 0);
    return false;
  case net::IoResult::failed:
    on_closed(Code::reset, got.sys);
    return false;
  }
  return false;
}

void H1Fetch::make_room() {
  if (!input_) {
    input_ = Chunk::small();
  }
  if (begin_ == end_ && input_->use_count() == 1 && state_ == FetchState::body && fill_head_) {
    begin_ = end_ = 0;
  }
  std::size_t least = state_ == FetchState::body ? 1024 : 1;
  if (input_->capacity() - end_ >= least) {
    return;
  }
  std::string_view left = unread();
  bool whole_head = state_ != FetchState::body && left.size() > Chunk::kSmall / 2;
  Ref<Chunk> next = whole_head || left.size() + least > Chunk::kSmall / 2
                        ? Chunk::of_capacity(2 * Chunk::kLarge)
                        : (large_ ? Chunk::large() : Chunk::small());
  std::memcpy(next->data(), left.data(), left.size());
  begin_ = 0;
  end_ = static_cast<std::uint32_t>(left.size());
  input_ = std::move(next);
}

/// The origin has closed. Before any byte of an answer, and on a connection that was used before,
/// it may only have been too late: once more, where that is safe (W6.11).
void H1Fetch::on_closed(Code code, int sys) {
  if (state_ == FetchState::body) {
    bool is_the_end =
        code == Code::closed && head_.framing.kind == http::Framing::Kind::until_close;
    if (is_the_end) {
      body_left_ = 0;
      go(FetchState::done);
    } else {
      fail({code, Side::origin, Retry::no, sys});
    }
    return;
  }
  if (may_retry()) {
    retried_ = true;
    metrics::count(metrics::Metric::origin_retries);
    connection_.reset();
    deadline_.disarm();
    dial_.again();
    go(FetchState::dial);
    resources_.loop.wake(*this);
    return;
  }
  fail({code, Side::origin, Retry::no, sys});
}

bool H1Fetch::may_retry() const {
  using http::Method;
  Method method = plan_->request->method;
  bool safe = method == Method::get || method == Method::head || method == Method::options;
  return dial_.reused() && !retried_ && safe && !plan_->request->framing.has_body() && end_ == 0 &&
         bytes_in_ == 0;
}

void H1Fetch::fail(const Error& error) {
  error_ = error;
  connection_.reset();
  deadline_.disarm();
  plan_->let_body_go();
  go(FetchState::done);
  tell();
}

/// The body is complete: the connection goes back, if nothing speaks against it.
Pull H1Fetch::finish() {
  deadline_.disarm();
  if (connection_ && head_.keep_alive && request_sent_ && begin_ == end_) {
    dial_.keep(std::move(connection_), plan_->origin_idle);
  }
  connection_.reset();
  if (state_ != FetchState::done) {
    go(FetchState::done);
  }
  return Pull::end;
}

/// From here on the connection is a tunnel, if that was asked for (W6.8). False, always.
bool H1Fetch::switch_protocols() {
  using http::FieldId;
  http::ListReader protocols(head_.fields, FieldId::upgrade);
  auto first = protocols.next();
  bool good = plan_->websocket && request_sent_ && first && http::iequals(*first, "websocket") &&
              !protocols.next();
  if (const std::string& key = plan_->websocket_key; good && !key.empty()) { // ours to look at
    good = head_.fields.value(FieldId::sec_websocket_accept) == http::websocket_accept(key);
    head_.fields.remove_if(
        [](const http::Field& field) { return field.id == FieldId::sec_websocket_accept; });
  }
  if (!good) {
    fail({Code::malformed, Side::origin});
    return false;
  }
  fill_head_ = make_fill_head(*plan_, head_, connection_->address(),
                              dial_.server() != nullptr ? dial_.server()->label : "");
  deadline_.disarm();
  relay_ = std::make_unique<Relay>(resources_.loop, *this, std::move(connection_), *plan_->tunnel,
                                   plan_->tunnel_times, Slice(unread(), input_));
  go(FetchState::body);
  tell();
  return false;
}

void H1Fetch::open() {
  if (relay_) {
    relay_->open();
    relay_->run(*consumer_);
  }
}

void H1Fetch::break_tunnel() {
  if (relay_) {
    relay_->break_off();
  }
}

Pull H1Fetch::pull(OutQueue& out, std::size_t room) {
  if (relay_) {
    return relay_->pull(out, room);
  }
  if (error_.code != Code::none) {
    return Pull::failed;
  }
  if (state_ == FetchState::done) {
    return Pull::end;
  }
  if (state_ != FetchState::body) {
    return Pull::blocked;
  }
  if (take_prefix(out, room)) {
    return Pull::more;
  }
  switch (head_.framing.kind) {
  case http::Framing::Kind::none:
    return finish();
  case http::Framing::Kind::length:
    return take_length(out, room);
  case http::Framing::Kind::chunked:
    return take_chunked(out, room);
  case http::Framing::Kind::until_close:
    return take_until_close(out, room);
  }
  return Pull::failed;
}

Pull H1Fetch::wait_for_body() {
  if (error_.code != Code::none) {
    return Pull::failed;
  }
  deadline_.arm(resources_.loop, plan_->body_timeout, *this);
  return Pull::blocked;
}

/// What goes before the origin's own bytes. Whether the queue has what it has room for.
bool H1Fetch::take_prefix(OutQueue& out, std::size_t& room) {
  room -= prefix_.take(out, room);
  return !prefix_.empty() || room == 0 || out.slots_free() == 0;
}

Pull H1Fetch::take_length(OutQueue& out, std::size_t room) {
  while (body_left_ > 0 && room > 0 && out.slots_free() > 0) {
    if (begin_ == end_) {
      make_room();
      if (!read_more()) {
        return out.empty() ? wait_for_body() : Pull::more;
      }
    }
    std::size_t n = std::min<std::uint64_t>({room, end_ - begin_, body_left_});
    out.push(Slice(unread().substr(0, n), input_));
    begin_ += static_cast<std::uint32_t>(n);
    body_left_ -= n;
    room -= n;
  }
  return body_left_ == 0 ? finish() : Pull::more;
}

Pull H1Fetch::take_chunked(OutQueue& out, std::size_t room) {
  while (room > 0 && out.slots_free() > 0) {
    if (begin_ < end_) {
      auto piece = chunks_.next(unread(), trailers_, arena_, room);
      if (!piece) {
        fail({Code::malformed, Side::origin});
        return Pull::failed;
      }
      begin_ += static_cast<std::uint32_t>(piece->skip);
      if (piece->data > 0) {
        out.push(Slice(unread().substr(0, piece->data), input_));
        begin_ += static_cast<std::uint32_t>(piece->data);
        room -= piece->data;
      }
      if (piece->end) {
        http::Fields own;
        http::copy_fields(trailers_, own, arena_);
        trailers_ = std::move(own);
        return finish();
      }
      if (piece->skip != 0 || piece->data != 0) {
        continue;
      }
    }
    make_room();
    if (!read_more()) {
      return out.empty() ? wait_for_body() : Pull::more;
    }
  }
  return Pull::more;
}

Pull H1Fetch::take_until_close(OutQueue& out, std::size_t room) {
  while (room > 0 && out.slots_free() > 0) {
    if (begin_ == end_) {
      make_room();
      if (!read_more()) {
        if (state_ == FetchState::done && error_.code == Code::none) {
          return finish();
        }
        return out.empty() ? wait_for_body() : Pull::more;
      }
    }
    std::size_t n = std::min<std::size_t>(room, end_ - begin_);
    out.push(Slice(unread().substr(0, n), input_));
    begin_ += static_cast<std::uint32_t>(n);
    room -= n;
  }
  return Pull::more;
}

OriginFacts H1Fetch::facts() const {
  OriginFacts facts;
  facts.address = dial_.address();
  facts.server =
      dial_.server() != nullptr ? std::string_view(dial_.server()->label) : std::string_view{};
  facts.http = head_sent_ ? "1.1" : "";
  facts.bytes_in = bytes_in_ + (relay_ ? relay_->bytes_in() : 0);
  facts.bytes_out = bytes_out_ + (relay_ ? relay_->bytes_out() : 0);
  facts.reused = dial_.reused();
  return facts;
}

} // namespace weir::proxy
