// SPDX-License-Identifier: Apache-2.0
#include "proxy/raw_fetch.h"

#include "metrics/metrics.h"
#include "proxy/fill_head.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {
constexpr std::size_t kRoom = 128 * 1024;
} // namespace

RawFetch::RawFetch(Resources& resources, std::unique_ptr<FetchPlan> plan, Duration idle,
                   Duration lifetime)
    : resources_(resources), plan_(std::move(plan)),
      dial_(resources.loop, resources.resolver, resources.connections, resources.own_addresses(),
            *this, *plan_),
      idle_(idle), lifetime_(lifetime) {
  metrics::add(metrics::Metric::tunnels_active);
}

RawFetch::~RawFetch() {
  metrics::sub(metrics::Metric::tunnels_active);
  if (plan_->body != nullptr) {
    plan_->body->stop_body();
  }
}

void RawFetch::start(event::Task& consumer) {
  consumer_ = &consumer;
  dial_.start(plan_->dial);
  run();
}

void RawFetch::run() {
  if (!dialled_) {
    switch (dial_.step()) {
    case Dial::State::resolve:
    case Dial::State::queue:
    case Dial::State::connect:
    case Dial::State::secure:
      return;
    case Dial::State::failed:
      fail(dial_.error());
      return;
    case Dial::State::ready:
      break;
    }
    dialled_ = true;
    connection_ = dial_.take_connection();
    head_ = tunnel_head();
    life_deadline_.arm(resources_.loop, lifetime_, *this);
    note_progress();
    resources_.loop.wake(*consumer_);
    return;
  }
  if (idle_deadline_.passed() || life_deadline_.passed()) {
    fail({Code::timeout, Side::self});
    return;
  }
  if (opened_) {
    relay();
  }
}

/// Client to origin; the other direction goes by pull().
void RawFetch::relay() {
  opened_ = true;
  while (!to_origin_ended_ && connection_) {
    Pull got = plan_->body->pull_body(out_, kRoom, *this);
    if (got == Pull::failed) {
      fail(plan_->body->body_error());
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
        break;
      }
    }
    if (got == Pull::end && out_.empty()) {
      to_origin_ended_ = true;
      connection_->transport().shutdown_write();
    } else if (got == Pull::blocked) {
      break;
    }
  }
  if (connection_ &&
      (connection_->transport().readable() || connection_->transport().end_seen() || ended())) {
    resources_.loop.wake(*consumer_);
  }
}

Pull RawFetch::pull(OutQueue& out, std::size_t room) {
  if (error_.code != Code::none) {
    return Pull::failed;
  }
  if (from_origin_ended_) {
    return Pull::end;
  }
  if (!connection_) {
    return Pull::blocked;
  }
  while (room > 0 && out.slots_free() > 0) {
    bool fresh = !input_ || input_->use_count() > 1;
    if (fresh) {
      input_ = bytes_in_ > Chunk::kLarge ? Chunk::large() : Chunk::small();
    }
    auto got = connection_->transport().read(input_->data(), std::min(room, input_->capacity()));
    switch (got.state) {
    case net::IoResult::ok:
      bytes_in_ += got.bytes;
      room -= got.bytes;
      out.push(Slice(std::string_view(input_->data(), got.bytes), input_));
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

void RawFetch::note_progress() { idle_deadline_.arm(resources_.loop, idle_, *this); }

void RawFetch::fail(const Error& error) {
  error_ = error;
  connection_.reset();
  idle_deadline_.disarm();
  life_deadline_.disarm();
  resources_.loop.wake(*consumer_);
}

OriginFacts RawFetch::facts() const {
  OriginFacts facts;
  facts.address = dial_.address();
  facts.bytes_in = bytes_in_;
  facts.bytes_out = bytes_out_;
  return facts;
}

} // namespace weir::proxy
