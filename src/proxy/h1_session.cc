// SPDX-License-Identifier: Apache-2.0
#include "proxy/h1_session.h"

#include <algorithm>
#include <array>

#include "http/h1_writer.h"
#include "metrics/metrics.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerMost = 256 * 1024;
constexpr std::size_t kRunBudget = 256 * 1024; // bytes written a run, then others have their turn
constexpr std::size_t kPullRoom = 256 * 1024;
} // namespace

H1Work::H1Work(Resources& resources) : chunks(Side::client), exchange(resources) {}

/// Back in the pool, it holds nothing of the connection it served.
void H1Work::clear() {
  input = nullptr;
  head_chunk = nullptr;
  begin = end = 0;
  out.clear();
  out.take_pipes(false);
  reader.clear();
  body_consumer = nullptr;
}

H1Session::H1Session(Resources& resources, const ListenPlace& place, const Ends& ends)
    : resources_(resources), place_(place), ends_(ends) {}

H1Session::~H1Session() {
  resources_.leave(ends_.client);
  if (work_) {
    resources_.give_back(std::move(work_));
  }
}

bool H1Session::open(net::Fd fd) {
  auto plain = std::make_unique<net::PlainTransport>();
  if (!plain->open(resources_.loop, std::move(fd), *this)) {
    return false;
  }
  transport_ = std::move(plain);
  deadline_.arm(resources_.loop, resources_.options(place_).client_idle_timeout, *this);
  return true;
}

void H1Session::open(std::unique_ptr<net::Transport> transport) {
  transport_ = std::move(transport);
  transport_->set_task(*this);
  deadline_.arm(resources_.loop, resources_.options(place_).client_idle_timeout, *this);
  resources_.loop.wake(*this); // what the last edge told is still true
}

void H1Session::run() {
  running_ = true;
  drive();
  running_ = false;
}

void H1Session::wake_self() {
  if (!running_) {
    resources_.loop.wake(*this);
  }
}

void H1Session::drive() {
  if (lost_) {
    client_gone(Code::reset, 0);
    return;
  }
  if (deadline_.passed() && !deadline_passed()) {
    return;
  }
  while (true) {
    switch (state_) {
    case State::idle:
      if (!begin_request()) {
        return;
      }
      break;
    case State::head:
      if (!read_head()) {
        return;
      }
      break;
    case State::exchange:
      if (!pump()) {
        return;
      }
      break;
    case State::lingering:
      if (!drain_input()) {
        return;
      }
      break;
    case State::closed:
      return;
    }
  }
}

/// False: there is nothing more to do in this run.
bool H1Session::deadline_passed() {
  deadline_.disarm();
  switch (state_) {
  case State::idle:
  case State::lingering:
    close();
    return false;
  case State::head:
    if (!work_->parser.begun()) {
      close();
      return false;
    }
    state_ = State::exchange;
    work_->exchange.reject({Code::timeout, Side::client});
    return true;
  case State::exchange: // the client does not read, or does not send its body
    if (work_->out.empty() && out_ == Out::waiting && body_ != Body::raw) {
      body_fail(Code::timeout);
      if (work_->body_consumer != nullptr) {
        resources_.loop.wake(*work_->body_consumer);
      }
      return true;
    }
    client_gone(Code::timeout, 0);
    return false;
  case State::closed:
    return false;
  }
  return false;
}

bool H1Session::begin_request() {
  if (!transport_->readable()) {
    if (transport_->end_seen()) {
      close();
    }
    return false;
  }
  work_ = resources_.lend_work();
  work_->input = Chunk::small();
  state_ = State::head;
  work_->pace = {};
  work_->exchange.begin(*this, place_, ends_);
  work_->parser = http::H1Parser(work_->exchange.limits());
  return true;
}

