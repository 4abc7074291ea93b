// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <random>

#include <fmt/format.h>

#include "config.h"
#include "server/admin_door.h"
#include "server/test_clock.h"

namespace weir::server {

namespace {

constexpr std::size_t kIoThreads = 3;
constexpr std::size_t kIoQueue = 4096;
constexpr std::size_t kWorkThreads = 2;
constexpr std::size_t kWorkQueue = 256;
constexpr int kWorkNice = 10;

/// "host-4f2a": made once, kept in the state (WIRE_RULES W5.6).
std::string make_pseudonym() {
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
    host[0] = 'w';
  }
  std::string name;
  for (const char* c = host; *c != '\0'; ++c) {
    bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                 *c == '-' || *c == '.';
    name += plain ? *c : '-';
  }
  return fmt::format("{}-{:04x}", name, std::random_device{}() & 0xffffU);
}

bool make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  return !error;
}

} // namespace

/// Signals and the sockets of the main thread wake it; it looks at everything.
class Server::Watcher final : public event::Task {
public:
  Watcher(Server& server, event::Loop& loop)
      : server_(server), terminate_(loop, SIGTERM, *this), interrupt_(loop, SIGINT, *this),
        hang_up_(loop, SIGHUP, *this), user_(loop, SIGUSR1, *this), loop_(loop) {
    sample();
  }

  void run() override {
    if (sample_.passed()) {
      sample();
    }
    if (terminate_.take() + interrupt_.take() > 0) {
      if (server_.stopping_) {
        log_warn("server: second signal: ending at once");
        server_.stop(admin::StopMode::now);
      } else {
        server_.stop(admin::StopMode::drain);
      }
    }
    if (hang_up_.take() > 0) {
      server_.reload([](admin::ReloadOutcome) {});
    }
    if (user_.take() > 0) {
      server_.reopen_logs();
    }
  }

private:
  void sample() {
    server_.rates_.sample(server_.metrics_, Clock::mono());
    sample_.arm(loop_, metrics::RateWindow::kStep, *this);
  }

  Server& server_;
  event::Signal terminate_;
  event::Signal interrupt_;
  event::Signal hang_up_;
  event::Signal user_;
  event::Loop& loop_;
  event::Deadline sample_;
};

Server::Server(Arguments arguments)
    : arguments_(std::move(arguments)), limits_(rules::Zone::load({}).value_or(rules::Zone())) {
  ErrorLog::install(&errors_);
  metrics::Counters::install(&metrics_.make_counters());
}

Server::~Server() {
  test_clock_.reset();
  admin_.reset();
  watcher_.reset();
  work_.reset();
  for (auto& worker : workers_) {
    worker->post([w = worker.get()] { w->drain(Duration::zero()); });
  }
  for (auto& worker : workers_) {
    worker->join();
  }
  workers_.clear();
  if (quotas_) {
    quotas_->save();
    quotas_.reset();
  }
  io_.reset();
  lasting_.now.reset();
  for (auto& [name, tier] : lasting_.tiers) {
    if (tier->disk) {
      if (auto flushed = tier->disk->flush(); !flushed) {
        log_warn("cache {}: not all of it is on disk: {}", name, to_string(flushed.error()));
      }
    }
  }
  lasting_.tiers.clear();
  log_.reset();
  store_.reset();
}

void Server::on_thread_start() {
  ErrorLog::install(&errors_);
  metrics::Counters::install(&metrics_.make_counters());
  Clock::tick();
}

bool Server::start() {
  started_ = Clock::wall();
  started_mono_ = Clock::mono();
  lasting_.on_thread_start = [this] { on_thread_start(); };
  config::Loaded loaded = load(arguments_.file);
  if (!loaded.config) {
    std::fputs(config::print(loaded.diagnostics).c_str(), stderr);
    return false;
  }
  const config::Config& config = *loaded.config;
  std::string problem;
  if (!privileges_.work_as_user(config, problem)) {
    log_error("server: {}", problem);
    return false;
  }
  if (!config.log.errors.empty()) {
    if (auto opened = errors_.open(config.log.errors); !opened) {
      log_error("log: {} cannot be opened: {}", config.log.errors, to_string(opened.error()));
    }
  }
  errors_.set_level(config.log.level);
  admin_ = std::make_unique<AdminDoor>(loop_, *this);
  if (!admin_->take_socket(config.admin,
                           problem)) { // a weir that runs here already is noticed first
    log_error("server: {}", problem);
    return false;
  }
  open_state(config);
  Built built = build(arguments_.file, lasting_, number_);
  std::fputs(config::print(built.diagnostics).c_str(), stderr);
  for (const std::string& note : built.notes) {
    log_warn("server: {}", note);
  }
  if (!built.generation) {
    log_error("server: the configuration cannot be put in force");
    return false;
  }
  make_threads(config);
  if (!begin(std::move(built), problem) || !privileges_.give_up_root(config, problem)) {
    log_error("server: {}", problem);
    return false;
  }
  start_test_clock();
  write_ports();
  for (const auto& open : lasting_.listeners.all_open()) {
    log_info("server: {} listens on {}{}", lasting_.now->listens[open.id].name,
             open.bound.to_string(), open.protocol == IpProtocol::udp ? " udp" : "");
  }
  return true;
}

