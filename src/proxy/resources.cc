// SPDX-License-Identifier: Apache-2.0
#include "proxy/resources.h"

#include <algorithm>

#include "proxy/h1_session.h"
#include "proxy/h2_stream.h"

namespace weir::proxy {

namespace {
constexpr std::size_t kMostFree = 256;
} // namespace

Resources::Resources(event::Loop& worker_loop, std::uint16_t worker, net::ResolverSettings dns,
                     event::BackgroundPool& io_pool, log::LogRing* log_ring)
    : loop(worker_loop), worker_number(worker), resolver(worker_loop, std::move(dns)),
      connections(worker_loop), io(io_pool), ring(log_ring), ids(worker),
      own(std::make_shared<net::OwnAddresses>()) {
  free_work_.reserve(kMostFree);
}

Resources::~Resources() = default;

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