bool H1Session::read_head() {
  H1Work& work = *work_;
  while (true) {
    if (work.begin < work.end) {
      bool first = !work.parser.begun();
      auto progress =
          work.parser.parse_request(work.unread(), work.exchange.request(), work.exchange.arena());
      if (first && work.parser.begun()) {
        deadline_.arm(resources_.loop, resources_.options(place_).header_timeout, *this);
      }
      if (!progress) {
        state_ = State::exchange;
        keep_alive_ = false;
        body_ = Body::none;
        out_ = Out::waiting;
        deadline_.disarm();
        work.exchange.reject(progress.error());
        return true;
      }
      if (progress->complete) {
        request_complete(progress->size);
        return true;
      }
    }
    if (!make_room(1) || !read_more()) {
      return false;
    }
    if (state_ != State::head) {
      return true; // the client ended within a head: that has been refused
    }
  }
}

void H1Session::request_complete(std::size_t head_size) {
  H1Work& work = *work_;
  const http::RequestHead& head = work.exchange.request();
  work.head_chunk = work.input;
  work.begin += static_cast<std::uint32_t>(head_size);
  work.body_left = head.framing.length;
  work.body_taken = 0;
  work.body_limit = 0;
  work.body_consumer = nullptr;
  work.body_error = {};
  work.trailers.clear();
  continue_due_ = head.expect_continue && head.framing.has_body();
  keep_alive_ = head.keep_alive;
  out_ = Out::waiting;
  if (head.framing.kind == http::Framing::Kind::chunked) {
    body_ = Body::chunked;
    work.chunks = http::ChunkedReader(Side::client, work.exchange.limits());
  } else {
    body_ = work.body_left > 0 ? Body::length : Body::none;
  }
  state_ = State::exchange;
  deadline_.disarm();
  work.exchange.start();
}

// The answer.

void H1Session::respond(const Answer& answer) {
  H1Work& work = *work_;
  work.answer = answer;
  const http::RequestHead& head = work.exchange.request();
  bool old_client = head.minor_version == 0;
  if (answer.raw) {
    keep_alive_ = false;
    body_ = Body::raw;
    work.out.take_pipes(transport_->plain() != nullptr);
  } else if (answer.close || draining_ || (body_ != Body::ended && !skip_rest_of_body())) {
    keep_alive_ = false;
  }
  chunked_out_ = false;
  std::array<char, 128> framing;
  http::H1Writer writer(framing.data(), framing.size());
  using Kind = http::Framing::Kind;
  switch (answer.framing.kind) {
  case Kind::length:
    writer.field(http::FieldId::content_length, answer.framing.length);
    break;
  case Kind::chunked:
  case Kind::until_close:
    if (old_client) {
      keep_alive_ = keep_alive_ && !answer.has_body;
    } else if (answer.has_body) {
      chunked_out_ = true;
      writer.field(http::FieldId::transfer_encoding, "chunked");
    }
    break;
  case Kind::none:
    break;
  }
  if (!answer.raw) {
    if (!keep_alive_) {
      writer.field(http::FieldId::connection, "close");
    } else if (old_client) {
      writer.field(http::FieldId::connection, "keep-alive");
    }
  }
  writer.end_head();
  work.out.push(Slice(answer.head));
  if (!work.out.push_copy(answer.extra)) {
    work.out.push(Slice(answer.extra));
  }
  if (!work.out.push_copy(writer.bytes())) {
    panic("H1Session::respond: no room for framing");
  }
  out_ = answer.has_body || answer.raw ? Out::body : Out::ended;
  wake_self();
}

void H1Session::body_ready() { wake_self(); }

void H1Session::informational(std::string_view head) {
  H1Work& work = *work_;
  if (work.exchange.request().minor_version == 0 || out_ != Out::waiting) {
    return;
  }
  bool is_continue = head.starts_with("HTTP/1.1 100");
  if (is_continue && !continue_due_) {
    return; // sent already, or nobody waits for it
  }
  continue_due_ = continue_due_ && !is_continue;
  if (work.out.slots_free() > 4 && work.out.push_copy(head)) {
    metrics::count(metrics::Metric::responses_1xx);
    wake_self();
  }
}

