// SPDX-License-Identifier: Apache-2.0
//
// H1Session, what it reads: bytes, and as a BodySource the body of the request in work, as its
// consumer asks for it.
#include <algorithm>
#include <cstring>

#include "proxy/h1_session.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
} // namespace

/// False: no byte came. The session may be closed then, or idle.
bool H1Session::read_more() {
  H1Work& work = *work_;
  auto got = transport_->read(work.input->data() + work.end, work.input->capacity() - work.end);
  work.end += static_cast<std::uint32_t>(got.bytes);
  return note_read(got);
}

/// What a read has said, into the input or past it. True: bytes came.
bool H1Session::note_read(const net::IoResult& got) {
  H1Work& work = *work_;
  switch (got.state) {
  case net::IoResult::ok:
    work.exchange.count_in(got.bytes);
    work.pace.moved(got.bytes);
    if (state_ == State::exchange && work.out.empty()) {
      deadline_.disarm(); // for the body: armed anew when nothing is there (body_wait)
    }
    return true;
  case net::IoResult::would_block:
    if (state_ == State::head && !work.parser.begun()) {
      to_idle();
    }
    return false;
  case net::IoResult::end:
    input_ended_ = true;
    if (state_ == State::head) {
      if (work.parser.begun()) {
        state_ = State::exchange;
        body_ = Body::none;
        out_ = Out::waiting;
        deadline_.disarm();
        work.exchange.reject({Code::closed, Side::client});
        return true;
      }
      close();
    }
    return false;
  case net::IoResult::failed:
    lost_ = true; // whoever called may be a task of the exchange: drive() ends it
    resources_.loop.wake(*this);
    return false;
  }
  return false;
}

/// Room for at least so many bytes behind the unread ones; they may move.
bool H1Session::make_room(std::size_t least) {
  H1Work& work = *work_;
  if (work.begin == work.end && work.input->use_count() == 1) {
    work.begin = work.end = 0;
  }
  if (work.input->capacity() - work.end >= least) {
    return true;
  }
  std::string_view unread = work.unread();
  bool large = unread.size() + least > Chunk::kSmall / 2;
  Ref<Chunk> next = large ? Chunk::of_capacity(2 * Chunk::kLarge) : Chunk::small();
  if (unread.size() + least > next->capacity()) {
    return false; // the parser's limits come first
  }
  std::memcpy(next->data(), unread.data(), unread.size());
  work.begin = 0;
  work.end = static_cast<std::uint32_t>(unread.size());
  work.input = std::move(next);
  return true;
}

Pull H1Session::pull_body(OutQueue& out, std::size_t room, event::Task& consumer) {
  work_->body_consumer = &consumer;
  send_continue();
  Pull got = Pull::end;
  switch (body_) {
  case Body::none:
  case Body::ended:
    return Pull::end;
  case Body::failed:
    return Pull::failed;
  case Body::length:
    got = take_length(out, room);
    break;
  case Body::chunked:
    got = take_chunked(out, room);
    break;
  case Body::raw:
    got = take_raw(out, room);
    break;
  }
  if (work_->body_limit > 0 && work_->body_taken > work_->body_limit && body_ != Body::raw) {
    return body_fail(Code::too_large);
  }
  return got;
}

void H1Session::stop_body() {
  if (work_) {
    work_->body_consumer = nullptr;
  }
}

void H1Session::send_continue() {
  if (continue_due_ && out_ == Out::waiting) {
    informational(kContinue);
  }
}

Pull H1Session::take_length(OutQueue& out, std::size_t room) {
  H1Work& work = *work_;
  while (room > 0 && out.slots_free() > 0) {
    if (work.begin == work.end && (!make_room(1024) || !read_more())) {
      return out.empty() ? body_wait() : Pull::more;
    }
    std::size_t n = std::min<std::uint64_t>({room, work.end - work.begin, work.body_left});
    out.push(Slice(work.unread().substr(0, n), work.input));
    work.begin += static_cast<std::uint32_t>(n);
    work.body_left -= n;
    work.body_taken += n;
    room -= n;
    if (work.body_left == 0) {
      body_ = Body::ended;
      deadline_.disarm();
      return Pull::end;
    }
  }
  return Pull::more;
}

Pull H1Session::take_chunked(OutQueue& out, std::size_t room) {
  H1Work& work = *work_;
  while (room > 0 && out.slots_free() > 0) {
    auto piece = work.chunks.next(work.unread(), work.trailers, work.exchange.arena(), room);
    if (!piece) {
      return body_fail(Code::malformed);
    }
    work.begin += static_cast<std::uint32_t>(piece->skip);
    if (piece->data > 0) {
      out.push(Slice(work.unread().substr(0, piece->data), work.input));
      work.begin += static_cast<std::uint32_t>(piece->data);
      work.body_taken += piece->data;
      room -= piece->data;
    }
    if (piece->end) {
      http::Fields own;
      http::copy_fields(work.trailers, own, work.exchange.arena());
      work.trailers = std::move(own);
      body_ = Body::ended;
      deadline_.disarm();
      return Pull::end;
    }
    if (piece->skip == 0 && piece->data == 0) {
      if (!make_room(1024)) {
        return body_fail(Code::head_too_large);
      }
      if (!read_more()) {
        return out.empty() ? body_wait() : Pull::more;
      }
    }
  }
  return Pull::more;
}

/// First what came behind the head.
Pull H1Session::take_raw(OutQueue& out, std::size_t room) {
  H1Work& work = *work_;
  while (room > 0 && out.slots_free() > 0) {
    if (work.begin < work.end) {
      std::size_t n = std::min<std::size_t>(room, work.end - work.begin);
      out.push(Slice(work.unread().substr(0, n), work.input));
      work.begin += static_cast<std::uint32_t>(n);
      work.body_taken += n;
      room -= n;
      continue;
    }
    if (work.reader.is_busy()) {
      return Pull::more; // out has what has to go first
    }
    auto got = work.reader.read(*transport_, out, room);
    if (!note_read(got)) {
      if (input_ended_) {
        body_ = Body::ended;
        return Pull::end;
      }
      return out.empty() ? Pull::blocked : Pull::more;
    }
    work.body_taken += got.bytes;
    room -= got.bytes;
  }
  return Pull::more;
}

/// Nothing there: waits for the client, unless that has ended or failed.
Pull H1Session::body_wait() {
  if (lost_) {
    return body_fail(Code::reset);
  }
  if (input_ended_) {
    return body_fail(Code::closed);
  }
  const config::Options& options = resources_.options(place_);
  if (!work_->pace.waits(options.body_rate_min, options.body_timeout)) {
    return body_fail(Code::timeout);
  }
  deadline_.arm(resources_.loop, options.body_timeout, *this);
  return Pull::blocked;
}

Pull H1Session::body_fail(Code code) {
  work_->body_error = {code, Side::client};
  body_ = Body::failed;
  keep_alive_ = false;
  return Pull::failed;
}

} // namespace weir::proxy
