// SPDX-License-Identifier: Apache-2.0
#include "server/worker.h"

#include <pthread.h>

#include "proxy/h1_session.h"
#include "proxy/handshake.h"
#include "proxy/l4_session.h"

namespace weir::server {

namespace {
constexpr std::size_t kChunksKept = 512;
constexpr Duration kLook = std::chrono::milliseconds(20);
constexpr Duration kTellAgain = std::chrono::minutes(1);
} // namespace

Worker::Door::Door(Worker& worker, proxy::ListenPlace place, net::ListenSocket socket)
    : worker_(worker), place_(place), listener_(worker.loop_, std::move(socket), *this) {}

bool Worker::Door::reserve() {
  if (worker_.resources_.short_of_memory) {
    return false;
  }
  if (worker_.resources_.clients.reserve()) {
    return true;
  }
  metrics::count(metrics::Metric::accept_waits);
  if (worker_.full_told_ == MonoTime{} || Clock::mono() - worker_.full_told_ > kTellAgain) {
    worker_.full_told_ = Clock::mono();
    log_warn("net: {} client connections: further ones wait (client-connections)",
             worker_.resources_.clients.all());
  }
  return false;
}

void Worker::Door::accepted(net::Fd fd, const Address& remote, const Address& local) {
  net::set_nodelay(fd.get());
  proxy::Resources& resources = worker_.resources_;
  const proxy::Ends ends{remote, local};
  std::unique_ptr<proxy::Session> session;
  if (proxy::Handshake::is_needed(resources.generation->listen(place_))) {
    auto handshake = std::make_unique<proxy::Handshake>(resources, place_, ends);
    if (!handshake->open(std::move(fd))) {
      return;
    }
    session = std::move(handshake);
  } else if (!resources.enter(remote)) {
    resources.clients.unreserve();
    return;
  } else if (resources.generation->listen(place_).direction == rules::Direction::l4) {
    auto raw = std::make_unique<proxy::L4Session>(resources, place_, resources.generation, ends);
    if (!raw->open(std::move(fd))) {
      return;
    }
    session = std::move(raw);
  } else {
    auto plain = std::make_unique<proxy::H1Session>(resources, place_, ends);
    if (!plain->open(std::move(fd))) {
      return;
    }
    session = std::move(plain);
  }
  if (worker_.draining_) {
    session->drain_after_first();
  }
  resources.sessions.push_back(*session.release()); // it retires itself
}

void Worker::Drain::run() {
  if (worker_.resources_.sessions.empty() || grace.passed()) {
    worker_.loop_.stop();
    return;
  }
  look.arm(worker_.loop_, kLook, *this);
}

Worker::Worker(std::uint16_t number, net::ResolverSettings dns, event::BackgroundPool& io,
               net::ClientCounts& clients, rules::Limits& limits, log::LogRing* ring,
               metrics::Counters& counters, ErrorLog& errors)
    : number_(number), counters_(counters), errors_(errors), chunks_(kChunksKept),
      resources_(loop_, number, std::move(dns), io, clients, limits, ring), drain_(*this) {}

Worker::~Worker() {
  Slab::install(&slab_); // to which goes what resources_ has kept
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::join() {
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Worker::run() {
  ::pthread_setname_np(::pthread_self(), ("worker" + std::to_string(number_)).c_str());
  ErrorLog::install(&errors_);
  metrics::Counters::install(&counters_);
  ChunkPool::install(&chunks_);
  Slab::install(&slab_);
  loop_.mailbox().adopt_thread();
  Clock::tick();
  loop_.run();
  end_all();
  if (on_end_) {
    on_end_();
  }
  ChunkPool::install(nullptr);
  Slab::install(nullptr);
}

void Worker::set_generation(std::shared_ptr<const proxy::Generation> generation,
                            std::shared_ptr<const net::OwnAddresses> own,
                            net::ResolverSettings dns) {
  bool first = !resources_.generation;
  resources_.generation =
      proxy::GenerationRef(make_ref<const proxy::PinnedGeneration>(std::move(generation)));
  resources_.own = std::move(own);
  if (!first) {
    resources_.resolver.reconfigure(std::move(dns));
  }
  if (number_ == 0 && !draining_) {
    checks_ = proxy::make_health_checks(resources_);
  }
}

void Worker::listen(proxy::ListenPlace place, IpProtocol protocol, net::ListenSocket socket) {
  if (protocol == IpProtocol::udp) {
    udp_doors_[place.id] = std::make_unique<proxy::UdpDoor>(resources_, place, std::move(socket));
    return;
  }
  doors_[place.id] = std::make_unique<Door>(*this, place, std::move(socket));
}

void Worker::unlisten(std::uint32_t place) {
  if (auto at = udp_doors_.find(place); at != udp_doors_.end()) {
    at->second->close();
    loop_.retire(std::move(at->second)); // with its sessions
    udp_doors_.erase(at);
    return;
  }
  auto at = doors_.find(place);
  if (at == doors_.end()) {
    return;
  }
  at->second->listener().stop();
  closed_doors_.push_back(std::move(at->second));
  doors_.erase(at);
}

void Worker::room() {
  for (auto& [id, door] : doors_) {
    door->listener().resume();
  }
}

void Worker::set_short_of_memory(bool is_short) {
  resources_.short_of_memory = is_short;
  if (!is_short) {
    room();
  }
}

void Worker::warm(proxy::WarmJob job, std::shared_ptr<proxy::WarmProgress> progress,
                  std::function<std::int64_t()> in_work) {
  if (draining_) {
    progress->over = true;
    return;
  }
  if (!warmer_) {
    warmer_ = std::make_unique<proxy::Warmer>(resources_, std::move(in_work));
  }
  warmer_->start(std::move(job), std::move(progress));
}

void Worker::stop_warm() {
  if (warmer_) {
    warmer_->stop();
  }
}

void Worker::drain(Duration grace) {
  draining_ = true;
  checks_.clear();
  stop_warm();
  for (auto& [id, door] : doors_) {
    door->listener().stop();
  }
  for (auto& [id, door] : udp_doors_) {
    door->drain();
  }
  // Those that close unlink themselves: the next one is taken first.
  for (proxy::Session* session = resources_.sessions.front(); session != nullptr;) {
    proxy::Session* next = resources_.sessions.next(*session);
    session->drain();
    session = next;
  }
  drain_.grace.arm(loop_, grace > Duration::zero() ? grace : kLook, drain_);
  loop_.wake(drain_);
}

/// On its own thread still: whatever holds a socket or a Fill ends here.
void Worker::end_all() {
  while (proxy::Session* session = resources_.sessions.front()) {
    session->end();
  }
  checks_.clear();
  stop_warm();
  resources_.end_fills();
  loop_.turn(false);
  doors_.clear();
  udp_doors_.clear();
  drain_.look.disarm();
  drain_.grace.disarm();
}

} // namespace weir::server