void H1Session::cut() {
  out_ = Out::cut;
  wake_self();
}

/// True: go on in drive(). False: wait, or the session is closed.
bool H1Session::pump() {
  H1Work& work = *work_;
  if (!look_at_client()) {
    return false;
  }
  std::size_t written = 0;
  while (true) {
    Pull got = Pull::more;
    if (out_ == Out::body && work.out.slots_free() >= 4) {
      got = fill_queue();
    }
    if (!work.out.empty()) {
      std::size_t before = work.out.bytes();
      auto sent = transport_->write(work.out);
      written += before - work.out.bytes();
      work.exchange.count_out(before - work.out.bytes());
      work.pace.moved(before - work.out.bytes());
      if (sent.state == net::IoResult::failed) {
        client_gone(Code::reset, sent.sys);
        return false;
      }
      if (sent.state == net::IoResult::would_block) {
        const config::Options& options = resources_.options(place_);
        if (!work.answer.raw && !work.pace.waits(options.body_rate_min, options.body_timeout)) {
          client_gone(Code::timeout, 0);
          return false;
        }
        deadline_.arm(resources_.loop, options.body_timeout, *this);
        return false;
      }
      if (body_ != Body::length && body_ != Body::chunked) {
        deadline_.disarm();
      }
    }
    if (out_ == Out::ended && work.out.empty()) {
      return finish_exchange();
    }
    if (out_ == Out::cut && work.out.empty()) {
      work.exchange.delivered();
      if (!chunked_out_ && work.answer.framing.kind != http::Framing::Kind::length) {
        transport_->reset(); // only a reset tells a cut body from its end
      }
      close();
      return false;
    }
    if (out_ == Out::waiting || got == Pull::blocked) {
      return false;
    }
    if (written > kRunBudget) {
      resources_.loop.wake(*this);
      return false;
    }
  }
}

/// What the client did while an exchange is at work. False: it is gone.
bool H1Session::look_at_client() {
  H1Work& work = *work_;
  if (work.body_consumer != nullptr) {
    if (transport_->readable()) {
      resources_.loop.wake(*work.body_consumer);
    }
  } else if ((transport_->readable() || transport_->end_seen()) && !input_ended_ &&
             make_room(1024)) {
    // Only a read tells a client that asks more, or has asked all it wants, from one that is gone.
    while (work.end < work.input->capacity() && read_more()) {
    }
    return !lost_;
  }
  return true;
}

Pull H1Session::fill_queue() {
  H1Work& work = *work_;
  if (chunked_out_) {
    return fill_chunked();
  }
  Pull got = work.exchange.pull(work.out, kPullRoom);
  if (got == Pull::end) {
    if (work.answer.raw) {
      if (work.out.empty()) {
        if (!work.exchange.ended()) {
          transport_->shutdown_write(); // the other direction goes on
          return Pull::blocked;
        }
        out_ = Out::ended;
      }
      return Pull::end;
    }
    out_ = Out::ended;
  } else if (got == Pull::failed) {
    out_ = Out::cut;
  }
  return got;
}

Pull H1Session::fill_chunked() {
  H1Work& work = *work_;
  OutQueue piece(work.out.slots_free() - 3);
  Pull got = work.exchange.pull(piece, kPullRoom);
  if (!piece.empty()) {
    std::array<char, 24> line;
    http::H1Writer writer(line.data(), line.size());
    writer.chunk_size(piece.bytes());
    if (!work.out.push_copy(writer.bytes())) {
      panic("H1Session: no room for a chunk line");
    }
    while (!piece.empty()) {
      work.out.push(piece.pop());
    }
    work.out.push_copy("\r\n");
  }
  if (got == Pull::end) {
    end_body(work.exchange.trailers());
    out_ = Out::ended;
  } else if (got == Pull::failed) {
    out_ = Out::cut;
  }
  return got;
}

