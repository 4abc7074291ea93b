// SPDX-License-Identifier: Apache-2.0
//
// H1Session as a BodySource: the body of the request in work, as its consumer asks for it.
#include <algorithm>

#include "proxy/h1_session.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
} // namespace

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

Pull H1Session::take_raw(OutQueue& out, std::size_t room) {
  H1Work& work = *work_;
  while (room > 0 && out.slots_free() > 0) {
    if (work.begin == work.end && (!make_room(1024) || !read_more())) {
      if (input_ended_) {
        body_ = Body::ended;
        return Pull::end;
      }
      return out.empty() ? Pull::blocked : Pull::more;
    }
    std::size_t n = std::min<std::size_t>(room, work.end - work.begin);
    out.push(Slice(work.unread().substr(0, n), work.input));
    work.begin += static_cast<std::uint32_t>(n);
    work.body_taken += n;
    room -= n;
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
  deadline_.arm(resources_.loop, resources_.options(place_).body_timeout, *this);
  return Pull::blocked;
}

Pull H1Session::body_fail(Code code) {
  work_->body_error = {code, Side::client};
  body_ = Body::failed;
  keep_alive_ = false;
  return Pull::failed;
}

} // namespace weir::proxy
