// SPDX-License-Identifier: Apache-2.0
#include "proxy/h2_session.h"

#include <array>

#include "base/errlog.h"
#include "metrics/metrics.h"
#include "proxy/resources.h"

namespace weir::proxy {

using http::H2Error;
using metrics::Metric;

namespace {

constexpr std::size_t kReadBudget = 256 * 1024; // a run, then others have their turn
constexpr std::size_t kWriteBudget = 256 * 1024;
constexpr std::size_t kLeastRoom = 2048;
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 1 << 20;

http::H2Settings settings_of(const config::Options& options) {
  http::H2Settings settings;
  settings.streams = options.http2_streams;
  settings.head = static_cast<std::uint32_t>(options.head_max);
  return settings;
}

} // namespace

H2Session::H2Session(Resources& resources, const ListenPlace& place, const Ends& ends)
    : resources_(resources), place_(place), ends_(ends),
      codec_(*this, settings_of(resources.options(place))) {
  metrics::count(Metric::http2_connections);
}

H2Session::~H2Session() { resources_.leave(ends_.client); }

void H2Session::open(std::unique_ptr<net::Transport> transport) {
  transport_ = std::move(transport);
  transport_->set_task(*this);
  resources_.loop.wake(*this); // what the last edge told is still true
}

event::Loop& H2Session::loop() noexcept { return resources_.loop; }

void H2Session::mark() {
  if (!running_ && !closed_) {
    resources_.loop.wake(*this);
  }
}

void H2Session::run() {
  if (closed_) {
    return;
  }
  if (lingering_) {
    if (deadline_.passed() || drain_input()) {
      close();
    }
    return;
  }
  running_ = true;
  bool alive = sweep() && read() && write();
  running_ = false;
  if (!alive) {
    return;
  }
  if (codec_.is_over() && out_.empty()) {
    leave({Code::malformed, Side::client}); // without streams, that is told to nobody
    return;
  }
  arm();
}

/// False: the connection is gone.
bool H2Session::read() {
  std::size_t taken = 0;
  while (!broken_ && transport_->readable()) {
    if (!out_.empty()) {
      return true; // replies wait: who does not read them is not read
    }
    if (!input_ || input_->capacity() - input_end_ < kLeastRoom) {
      input_ = Chunk::small();
      input_end_ = 0;
    }
    auto got = transport_->read(input_->data() + input_end_, input_->capacity() - input_end_);
    if (got.state == net::IoResult::would_block) {
      break;
    }
    if (got.state != net::IoResult::ok) {
      lose({got.state == net::IoResult::end ? Code::closed : Code::reset, Side::client, Retry::no,
            got.sys});
      return false;
    }
    std::string_view bytes(input_->data() + input_end_, got.bytes);
    input_end_ += static_cast<std::uint32_t>(got.bytes);
    if (auto good = codec_.feed(bytes); !good) {
      if (floods_.seen() == nullptr && good.error().code == Code::overloaded) {
        floods_.note("h2-header-flood");
      }
      broken_ = true;
    }
    taken += got.bytes;
    if (taken > kReadBudget) {
      resources_.loop.wake(*this);
      break;
    }
    if (!write()) {
      return false;
    }
  }
  if (streams_.empty()) {
    input_ = nullptr;
  }
  return true;
}

bool H2Session::write() {
  std::size_t written = 0;
  while (true) {
    if (!codec_.pull(out_)) {
      if (floods_.seen() != nullptr && !broken_) { // of what we had to reset
        broken_ = true;
        codec_.go_away(H2Error::calm);
        continue;
      }
      lose({Code::malformed, Side::client});
      return false;
    }
    if (out_.empty()) {
      if (stops_.empty()) {
        break;
      }
      stop_uploads();
      continue;
    }
    auto sent = transport_->write(out_);
    written += sent.bytes;
    pace_.moved(sent.bytes);
    wrote_ = sent.bytes > 0 || out_.empty() ? Clock::mono() : wrote_;
    if (sent.state == net::IoResult::failed) {
      lose({Code::reset, Side::client, Retry::no, sent.sys});
      return false;
    }
    if (!out_.empty()) {
      return keeps_up(); // the write edge goes on
    }
    finish_written();
    if (written > kWriteBudget) {
      resources_.loop.wake(*this);
      return true;
    }
  }
  finish_written();
  if (broken_) {
    leave({Code::malformed, Side::client});
    return false;
  }
  return keeps_up();
}

/// All that was answered is with the kernel: what is still sent for it is not wanted.
void H2Session::stop_uploads() {
  for (std::int32_t id : stops_) {
    codec_.reset(id, H2Error::none);
  }
  stops_.clear();
}

void H2Session::finish_written() {
  while (H2Stream* stream = finished_.pop_front()) {
    stream->finish();
    give_back(*stream);
  }
}

http::H2Peer* H2Session::begin_stream(std::int32_t id) {
  if (broken_) {
    return nullptr;
  }
  std::unique_ptr<H2Stream> stream = resources_.lend_stream();
  metrics::count(Metric::http2_streams);
  stream->begin(*this, id);
  streams_.push_back(*stream);
  return stream.release(); // give_back() takes it up again
}

void H2Session::on_go_away(std::uint32_t error) {
  metrics::count(floods_.seen() != nullptr ? Metric::http2_floods : Metric::http2_errors);
  if (floods_.seen() != nullptr) {
    log_warn("http2: {} at {}: {}", ends_.client.to_string(), place_.address.to_string(),
             floods_.seen());
    note_end(floods_.seen());
  } else {
    log_debug("http2: {} at {}: error {}", ends_.client.to_string(), place_.address.to_string(),
              error);
    note_end("h2-error");
  }
}

/// A row of its own: no request may have been there to have one.
void H2Session::note_end(std::string_view end) {
  resources_.note_connection(ends_.client, "2", end);
}

void H2Session::answered(std::int32_t id, bool asked_all) {
  // The rest of an upload that was answered is not wanted (RFC 9113 §8.1). Not here: this may be
  // within the codec's own turn, and the end of the answer has to go first.
  if (!asked_all) {
    stops_.push_back(id);
  }
}

void H2Session::gone(H2Stream& stream, bool whole) {
  static_cast<ListNode<StreamTag>&>(stream).unlink();
  if (whole) {
    finished_.push_back(stream);
  } else {
    give_back(stream);
  }
}

void H2Session::give_back(H2Stream& stream) {
  stream.clear();
  resources_.give_back(std::unique_ptr<H2Stream>(&stream));
}

// Time

/// Streams that wait too long for the client, or make it wait. False: the connection is closed.
bool H2Session::sweep() {
  const config::Options& options = resources_.options(place_);
  if (head_deadline_.passed()) {
    head_deadline_.disarm();
    if (codec_.in_head()) { // W9.1
      lose({Code::timeout, Side::client});
      return false;
    }
  }
  if (!deadline_.passed()) {
    return true;
  }
  deadline_.disarm();
  if (!out_.empty() && Clock::mono() - wrote_ >= options.body_timeout) {
    lose({Code::timeout, Side::client});
    return false;
  }
  if (streams_.empty() && out_.empty()) {
    codec_.go_away(H2Error::none);
    broken_ = true; // sends it, then closes
    return true;
  }
  for (H2Stream* stream = streams_.front(); stream != nullptr;) {
    H2Stream* next = streams_.next(*stream);
    bool late = Clock::mono() - stream->waits_since() >= options.body_timeout;
    if (stream->is_slow() || (late && stream->is_stalled())) {
      metrics::count(Metric::http2_stalled);
      stream->time_out();
    }
    stream = next;
  }
  return true;
}

void H2Session::arm() {
  const config::Options& options = resources_.options(place_);
  if (codec_.in_head()) {
    if (!head_deadline_.armed()) {
      head_deadline_.arm(resources_.loop, options.header_timeout, *this);
    }
  } else {
    head_deadline_.disarm();
  }
  bool idle = streams_.empty() && out_.empty();
  if (idle != idle_ || !deadline_.armed()) {
    idle_ = idle;
    deadline_.arm(resources_.loop, idle ? options.client_idle_timeout : options.body_timeout,
                  *this);
  }
}

bool H2Session::has_moved() const {
  return Clock::mono() - moved_ < resources_.options(place_).body_timeout;
}

bool H2Session::keeps(Pace& pace) const {
  const config::Options& options = resources_.options(place_);
  return pace.waits(options.body_rate_min, options.body_timeout);
}

/// What waits for the connection, not for the window of its stream, goes fast enough. False:
/// closed.
bool H2Session::keeps_up() {
  bool waits = !out_.empty();
  if (!waits && !codec_.has_room()) {
    for (H2Stream* each = streams_.front(); each != nullptr && !waits;
         each = streams_.next(*each)) {
      waits = each->has_more();
    }
  }
  if (waits && !keeps(pace_)) {
    lose({Code::timeout, Side::client});
    return false;
  }
  return true;
}

// The end

void H2Session::lose(const Error& why) {
  abandon_streams(why);
  if (why.code == Code::timeout || why.code == Code::reset) {
    transport_->reset();
  }
  close();
}

/// All is said. What the client still sends is read for a while: a close with bytes unread would
/// be a reset, and take the GOAWAY with it.
void H2Session::leave(const Error& why) {
  abandon_streams(why);
  lingering_ = true;
  head_deadline_.disarm();
  input_ = nullptr;
  transport_->shutdown_write();
  deadline_.arm(resources_.loop, kLingerTime, *this);
  resources_.loop.wake(*this);
}

/// True: enough, or the other side has ended.
bool H2Session::drain_input() {
  std::array<char, 4096> bytes;
  while (drained_ < kLingerBytes) {
    auto got = transport_->read(bytes.data(), bytes.size());
    if (got.state == net::IoResult::would_block) {
      return false;
    }
    if (got.state != net::IoResult::ok) {
      break;
    }
    drained_ += got.bytes;
  }
  return true;
}

void H2Session::abandon_streams(const Error& why) {
  for (List<H2Stream, StreamTag>* list : {&streams_, &finished_}) {
    while (H2Stream* stream = list->pop_front()) {
      stream->abandon(why);
      give_back(*stream);
    }
  }
}

void H2Session::drain() {
  if (!draining_ && !lingering_ && !closed_) {
    draining_ = true;
    codec_.go_away(H2Error::none);
    mark();
  }
}

void H2Session::end() {
  if (!closed_) {
    lose({Code::stopped, Side::self});
  }
}

void H2Session::close() {
  if (closed_) {
    return;
  }
  closed_ = true;
  deadline_.disarm();
  head_deadline_.disarm();
  out_.clear();
  transport_->close();
  static_cast<ListNode<event::RunTag>&>(*this).unlink();
  static_cast<ListNode<SessionTag>&>(*this).unlink();
  resources_.loop.retire(std::unique_ptr<event::Task>(this));
}

} // namespace weir::proxy