void H1Session::end_body(const http::Fields& trailers) {
  H1Work& work = *work_;
  if (trailers.empty()) {
    work.out.push_copy("0\r\n\r\n");
    return;
  }
  Ref<Chunk> chunk = Chunk::of_capacity(2 * Chunk::kLarge);
  http::H1Writer writer(chunk->data(), chunk->capacity());
  writer.last_chunk(trailers);
  if (!writer.ok()) {
    work.out.push_copy("0\r\n\r\n");
    return;
  }
  work.out.push(Slice(writer.bytes(), chunk));
}

/// Everything is with the kernel.
bool H1Session::finish_exchange() {
  H1Work& work = *work_;
  work.exchange.delivered();
  if (!keep_alive_ || draining_) {
    if (body_ == Body::raw || input_ended_ || (body_ == Body::none && work.begin == work.end)) {
      close();
      return false;
    }
    linger();
    return true;
  }
  work.head_chunk = nullptr;
  if (work.begin == work.end && input_ended_) {
    close(); // its end was read with the request: no edge will tell it again
    return false;
  }
  if (work.begin == work.end && !transport_->readable()) {
    to_idle();
    return false;
  }
  make_room(1024);
  state_ = State::head;
  work.pace = {};
  work.exchange.begin(*this, place_, ends_);
  work.parser = http::H1Parser(work.exchange.limits());
  deadline_.arm(resources_.loop, resources_.options(place_).client_idle_timeout, *this);
  return true;
}

/// Whether the request's body is all here: then it is dropped, and the connection can go on.
bool H1Session::skip_rest_of_body() {
  H1Work& work = *work_;
  if (body_ == Body::none) {
    return true;
  }
  if (body_ != Body::length || continue_due_ || work.body_left > work.end - work.begin ||
      work.body_consumer != nullptr) {
    return false;
  }
  work.begin += static_cast<std::uint32_t>(work.body_left);
  work.body_left = 0;
  body_ = Body::ended;
  return true;
}

void H1Session::to_idle() {
  resources_.give_back(std::move(work_));
  state_ = State::idle;
  if (draining_) {
    close();
    return;
  }
  deadline_.arm(resources_.loop, resources_.options(place_).client_idle_timeout, *this);
}

void H1Session::linger() {
  state_ = State::lingering;
  transport_->shutdown_write();
  work_->body_taken = 0;
  deadline_.arm(resources_.loop, kLingerTime, *this);
}

/// Reads and drops, so that the client gets the answer instead of a reset.
bool H1Session::drain_input() {
  H1Work& work = *work_;
  if (work.input->use_count() > 1) {
    work.head_chunk = nullptr;
    work.input = Chunk::small();
  }
  while (true) {
    auto got = transport_->read(work.input->data(), work.input->capacity());
    if (got.state == net::IoResult::would_block) {
      return false;
    }
    work.body_taken += got.bytes;
    if (got.state != net::IoResult::ok || work.body_taken > kLingerMost) {
      close();
      return false;
    }
  }
}

void H1Session::client_gone(Code code, int sys) {
  bool begun = state_ == State::exchange || (state_ == State::head && work_->parser.begun());
  if (begun) {
    work_->exchange.abandon({code, Side::client, Retry::no, sys});
  }
  transport_->reset();
  close();
}

void H1Session::close() {
  if (state_ == State::closed) {
    return;
  }
  state_ = State::closed;
  deadline_.disarm();
  transport_->close();
  static_cast<ListNode<event::RunTag>&>(*this).unlink();
  static_cast<ListNode<SessionTag>&>(*this).unlink();
  resources_.loop.retire(std::unique_ptr<event::Task>(this));
}

void H1Session::end() {
  if (state_ == State::exchange || state_ == State::head) {
    work_->exchange.abandon({Code::stopped, Side::self});
  }
  close();
}

void H1Session::drain() {
  draining_ = true;
  if (state_ == State::idle && !transport_->readable()) {
    close();
  }
}

} // namespace weir::proxy
