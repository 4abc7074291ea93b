// SPDX-License-Identifier: Apache-2.0
//
// Worker: one thread that carries traffic: a loop, one Listener per address, sessions, what they
// are lent. Owner: Server. Constructed and destroyed on the main thread while its own does not run;
// all else happens on its own thread, which post() reaches.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "base/errlog.h"
#include "base/slab.h"
#include "event/loop.h"
#include "event/mailbox.h"
#include "metrics/metrics.h"
#include "net/listener.h"
#include "proxy/health_check.h"
#include "proxy/resources.h"
#include "proxy/udp_door.h"
#include "proxy/warmer.h"

namespace weir::server {

class Worker {
public:
  Worker(std::uint16_t number, net::ResolverSettings dns, event::BackgroundPool& io,
         net::ClientCounts& clients, rules::Limits& limits, log::LogRing* ring,
         metrics::Counters& counters, ErrorLog& errors);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void set_logins(proxy::Logins& logins) noexcept { resources_.logins = &logins; }
  void set_purger(proxy::Purger& purger) noexcept { resources_.purger = &purger; }
  void set_background(event::BackgroundPool& pool) noexcept { resources_.background = &pool; }
  void set_udp_places(proxy::UdpPlaces& places) noexcept { resources_.udp_places = &places; }
  void start();
  void join();
  /// Before a drain: told on the worker's thread when that has ended.
  void on_end(std::function<void()> told) { on_end_ = std::move(told); }
  /// Any thread: runs on the worker's.
  void post(event::Job job) { loop_.mailbox().post(std::move(job)); }

  // By post() only.
  void set_generation(std::shared_ptr<const proxy::Generation> generation,
                      std::shared_ptr<const net::OwnAddresses> own, net::ResolverSettings dns);
  void listen(proxy::ListenPlace place, IpProtocol protocol, net::ListenSocket socket);
  /// Takes what the kernel has queued for it, then listens there no more. Of UDP the sessions end.
  void unlisten(std::uint32_t place);
  /// There may be a place for one more connection.
  void room();
  /// Nothing new is begun (memory-limit).
  void set_short_of_memory(bool is_short);
  /// Begins to fetch into the cache; `in_work`: as for proxy::Warmer.
  void warm(proxy::WarmJob job, std::shared_ptr<proxy::WarmProgress> progress,
            std::function<std::int64_t()> in_work);
  void stop_warm();
  /// Requests under way end first, within `grace`; then the thread ends.
  void drain(Duration grace);

private:
  /// A listener, and whose connections it takes.
  class Door final : public net::Acceptor {
  public:
    Door(Worker& worker, proxy::ListenPlace place, net::ListenSocket socket);
    bool reserve() override;
    void unreserve() override { worker_.resources_.clients.unreserve(); }
    void accepted(net::Fd fd, const Address& remote, const Address& local) override;
    net::Listener& listener() noexcept { return listener_; }

  private:
    Worker& worker_;
    const proxy::ListenPlace place_;
    net::Listener listener_;
  };
  /// Looks whether a drain is over.
  class Drain final : public event::Task {
  public:
    explicit Drain(Worker& worker) : worker_(worker) {}
    void run() override;
    event::Deadline grace;
    event::Deadline look;

  private:
    Worker& worker_;
  };

  void run();
  void end_all();

  const std::uint16_t number_;
  metrics::Counters& counters_;
  ErrorLog& errors_;
  ChunkPool chunks_;
  Slab slab_;
  event::Loop loop_;
  proxy::Resources resources_;
  std::map<std::uint32_t, std::unique_ptr<Door>> doors_;
  // A place outlives its door: sessions refer to it.
  std::vector<std::unique_ptr<Door>> closed_doors_;
  std::map<std::uint32_t, std::unique_ptr<proxy::UdpDoor>> udp_doors_;
  std::vector<std::unique_ptr<proxy::HealthCheck>> checks_; // the first worker's
  std::unique_ptr<proxy::Warmer> warmer_;                   // null: nothing was to be warmed yet
  Drain drain_;
  bool draining_ = false;
  MonoTime full_told_{};         // when the error log was told that connections wait
  std::function<void()> on_end_; // set before the drain is posted
  std::thread thread_;
};

} // namespace weir::server