void Server::make_threads(const config::Config& config) {
  open_log(config);
  io_ = std::make_unique<event::BackgroundPool>(
      "io", kIoThreads, kIoQueue, 0, lasting_.on_thread_start, metrics::Metric::queue_full_io);
  work_ = std::make_unique<event::BackgroundPool>("work", kWorkThreads, kWorkQueue, kWorkNice,
                                                  lasting_.on_thread_start,
                                                  metrics::Metric::queue_full_work);
  logins_ = std::make_unique<proxy::Logins>(*work_);
  for (std::size_t i = 0; i < worker_count(config); ++i) {
    log::LogRing* ring = log_ ? &log_->make_ring() : nullptr;
    workers_.push_back(std::make_unique<Worker>(static_cast<std::uint16_t>(i), dns_settings(config),
                                                *io_, clients_, limits_, ring,
                                                metrics_.make_counters(), errors_));
  }
  clients_.on_room([this] {
    for (auto& worker : workers_) {
      worker->post([w = worker.get()] { w->room(); });
    }
  });
}

/// Listeners, what is left of the last run, the first generation.
bool Server::begin(Built built, std::string& problem) {
  std::vector<Listeners::Open> opened;
  if (!open_listeners(*built.generation, opened, problem)) {
    return false;
  }
  for (auto& tier : built.new_tiers) {
    heap_.watch(*tier);
    lasting_.tiers.emplace(tier->name, std::move(tier));
  }
  built.new_tiers.clear();
  purges_ = std::make_unique<Purges>(loop_, *work_, store_.get(), lasting_.tiers);
  purges_->replay();
  quotas_ = std::make_unique<QuotaKeeper>(loop_, limits_.meters(), store_.get());
  for (auto& worker : workers_) {
    worker->set_purger(*this);
    worker->set_logins(*logins_);
    worker->set_background(*work_);
    worker->set_udp_places(udp_places_);
    worker->start();
  }
  auto generation = built.generation;
  put_in_force(std::move(built), std::move(opened));
  watcher_ = std::make_unique<Watcher>(*this, loop_);
  return admin_->listen(generation->config->admin, problem);
}

void Server::start_test_clock() {
#ifdef WEIR_TEST_HOOKS
  if (arguments_.test_clock.empty()) {
    return;
  }
  auto clock = TestClock::open(loop_, arguments_.test_clock, [this](std::function<void()> then) {
    auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
    for (auto& worker : workers_) {
      worker->post([this, left, then] {
        if (left->fetch_sub(1) == 1) {
          loop_.mailbox().post([then] { then(); });
        }
      });
    }
  });
  if (clock) {
    test_clock_ = std::move(*clock);
  }
#endif
}

int Server::run() {
  loop_.run();
  log_info("server: stopped");
  return 0;
}

namespace {
/// A file that SQLite cannot read is set aside, and a new one begun. Numbers go by the clock then:
/// what is on disk may have any that the old file has given out.
Result<std::unique_ptr<state::Store>> open_store(const std::string& path,
                                                 const std::function<void()>& on_thread_start) {
  auto above = static_cast<std::uint64_t>(Clock::wall().time_since_epoch().count());
  auto store = state::Store::open(path, on_thread_start, above);
  if (store || store.error().code != Code::corrupt) {
    return store;
  }
  std::string aside = path + ".damaged";
  if (std::rename(path.c_str(), aside.c_str()) != 0) {
    return store;
  }
  for (const char* companion : {"-wal", "-shm"}) {
    ::unlink((path + companion).c_str());
  }
  log_error("state: {} is damaged, and set aside as {}: purges under way, what was used of quotas "
            "and the keys of TLS sessions are forgotten",
            path, aside);
  return state::Store::open(path, on_thread_start, above);
}
} // namespace

