// SPDX-License-Identifier: Apache-2.0
#include "proxy/resources.h"

#include <algorithm>

#include "metrics/metrics.h"
#include "proxy/h1_session.h"
#include "proxy/h2_origin.h"
#include "proxy/h2_stream.h"

namespace weir::proxy {

namespace {
constexpr std::size_t kMostFree = 1024; // of each
} // namespace

Resources::Resources(event::Loop& worker_loop, std::uint16_t worker, net::ResolverSettings dns,
                     event::BackgroundPool& io_pool, net::ClientCounts& client_counts,
                     rules::Limits& request_limits, log::LogRing* log_ring)
    : loop(worker_loop), worker_number(worker), resolver(worker_loop, std::move(dns)),
      connections(worker_loop), h2_origins(worker_loop), io(io_pool), clients(client_counts),
      limits(request_limits), ring(log_ring), ids(worker), coding(worker_loop),
      own(std::make_shared<net::OwnAddresses>()) {
  free_work_.reserve(kMostFree);
}

Resources::~Resources() = default;

bool Resources::enter(const Address& client) {
  if (clients.enter(client)) {
    metrics::count(metrics::Metric::client_connections_accepted);
    metrics::add(metrics::Metric::client_connections);
    return true;
  }
  metrics::count(metrics::Metric::client_connections_refused);
  note_connection(client, {}, "client-limit");
  return false;
}

void Resources::leave(const Address& client) noexcept {
  metrics::sub(metrics::Metric::client_connections);
  clients.leave(client);
}

void Resources::note_connection(const Address& client, std::string_view http,
                                std::string_view end) {
  if (ring == nullptr) {
    return;
  }
  log::AccessRecord record;
  record.id = ids.next(Clock::wall());
  record.set_time(Clock::wall());
  record.client = client;
  record.kind = "connection";
  record.http = http;
  record.end = end;
  record.generation = static_cast<std::int64_t>(generation->number);
  record.worker = worker_number;
  ring->push(record);
}

void Resources::end_fills() {
  while (cache::Fill* fill = fills_.pop_front()) {
    fill->fail({Code::stopped, Side::self});
  }
}

std::unique_ptr<H1Work> Resources::lend_work() {
  if (free_work_.empty()) {
    return std::make_unique<H1Work>(*this);
  }
  std::unique_ptr<H1Work> work = std::move(free_work_.back());
  free_work_.pop_back();
  return work;
}

void Resources::give_back(std::unique_ptr<H1Work> work) {
  if (free_work_.size() < kMostFree) {
    work->clear();
    free_work_.push_back(std::move(work));
  }
}

std::unique_ptr<H2Stream> Resources::lend_stream() {
  if (free_streams_.empty()) {
    return std::make_unique<H2Stream>(*this);
  }
  std::unique_ptr<H2Stream> stream = std::move(free_streams_.back());
  free_streams_.pop_back();
  return stream;
}

void Resources::give_back(std::unique_ptr<H2Stream> stream) {
  if (free_streams_.size() < kMostFree) {
    free_streams_.push_back(std::move(stream));
  }
}

} // namespace weir::proxy
