// SPDX-License-Identifier: Apache-2.0
#include "metrics/rates.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::metrics;
using namespace std::chrono_literals;

TEST_CASE("rates: nothing before the first sample, then from there until now") {
  Metrics metrics;
  Counters::install(&metrics.make_counters());
  RateWindow window;
  MonoTime start{1000s};
  CHECK(window.rates(metrics, start).over == Duration::zero());
  window.sample(metrics, start);
  CHECK(window.rates(metrics, start).over == Duration::zero());
  count(Metric::requests_forward, 10);
  count(Metric::requests_site, 20);
  count(Metric::requests_tunnel, 10);
  count(Metric::client_bytes_in, 400);
  count(Metric::client_bytes_out, 8000);
  Rates rates = window.rates(metrics, start + 4s);
  CHECK(rates.over == 4s);
  CHECK(rates.requests == Approx(10));
  CHECK(rates.bytes_in == Approx(100));
  CHECK(rates.bytes_out == Approx(2000));
  Counters::install(nullptr);
}

TEST_CASE("rates: what is more than a minute ago counts no more") {
  Metrics metrics;
  Counters::install(&metrics.make_counters());
  RateWindow window;
  MonoTime now{1000s};
  window.sample(metrics, now);
  count(Metric::requests_site, 1'000'000);
  for (std::size_t i = 0; i < RateWindow::kSteps; ++i) {
    now += RateWindow::kStep;
    window.sample(metrics, now);
    count(Metric::requests_site, 50);
  }
  now += RateWindow::kStep;
  Rates rates = window.rates(metrics, now);
  CHECK(rates.over == 60s);
  CHECK(rates.requests == Approx(10));
  Counters::install(nullptr);
}
