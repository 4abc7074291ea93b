// SPDX-License-Identifier: Apache-2.0
#include "proxy/relay.h"

#include <algorithm>

#include "metrics/metrics.h"

namespace weir::proxy {

namespace {
constexpr std::size_t kRoom = 128 * 1024;
} // namespace

Relay::Relay(event::Loop& loop, event::Task& owner, std::unique_ptr<origin::OriginConn> connection,
             BodySource& client, const TunnelTimes& times, Slice early)
    : loop_(loop), owner_(owner), connection_(std::move(connection)), client_(client),
      times_(times), early_(std::move(early)) {
  metrics::add(metrics::Metric::tunnels_active);
  out_.take_pipes(connection_->transport().plain() != nullptr);
  life_deadline_.arm(loop_, times_.lifetime, owner_);
  note_progress();
}

Relay::~Relay() {
  metrics::sub(metrics::Metric::tunnels_active);
  metrics::count(metrics::Metric::origin_bytes_in, bytes_in_);
  metrics::count(metrics::Metric::origin_bytes_out, bytes_out_);
  client_.stop_body();
}

void Relay::run(event::Task& consumer) {
  if (error_.code != Code::none) {
    return;
  }
  if (idle_deadline_.passed() || life_deadline_.passed()) {
    fail({Code::timeout, Side::self});
  } else if (opened_) {
    send();
  }
  // A consumer whose client takes nothing pulls again when that changes. Woken now it would wake
  // us, and so on: a tunnel that is blocked both ways would spin.
  bool arrived = connection_ && opened_ &&
                 (ended() || (awaited_ && (!early_.empty() || connection_->transport().readable() ||
                                           connection_->transport().end_seen())));
  if (arrived || error_.code != Code::none) {
    loop_.wake(consumer);
  }
}

/// Client to origin; the other direction goes by pull().
void Relay::send() {
  while (!to_origin_ended_) {
    Pull got = client_.pull_body(out_, kRoom, owner_);
    if (got == Pull::failed) {
      fail(client_.body_error());
      return;
    }
    std::size_t before = out_.bytes();
    if (before > 0) {
      auto sent = connection_->transport().write(out_);
      bytes_out_ += before - out_.bytes();
      if (sent.state == net::IoResult::failed) {
        fail({Code::reset, Side::origin, Retry::no, sent.sys});
        return;
      }
      note_progress();
      if (sent.state == net::IoResult::would_block) {
        return;
      }
    }
    if (got == Pull::end && out_.empty()) {
      to_origin_ended_ = true;
      connection_->transport().shutdown_write();
    } else if (got == Pull::blocked) {
      return;
    }
  }
}

Pull Relay::pull(OutQueue& out, std::size_t room) {
  Pull got = pull_some(out, room);
  awaited_ = got == Pull::blocked;
  return got;
}

Pull Relay::pull_some(OutQueue& out, std::size_t room) {
  if (error_.code != Code::none) {
    return Pull::failed;
  }
  if (!early_.empty() && room > 0 && out.slots_free() > 0) {
    std::size_t n = std::min(room, early_.size);
    out.push(early_.take_front(n));
    bytes_in_ += n;
    return Pull::more;
  }
  if (from_origin_ended_) {
    return Pull::end;
  }
  while (room > 0 && out.slots_free() > 0) {
    if (reader_.is_busy()) {
      return Pull::more; // out has what has to go first
    }
    auto got = reader_.read(connection_->transport(), out, room);
    switch (got.state) {
    case net::IoResult::ok:
      bytes_in_ += got.bytes;
      room -= got.bytes;
      note_progress();
      break;
    case net::IoResult::would_block:
      return out.empty() ? Pull::blocked : Pull::more;
    case net::IoResult::end:
      from_origin_ended_ = true;
      return out.empty() ? Pull::end : Pull::more;
    case net::IoResult::failed:
      error_ = {Code::reset, Side::origin, Retry::no, got.sys};
      return out.empty() ? Pull::failed : Pull::more;
    }
  }
  return Pull::more;
}

void Relay::break_off() {
  if (connection_ && !ended()) {
    connection_->transport().reset();
    fail({Code::reset, Side::client});
  }
}

void Relay::note_progress() { idle_deadline_.arm(loop_, times_.idle, owner_); }

void Relay::fail(const Error& error) {
  error_ = error;
  connection_.reset();
  idle_deadline_.disarm();
  life_deadline_.disarm();
}

} // namespace weir::proxy