bool Server::open_state(const config::Config& config) {
  std::string folder = state_folder(config);
  if (make_folder(folder)) {
    auto store = open_store(folder + "/state.db", lasting_.on_thread_start);
    if (store) {
      store_ = std::move(*store);
    } else {
      log_error("state: {}/state.db cannot be used, purges will not outlive a crash: {}", folder,
                to_string(store.error()));
    }
  } else {
    log_error("state: {} cannot be made, purges will not outlive a crash", folder);
  }
  if (store_) {
    if (auto rows = store_->read("tls"); rows && !rows->empty()) {
      lasting_.tickets.restore(rows->back().value);
    }
    lasting_.tickets.on_change(
        [this](std::string keys) { store_->put("tls", "tickets", std::move(keys), {}); });
    if (auto rows = store_->read("node"); rows) {
      for (const state::Row& row : *rows) {
        if (row.key == "via") {
          lasting_.via = row.value;
        }
      }
    }
  }
  if (lasting_.via.empty()) {
    lasting_.via = make_pseudonym();
    if (store_) {
      store_->put("node", "via", lasting_.via, {});
    }
  }
  return store_ != nullptr;
}

void Server::open_log(const config::Config& config) {
  if (config.log.sqlite.empty() && config.log.json.empty()) {
    return;
  }
  log::WriterSettings settings;
  settings.directory = config.log.sqlite;
  if (!settings.directory.empty() && !make_folder(settings.directory)) {
    log_error("log: {} cannot be made", settings.directory);
  }
  if (!config.log.json.empty()) {
    make_folder(std::filesystem::path(config.log.json).parent_path().string());
  }
  settings.retention = {config.options.log_keep, config.options.log_max};
  settings.json_path = config.log.json;
  settings.on_thread_start = lasting_.on_thread_start;
  log_ = std::make_unique<log::SqliteWriter>(std::move(settings));
}

net::ResolverSettings Server::dns_settings(const config::Config& config) const {
  net::ResolverSettings settings;
  settings.servers = config.dns.servers;
  settings.deadline = config.dns.timeout;
  settings.stale = config.dns.stale;
  settings.prefer =
      config.dns.prefer == config::Prefer::ipv4 ? net::Prefer::ipv4 : net::Prefer::ipv6;
  return settings;
}

/// Sockets for the addresses that are new in this generation.
bool Server::open_listeners(const proxy::Generation& generation,
                            std::vector<Listeners::Open>& opened, std::string& problem) {
  for (const rules::Listening& listening : generation.routes->listeners()) {
    if (lasting_.listeners.is_open(listening.address, listening.protocol)) {
      continue;
    }
    auto open =
        lasting_.listeners.bind(listening.address, listening.protocol, workers_.size(), problem);
    if (!open) {
      return false;
    }
    opened.push_back(std::move(*open));
  }
  return true;
}

void Server::put_in_force(Built built, std::vector<Listeners::Open> opened) {
  for (auto& tier : built.new_tiers) {
    heap_.watch(*tier);
    lasting_.tiers.emplace(tier->name, std::move(tier));
  }
  if (store_) {
    for (auto& [name, tier] : lasting_.tiers) {
      tier->directory.set_purge_number(store_->last_number());
    }
  }
  list_problems_ = std::move(built.list_problems);
  lasting_.now = built.generation;
  const config::Options& options = built.generation->config->options;
  clients_.set_most(options.client_connections, options.connections_per_client);
  memory_.set_limit(options.memory_limit);
  loaded_ = Clock::wall();
  for (const auto& open : opened) {
    lasting_.listeners.opened(open);
  }
  udp_places_.set_most(options.udp_sessions);
  auto own = std::make_shared<const net::OwnAddresses>(lasting_.listeners.bound(IpProtocol::tcp),
                                                       net::machine_addresses(),
                                                       lasting_.listeners.bound(IpProtocol::udp));
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = *workers_[i];
    worker.post([&worker, generation = built.generation, own,
                 dns = dns_settings(*built.generation->config)]() mutable {
      worker.set_generation(std::move(generation), std::move(own), std::move(dns));
    });
    for (auto& open : opened) {
      worker.post([&worker, place = proxy::ListenPlace{open.id, open.bound},
                   protocol = open.protocol, socket = std::move(open.sockets[i])]() mutable {
        worker.listen(place, protocol, std::move(socket));
      });
    }
  }
  close_listeners(*built.generation);
  metrics::set(metrics::Metric::workers, static_cast<std::int64_t>(workers_.size()));
  metrics::set(metrics::Metric::generation, static_cast<std::int64_t>(built.generation->number));
  cert_watch_.look();
}

