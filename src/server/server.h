// SPDX-License-Identifier: Apache-2.0
//
// Server: the whole daemon, built in order, torn down in reverse. It is the Daemon that verbs ask.
//
// Owner: main(). Main thread. Workers, disk, log and state have threads of their own; a reload is
// built on a work thread and put in force from here (DESIGN §7).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/daemon.h"
#include "base/errlog.h"
#include "event/background.h"
#include "event/deadline.h"
#include "event/loop.h"
#include "event/watch.h"
#include "log/sqlite_writer.h"
#include "metrics/metrics.h"
#include "proxy/logins.h"
#include "proxy/purger.h"
#include "proxy/udp_places.h"
#include "server/build.h"
#include "server/cert_watch.h"
#include "server/heap.h"
#include "server/memory_watch.h"
#include "server/privileges.h"
#include "server/purges.h"
#include "server/quota_keeper.h"
#include "server/warming.h"
#include "server/worker.h"
#include "state/store.h"

namespace weir::server {

class AdminDoor;
class TestClock;

struct Arguments {
  std::string file;       // empty: the embedded default
  std::string ports_file; // where the bound addresses are written; empty: nowhere
  std::string test_clock; // socket of the test hook; empty: none
};

class Server final : public admin::Daemon, private proxy::Purger {
public:
  explicit Server(Arguments arguments);
  ~Server() override;

  /// Reads, builds, binds. What is wrong has been said on stderr when it is false.
  bool start();
  /// Until a signal or a `stop`. The exit code.
  int run();

  // Daemon.
  std::shared_ptr<const proxy::Generation> generation() const override { return lasting_.now; }
  admin::StatusFacts status() const override;
  const metrics::Metrics& metrics() const override { return metrics_; }
  rules::Limits& limits() override { return limits_; }
  log::Subscriptions* subscriptions() override;
  std::string log_directory() const override;
  event::BackgroundPool& background() override { return *work_; }
  void reload(std::function<void(admin::ReloadOutcome)> done) override;
  void purge(const admin::PurgeAsk& ask, std::function<void(admin::PurgeOutcome)> done) override;
  std::vector<admin::PurgeFacts> purges() const override { return purges_->facts(); }
  void warm(const admin::WarmAsk& ask, std::function<void(admin::WarmFacts)> done) override {
    warming_.start(lasting_.now, log_directory(), ask, *work_, *workers_.front(), std::move(done));
  }
  void stop_warm() override { warming_.stop(*workers_.front()); }
  admin::WarmFacts warm_facts() const override { return warming_.facts(); }
  void stop(admin::StopMode mode) override;

private:
  // Purger.
  void purge(proxy::PurgeRequest request, event::Ticket who,
             std::shared_ptr<proxy::PurgeReply> reply) override;

  /// What signals wake, and the clock of the rates.
  class Watcher;

  void on_thread_start();
  void make_threads(const config::Config& config);
  bool begin(Built built, std::string& problem);
  void start_test_clock();
  bool open_state(const config::Config& config);
  void open_log(const config::Config& config);
  bool open_listeners(const proxy::Generation& generation, std::vector<Listeners::Open>& opened,
                      std::string& problem);
  void put_in_force(Built built, std::vector<Listeners::Open> opened);
  void tell_memory(bool is_short);
  void close_listeners(const proxy::Generation& generation);
  net::ResolverSettings dns_settings(const config::Config& config) const;
  void write_ports();
  void begin_reload();
  void finish_reload(Built built);
  void reopen_logs();

  const Arguments arguments_;
  ErrorLog errors_;
  Privileges privileges_;
  metrics::Metrics metrics_;
  WallTime started_{};
  MonoTime started_mono_{};
  WallTime loaded_{};
  std::string reload_error_;
  std::map<std::string, std::string> list_problems_;
  std::uint64_t number_ = 1;

  std::unique_ptr<state::Store> store_; // null: nothing can be recorded
  std::unique_ptr<log::SqliteWriter> log_;
  event::Loop loop_;
  HeapKeeper heap_{loop_};
  MemoryWatch memory_{loop_, [this](bool is_short) { tell_memory(is_short); }};
  Lasting lasting_;
  std::unique_ptr<Purges> purges_;
  Warming warming_{loop_, metrics_};
  net::ClientCounts clients_;
  proxy::UdpPlaces udp_places_;
  rules::Limits limits_;
  std::unique_ptr<QuotaKeeper> quotas_;
  std::unique_ptr<event::BackgroundPool> io_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<proxy::Logins> logins_;
  std::unique_ptr<event::BackgroundPool> work_;
  metrics::RateWindow rates_;
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<AdminDoor> admin_;
  std::unique_ptr<TestClock> test_clock_;

  CertWatch cert_watch_{loop_, lasting_};
  bool reloading_ = false;
  bool stopping_ = false;
  std::vector<std::function<void(admin::ReloadOutcome)>> reload_now_;
  std::vector<std::function<void(admin::ReloadOutcome)>> reload_next_;
};

} // namespace weir::server
