// SPDX-License-Identifier: Apache-2.0
#include "proxy/warmer.h"

#include <algorithm>

#include <fmt/format.h>

#include "http/client_request.h"
#include "metrics/metrics.h"
#include "net/tls.h"
#include "proxy/resources.h"

namespace weir::proxy {

namespace {
constexpr Duration kLook = std::chrono::milliseconds(50);
constexpr std::size_t kPiece = 256 * 1024; // of a body, taken at a time
} // namespace

void WarmProgress::note_failure(std::string what) {
  ++failed;
  std::lock_guard lock(mutex_);
  failures_.push_back(std::move(what));
  if (failures_.size() > kFailures) {
    failures_.pop_front();
  }
}

std::vector<std::string> WarmProgress::failures() const {
  std::lock_guard lock(mutex_);
  return {failures_.begin(), failures_.end()};
}

WarmWay find_way(const Generation& generation, const http::Target& url, rules::Direction direction,
                 std::string_view place) {
  for (const auto& entrance : generation.routes->entrances(direction, url)) {
    const rules::Route& route = *entrance.found.route;
    if (route.place != place || !route.cache || entrance.redirects()) {
      continue;
    }
    for (std::uint32_t id = 0; id < generation.listens.size(); ++id) {
      const ListenUse& use = generation.listens[id];
      if (use.used && use.listener == entrance.listener) {
        return {{id, generation.routes->listeners()[entrance.listener].address}, &route};
      }
    }
  }
  return {};
}

// WarmFetch

bool WarmFetch::begin(const WarmJob& job, const WarmUrl& url) {
  Arena arena;
  auto target = http::parse_target(http::Method::get, url.url, arena);
  WarmWay way =
      target ? find_way(*resources_.generation, *target, url.direction, url.place) : WarmWay{};
  if (way.route == nullptr) {
    return false;
  }
  bool forward = url.direction == rules::Direction::forward;
  place_ = way.place;
  url_ = url.url;
  secure_ = !forward && target->scheme == http::Scheme::https;
  bytes_ = http::write_client_request("GET", *target, forward, job.fields);
  status_ = 0;
  state_ = State::waiting;
  exchange_.begin(*this, place_, {job.client, {}});
  exchange_.set_kind("warm");
  http::H1Parser parser;
  auto progress = parser.parse_request(bytes_, exchange_.request(), exchange_.arena());
  if (!progress || !progress->complete) {
    exchange_.reject(progress ? Error{Code::malformed, Side::client} : progress.error());
  } else {
    exchange_.start();
  }
  return true;
}

/// Of a listener that speaks TLS only the fact that it does.
const net::TlsFacts* WarmFetch::tls() const {
  static const net::TlsFacts kNone;
  return secure_ ? &kNone : nullptr;
}

/// A body that is not stored, or was before, is not worth reading.
void WarmFetch::respond(const Answer& answer) {
  status_ = answer.status;
  state_ = answer.has_body && exchange_.outcome().stored ? State::body : State::over;
  resources_.loop.wake(*this);
}

void WarmFetch::body_ready() { resources_.loop.wake(*this); }

void WarmFetch::cut() {
  state_ = State::cut;
  resources_.loop.wake(*this);
}

void WarmFetch::run() {
  if (state_ == State::body) {
    OutQueue out;
    Pull got = exchange_.pull(out, kPiece);
    while (!out.empty()) {
      out.pop();
    }
    if (got == Pull::more) {
      resources_.loop.wake(*this); // others have their turn first
    } else if (got != Pull::blocked) {
      state_ = got == Pull::end ? State::over : State::cut;
    }
  }
  if (state_ != State::over && state_ != State::cut) {
    return;
  }
  tell();
  exchange_.delivered();
  state_ = State::idle;
  resources_.loop.wake(warmer_);
}

/// What came of it.
void WarmFetch::tell() {
  using Kind = cache::Outcome::Kind;
  WarmProgress& progress = warmer_.progress();
  const cache::Outcome& outcome = exchange_.outcome();
  bool served = outcome.kind == Kind::hit && outcome.forward.empty();
  bool good = status_ > 0 && status_ < 400 && state_ == State::over &&
              (outcome.stored || outcome.kind == Kind::revalidated || outcome.kind == Kind::stale);
  if (served) {
    ++progress.fresh;
  } else if (good) {
    ++progress.fetched;
    metrics::count(metrics::Metric::warm_fetched);
  } else {
    std::string why = state_ == State::cut ? "cut off" : fmt::format("{}", status_);
    if (state_ != State::cut && !outcome.stored) {
      why +=
          outcome.detail.empty() ? ", not stored" : fmt::format(", not stored: {}", outcome.detail);
    }
    progress.note_failure(fmt::format("{}: {}", url_, why));
    metrics::count(metrics::Metric::warm_failed);
  }
  --progress.left;
}

void WarmFetch::abandon() {
  if (busy()) {
    exchange_.abandon({Code::stopped, Side::self});
    state_ = State::idle;
    unlink();
  }
}

// Warmer

Warmer::Warmer(Resources& resources, std::function<std::int64_t()> in_work)
    : resources_(resources), in_work_(std::move(in_work)) {}

Warmer::~Warmer() = default;

void Warmer::start(WarmJob job, std::shared_ptr<WarmProgress> progress) {
  stop();
  job_ = std::move(job);
  progress_ = std::move(progress);
  progress_->left = job_.urls.size();
  next_ = 0;
  due_ = 1;
  counted_ = Clock::mono();
  resources_.loop.wake(*this);
}

void Warmer::stop() {
  if (!progress_) {
    return;
  }
  for (auto& fetch : fetches_) {
    if (fetch) {
      fetch->abandon();
    }
  }
  look_.disarm();
  unlink();
  progress_->waiting = false;
  progress_->over = true;
  progress_.reset();
  job_ = {};
}

/// Of the clients' requests those of weir itself are not.
bool Warmer::may_begin() {
  MonoTime now = Clock::mono();
  std::chrono::duration<double> passed = now - counted_;
  counted_ = now;
  due_ = std::min(due_ + passed.count() * job_.rate, static_cast<double>(kAtOnce));
  auto own = std::count_if(fetches_.begin(), fetches_.end(),
                           [](const auto& each) { return each && each->busy(); });
  bool idle = in_work_() - own <= job_.busy;
  progress_->waiting = !idle;
  return idle;
}

void Warmer::begin_next() {
  for (auto& fetch : fetches_) {
    if (fetch && fetch->busy()) {
      continue;
    }
    if (due_ < 1 || next_ >= job_.urls.size()) {
      return;
    }
    if (!fetch) {
      fetch = std::make_unique<WarmFetch>(resources_, *this);
    }
    due_ -= 1;
    const WarmUrl& url = job_.urls[next_++];
    if (!fetch->begin(job_, url)) {
      progress_->note_failure(url.url + ": no route with a cache leads there");
      metrics::count(metrics::Metric::warm_failed);
      --progress_->left;
    }
  }
}

void Warmer::run() {
  if (!progress_) {
    return;
  }
  if (may_begin()) {
    begin_next();
  }
  if (progress_->left == 0) {
    stop();
    return;
  }
  look_.arm(resources_.loop, kLook, *this);
}

} // namespace weir::proxy
