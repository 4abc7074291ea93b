// SPDX-License-Identifier: Apache-2.0
#include "log/subscription.h"

#include <algorithm>
#include <utility>

#include "metrics/metrics.h"

namespace weir::log {

void Subscriptions::offer(const AccessRecord& record) {
  std::lock_guard lock(mutex_);
  for (Subscription* s : all_) {
    s->offer(record);
  }
}

void Subscriptions::wake() {
  std::lock_guard lock(mutex_);
  for (Subscription* s : all_) {
    if (std::exchange(s->fresh_, false) && s->ticket_) {
      s->ticket_.wake();
    }
  }
}

Subscription::Subscription(Subscriptions& log, std::optional<Filter> filter, event::Ticket ticket,
                           std::size_t most_bytes)
    : log_(log), filter_(std::move(filter)), ticket_(ticket), most_bytes_(most_bytes) {
  std::lock_guard lock(log_.mutex_);
  log_.all_.push_back(this);
  log_.count_.store(log_.all_.size(), std::memory_order_relaxed);
}

Subscription::~Subscription() {
  std::lock_guard lock(log_.mutex_);
  std::erase(log_.all_, this);
  log_.count_.store(log_.all_.size(), std::memory_order_relaxed);
}

void Subscription::offer(const AccessRecord& record) {
  if (filter_ && !filter_->matches(record)) {
    return;
  }
  std::string line;
  append_json(record, line);
  line.push_back('\n');
  std::lock_guard lock(mutex_);
  if (lines_.size() + line.size() > most_bytes_) {
    ++dropped_;
    metrics::count(metrics::Metric::log_subscriber_dropped);
    return;
  }
  lines_ += line;
  fresh_ = true;
}

std::string Subscription::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(lines_, {});
}

std::uint64_t Subscription::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

} // namespace weir::log
