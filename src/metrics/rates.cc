// SPDX-License-Identifier: Apache-2.0
#include "metrics/rates.h"

namespace weir::metrics {

RateWindow::Sample RateWindow::read(const Metrics& metrics, MonoTime now) {
  return {now,
          metrics.value(Metric::requests_forward) + metrics.value(Metric::requests_site) +
              metrics.value(Metric::requests_tunnel),
          metrics.value(Metric::client_bytes_in), metrics.value(Metric::client_bytes_out)};
}

void RateWindow::sample(const Metrics& metrics, MonoTime now) {
  samples_[count_ % kSteps] = read(metrics, now);
  ++count_;
}

Rates RateWindow::rates(const Metrics& metrics, MonoTime now) const {
  const Sample& from = samples_[count_ < kSteps ? 0 : count_ % kSteps];
  Rates rates;
  if (count_ == 0 || now <= from.at) {
    return rates;
  }
  Sample to = read(metrics, now);
  rates.over = now - from.at;
  double seconds = std::chrono::duration<double>(rates.over).count();
  rates.requests = static_cast<double>(to.requests - from.requests) / seconds;
  rates.bytes_in = static_cast<double>(to.bytes_in - from.bytes_in) / seconds;
  rates.bytes_out = static_cast<double>(to.bytes_out - from.bytes_out) / seconds;
  return rates;
}

} // namespace weir::metrics