void Server::tell_memory(bool is_short) {
  for (auto& worker : workers_) {
    worker->post([w = worker.get(), is_short] { w->set_short_of_memory(is_short); });
  }
}

/// Those that this generation does not have.
void Server::close_listeners(const proxy::Generation& generation) {
  std::vector<std::uint32_t> gone;
  for (const auto& open : lasting_.listeners.all_open()) {
    if (open.id >= generation.listens.size() || !generation.listens[open.id].used) {
      gone.push_back(open.id);
      for (auto& worker : workers_) {
        worker->post([w = worker.get(), id = open.id] { w->unlisten(id); });
      }
    }
  }
  for (std::uint32_t id : gone) {
    lasting_.listeners.closed(id);
  }
}

void Server::purge(const admin::PurgeAsk& ask, std::function<void(admin::PurgeOutcome)> done) {
  purges_->purge(*lasting_.now, ask, std::move(done));
}

/// Any thread: carried out on the main one.
void Server::purge(proxy::PurgeRequest request, event::Ticket who,
                   std::shared_ptr<proxy::PurgeReply> reply) {
  loop_.mailbox().post([this, request = std::move(request), who, reply] {
    admin::PurgeAsk ask;
    ask.scheme = request.scheme;
    ask.host = request.host;
    ask.port = request.port;
    ask.target = request.target;
    ask.realm = request.place;
    ask.hard = request.hard;
    ask.text =
        fmt::format("{}://{}:{}{}", request.scheme, request.host, request.port, request.target);
    std::vector<admin::PurgeAsk> all;
    for (const std::string& tag : request.tags) {
      all.push_back(ask);
      all.back().what = admin::PurgeAsk::What::tag;
      all.back().name = tag;
      all.back().text = "tag = " + tag;
    }
    if (all.empty()) {
      all.push_back(ask);
    }
    auto left = std::make_shared<std::size_t>(all.size());
    for (const admin::PurgeAsk& each : all) {
      purges_->purge(*lasting_.now, each, [left, reply, who](const admin::PurgeOutcome& outcome) {
        reply->number = outcome.number;
        reply->matched += outcome.dropped;
        reply->recorded = reply->recorded && outcome.error.empty();
        if (--*left == 0) {
          reply->done = true;
          who.wake();
        }
      });
    }
  });
}

void Server::stop(admin::StopMode mode) {
  Duration grace =
      mode == admin::StopMode::drain ? lasting_.now->config->options.stop_grace : Duration::zero();
  if (!stopping_) {
    stopping_ = true;
    log_info("server: stopping");
    auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
    for (auto& worker : workers_) {
      worker->on_end([this, left] {
        if (left->fetch_sub(1) == 1) {
          loop_.mailbox().post([this] { loop_.stop(); });
        }
      });
    }
  }
  for (auto& worker : workers_) {
    worker->post([w = worker.get(), grace] { w->drain(grace); });
  }
}

void Server::reopen_logs() {
  if (auto opened = errors_.reopen(); !opened) {
    log_error("log: the error log cannot be reopened: {}", to_string(opened.error()));
  }
  if (log_) {
    log_->reopen();
  }
}

/// For whoever asked for port 0: one JSON object a line, all of them at once.
void Server::write_ports() {
  if (arguments_.ports_file.empty()) {
    return;
  }
  std::string lines;
  for (const auto& open : lasting_.listeners.all_open()) {
    lines += fmt::format("{{\"listen\":\"{}\",\"address\":\"{}\",\"protocol\":\"{}\"}}\n",
                         lasting_.now->listens[open.id].name, open.bound.to_string(),
                         open.protocol == IpProtocol::udp ? "udp" : "tcp");
  }
  if (admin_->http_address().valid()) {
    lines += fmt::format("{{\"listen\":\"admin\",\"address\":\"{}\"}}\n",
                         admin_->http_address().to_string());
  }
  std::string temporary = arguments_.ports_file + ".new";
  if (std::FILE* file = std::fopen(temporary.c_str(), "w")) {
    std::fwrite(lines.data(), 1, lines.size(), file);
    std::fclose(file);
    std::rename(temporary.c_str(), arguments_.ports_file.c_str());
  }
}

log::Subscriptions* Server::subscriptions() { return log_ ? &log_->subscriptions() : nullptr; }

std::string Server::log_directory() const { return lasting_.now->config->log.sqlite; }

} // namespace weir::server
