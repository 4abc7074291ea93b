// SPDX-License-Identifier: Apache-2.0
//
// Warmer: fetches URLs into the cache, as requests of weir itself through the Exchange: rules,
// limits, key and log are those of any client. So many a second, a few at a time, and none while
// clients keep the workers busy.
//
// WarmFetch is one of them: a client without a connection, that takes the body and drops it. Owner:
// the Warmer; its owner: the Worker. Worker's thread; WarmProgress: any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "event/deadline.h"
#include "proxy/exchange.h"
#include "proxy/session.h"
#include "rules/facts.h"

namespace weir::proxy {

class Warmer;

struct WarmUrl {
  std::string url;
  rules::Direction direction = rules::Direction::site;
  std::string place; // the forward's or the site's name
};

struct WarmJob {
  std::vector<WarmUrl> urls;
  std::vector<std::string> fields; // of each request: "Name: value"
  Address client;                  // in whose name
  double rate = 1;                 // a second
  std::int64_t busy = 0;           // it waits while more requests of clients are in work
};

/// How far one is. It counts up; `left` down.
struct WarmProgress {
  std::atomic<std::uint64_t> fetched{0}; // or validated
  std::atomic<std::uint64_t> fresh{0};   // stored already
  std::atomic<std::uint64_t> failed{0};  // an error, or an answer that is not stored
  std::atomic<std::uint64_t> left{0};
  std::atomic<bool> waiting{false}; // for the clients
  std::atomic<bool> over{false};

  void note_failure(std::string what);
  /// The last ones.
  std::vector<std::string> failures() const;

private:
  static constexpr std::size_t kFailures = 20;
  mutable std::mutex mutex_;
  std::deque<std::string> failures_; // guarded by mutex_
};

class WarmFetch final : public ClientSession, public event::Task {
public:
  WarmFetch(Resources& resources, Warmer& warmer)
      : resources_(resources), warmer_(warmer), exchange_(resources) {}

  enum class State : std::uint8_t {
    idle,
    waiting, // for a head
    body,    // comes
    over,    // ended, or not worth going on: run() finishes it
    cut,
  };
  State state() const noexcept { return state_; }
  bool busy() const noexcept { return state_ != State::idle; }
  /// False: there is no way to ask for it, and nothing was begun.
  bool begin(const WarmJob& job, const WarmUrl& url);
  void abandon();
  void run() override;

  // ClientSession.
  const net::TlsFacts* tls() const override;
  void respond(const Answer& answer) override;
  void body_ready() override;
  void informational(std::string_view) override {}
  void cut() override;
  Pull pull_body(OutQueue&, std::size_t, event::Task&) override { return Pull::end; }
  void stop_body() override {}
  const http::Fields& body_trailers() const override { return trailers_; }
  Error body_error() const override { return {}; }
  void limit_body(std::uint64_t) override {}

private:
  void tell();

  Resources& resources_;
  Warmer& warmer_;
  Exchange exchange_;
  ListenPlace place_;
  std::string url_;
  std::string bytes_; // of the request's head
  http::Fields trailers_;
  int status_ = 0;
  bool secure_ = false;
  State state_ = State::idle;
};

class Warmer final : public event::Task {
public:
  static constexpr std::size_t kAtOnce = 4;

  /// `in_work`: requests in work on all workers, tunnels not counted.
  Warmer(Resources& resources, std::function<std::int64_t()> in_work);
  ~Warmer() override;

  void start(WarmJob job, std::shared_ptr<WarmProgress> progress);
  /// At once: those under way are given up.
  void stop();
  void run() override;
  WarmProgress& progress() noexcept { return *progress_; }

private:
  bool may_begin();
  void begin_next();

  Resources& resources_;
  const std::function<std::int64_t()> in_work_;
  std::array<std::unique_ptr<WarmFetch>, kAtOnce> fetches_;
  WarmJob job_;
  std::shared_ptr<WarmProgress> progress_; // null: nothing to do
  std::size_t next_ = 0;                   // of job_.urls
  double due_ = 0;                         // how many may begin now
  MonoTime counted_{};                     // when `due_` was
  event::Deadline look_;
};

/// The listener and the route by which a URL is asked for; nothing: none that caches.
struct WarmWay {
  ListenPlace place;
  const rules::Route* route = nullptr;
};
WarmWay find_way(const Generation& generation, const http::Target& url, rules::Direction direction,
                 std::string_view place);

} // namespace weir::proxy
