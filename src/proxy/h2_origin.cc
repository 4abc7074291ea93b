// SPDX-License-Identifier: Apache-2.0
#include "proxy/h2_origin.h"

#include "base/errlog.h"
#include "metrics/metrics.h"
#include "proxy/h2_fetch.h"

namespace weir::proxy {

using http::H2Error;
using metrics::Metric;

namespace {

constexpr std::size_t kReadBudget = 256 * 1024; // a run, then others have their turn
constexpr std::size_t kWriteBudget = 256 * 1024;
constexpr std::size_t kLeastRoom = 2048;
constexpr std::uint32_t kStreamWindow = 128 * 1024;

/// The connection's window holds those of all streams: an answer that its client does not take
/// stops no other.
http::H2Settings settings() {
  http::H2Settings settings;
  settings.stream_window = kStreamWindow;
  settings.connection_window = http::H2OriginCodec::kMostStreams * kStreamWindow;
  return settings;
}

} // namespace

H2Origin::H2Origin(H2Origins& home, event::Loop& loop, std::string key, H2Opened opened)
    : home_(home), loop_(loop), key_(std::move(key)), label_(std::move(opened.label)),
      address_(opened.connection->address()),
      scheme_(opened.connection->tls() != nullptr ? "https" : "http"),
      connection_(std::move(opened.connection)), slot_(opened.slot), limited_(opened.limited),
      codec_(*this, settings()), heard_(Clock::mono()) {
  metrics::count(Metric::origin_http2_connections);
  transport().set_task(*this);
  deadline_.arm(loop_, opened.settle_time, *this);
  loop_.wake(*this); // what the last edge told is still true
}

H2Origin::~H2Origin() {
  lose_fetches({Code::stopped, Side::self});
  go_busy();
  if (connection_) {
    connection_.reset(); // before the slot is another's
    slot_->release_slot();
  }
}

std::int32_t H2Origin::ask(H2Fetch& fetch, std::string_view head, bool has_body,
                           std::string_view protocol, Duration idle_time) {
  go_busy();
  std::int32_t id = takes_more() ? codec_.request(fetch, head, scheme_, has_body, protocol) : 0;
  if (id != 0) {
    idle_time_ = idle_time;
    if (!static_cast<ListNode<AskTag>&>(fetch).linked()) {
      fetches_.push_back(fetch);
    }
    metrics::count(Metric::origin_http2_requests);
  }
  mark();
  return id;
}

void H2Origin::await_settings(H2Fetch& fetch, Duration idle_time) {
  idle_time_ = idle_time;
  fetches_.push_back(fetch);
}

void H2Origin::mark() {
  if (!running_ && end_ != End::closed) {
    loop_.wake(*this);
  }
}

void H2Origin::doubt(Duration waited) noexcept {
  doubted_ = doubted_ || Clock::mono() - heard_ >= waited / 2;
}

void H2Origin::on_settings() {
  settled_ = true;
  deadline_.disarm();
  if (H2Fetch* opener = fetches_.front()) { // nobody else is here before
    opener->on_settled();
  }
}

void H2Origin::run() {
  if (end_ == End::closed) {
    return;
  }
  const bool was_settled = settled_;
  running_ = true;
  bool alive = look() && read() && write();
  running_ = false;
  if (!alive) {
    return;
  }
  if (!was_settled && settled_) {
    home_.note_settled(key_);
  } else if (has_room()) {
    home_.note_room(key_, http::H2OriginCodec::kMostStreams - codec_.open());
  }
  rest();
}

/// What has passed. False: it is closed.
bool H2Origin::look() {
  bool asked_for = idle_ && parked_ && !slot_->is_parked(parked_);
  if (deadline_.passed() && !settled_) {
    log_warn("http2: origin {}: no SETTINGS", label_);
    metrics::count(Metric::origin_http2_errors);
    close({Code::timeout, Side::origin});
    return false;
  }
  if (end_ == End::no && idle_ && (deadline_.passed() || asked_for || doubted_)) {
    end_ = End::unused;
    codec_.go_away(H2Error::none);
  }
  return true;
}

bool H2Origin::read() {
  std::size_t taken = 0;
  while (end_ == End::no && transport().readable()) {
    if (!input_ || input_->capacity() - input_end_ < kLeastRoom) {
      input_ = Chunk::small();
      input_end_ = 0;
    }
    auto got = transport().read(input_->data() + input_end_, input_->capacity() - input_end_);
    if (got.state == net::IoResult::would_block) {
      break;
    }
    if (got.state != net::IoResult::ok) {
      close({got.state == net::IoResult::end ? Code::closed : Code::reset, Side::origin, Retry::no,
             got.sys});
      return false;
    }
    heard_ = Clock::mono();
    std::string_view bytes(input_->data() + input_end_, got.bytes);
    input_end_ += static_cast<std::uint32_t>(got.bytes);
    if (auto good = codec_.feed(bytes); !good) {
      if (floods_.seen() == nullptr && good.error().code == Code::overloaded) {
        floods_.note("h2-header-flood");
      }
      end_ = End::broken;
    }
    taken += got.bytes;
    if (taken > kReadBudget) {
      loop_.wake(*this);
      break;
    }
  }
  return true;
}

bool H2Origin::write() {
  std::size_t written = 0;
  while (true) {
    if (!codec_.pull(out_)) {
      close({Code::malformed, Side::origin});
      return false;
    }
    if (out_.empty()) {
      break;
    }
    auto sent = transport().write(out_);
    written += sent.bytes;
    if (sent.state == net::IoResult::failed) {
      close({Code::reset, Side::origin, Retry::no, sent.sys});
      return false;
    }
    if (!out_.empty() && end_ == End::no) {
      return true; // the write edge goes on
    }
    if (!out_.empty()) {
      break; // it does not take the GOAWAY either
    }
    if (written > kWriteBudget) {
      loop_.wake(*this);
      return true;
    }
  }
  if (end_ != End::no || codec_.is_over()) {
    close(fault_.code != Code::none ? fault_ : Error{Code::closed, Side::origin});
    return false;
  }
  return true;
}

void H2Origin::on_go_away(std::uint32_t error) {
  fault_ = {Code::malformed, Side::origin};
  metrics::count(Metric::origin_http2_errors);
  if (floods_.seen() != nullptr) {
    log_warn("http2: origin {} at {}: {}", label_, address_.to_string(), floods_.seen());
  } else {
    log_warn("http2: origin {} at {}: error {}", label_, address_.to_string(), error);
  }
}

/// Without streams it waits for a request, or goes.
void H2Origin::rest() {
  if (codec_.open() > 0 || !settled_) {
    return;
  }
  input_ = nullptr;
  if (!idle_) {
    go_idle();
  }
  if (doubted_ || codec_.is_leaving() || (parked_ && !slot_->is_parked(parked_))) {
    loop_.wake(*this); // look() ends it
    doubted_ = true;
  }
}

void H2Origin::go_idle() {
  idle_ = true;
  metrics::add(Metric::origin_connections_idle);
  deadline_.arm(loop_, idle_time_, *this);
  if (limited_) {
    parked_ = loop_.issue(*this);
    doubted_ = !slot_->park(parked_) || doubted_;
  }
}

void H2Origin::go_busy() {
  if (!idle_) {
    return;
  }
  idle_ = false;
  metrics::sub(Metric::origin_connections_idle);
  deadline_.disarm();
  if (parked_) {
    slot_->unpark(parked_);
    loop_.revoke(parked_);
    parked_ = {};
  }
}

void H2Origin::lose_fetches(const Error& why) {
  while (H2Fetch* fetch = fetches_.pop_front()) {
    fetch->on_lost(why);
  }
}

void H2Origin::close(const Error& why) {
  end_ = End::closed;
  lose_fetches(why);
  go_busy();
  deadline_.disarm();
  out_.clear();
  connection_.reset(); // before the slot is another's
  slot_->release_slot();
  home_.note_end(key_, *this, why);
}

} // namespace weir::proxy
