// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics.h"

#include <catch2/catch.hpp>

#include <set>
#include <thread>

using namespace weir::metrics;
using namespace std::chrono_literals;

namespace {

/// Installs fresh counters on this thread for a test's duration.
struct Installed {
  Metrics metrics;
  Installed() { Counters::install(&metrics.make_counters()); }
  ~Installed() { Counters::install(nullptr); }
};

std::size_t occurrences(const std::string& text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++n;
  }
  return n;
}

} // namespace

TEST_CASE("metrics: without counters installed, counting is harmless") {
  Counters::install(nullptr);
  count(Metric::cache_misses);
  sub(Metric::client_connections);
  observe(Histogram::ttfb, 5ms);
  CHECK(Counters::current() == nullptr);
}

TEST_CASE("metrics: values are summed over threads and stay when a thread ends") {
  Installed in;
  constexpr int kThreads = 4;
  constexpr int kEach = 10'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&in] {
      Counters::install(&in.metrics.make_counters());
      for (int i = 0; i < kEach; ++i) {
        count(Metric::cache_hits_memory);
        add(Metric::client_connections, 2);
        sub(Metric::client_connections);
      }
      Counters::install(nullptr);
    });
  }
  for (auto& t : threads) {
    t.join();
  }
  sub(Metric::client_connections, 5); // opened on one thread, closed on another
  CHECK(in.metrics.value(Metric::cache_hits_memory) == kThreads * kEach);
  CHECK(in.metrics.value(Metric::client_connections) == kThreads * kEach - 5);
}

TEST_CASE("metrics: the Prometheus text has HELP and TYPE once a family, and all label sets") {
  Installed in;
  count(Metric::cache_hits_disk, 7);
  set(Metric::generation, 3);
  std::string text;
  in.metrics.write_prometheus(text);
  CHECK(occurrences(text, "# TYPE weir_cache_hits_total counter\n") == 1);
  CHECK(occurrences(text, "# HELP weir_cache_hits_total ") == 1);
  CHECK(occurrences(text, "weir_cache_hits_total{store=\"memory\"} 0\n") == 1);
  CHECK(occurrences(text, "weir_cache_hits_total{store=\"disk\"} 7\n") == 1);
  CHECK(occurrences(text, "# TYPE weir_generation gauge\nweir_generation 3\n") == 1);
}

TEST_CASE("metrics: histogram buckets are cumulative") {
  Installed in;
  observe(Histogram::duration, 100us); // on the bound: belongs to it
  observe(Histogram::duration, 101us);
  observe(Histogram::duration, 3min);
  std::string text;
  in.metrics.write_prometheus(text);
  CHECK(occurrences(text, "weir_request_duration_seconds_bucket{le=\"0.0001\"} 1\n") == 1);
  CHECK(occurrences(text, "weir_request_duration_seconds_bucket{le=\"0.00025\"} 2\n") == 1);
  CHECK(occurrences(text, "weir_request_duration_seconds_bucket{le=\"120\"} 2\n") == 1);
  CHECK(occurrences(text, "weir_request_duration_seconds_bucket{le=\"+Inf\"} 3\n") == 1);
  CHECK(occurrences(text, "weir_request_duration_seconds_count 3\n") == 1);
  CHECK(occurrences(text, "weir_request_duration_seconds_sum 180.000201\n") == 1);
}

TEST_CASE("metrics: the table is well formed") {
  std::set<std::string> series;
  std::set<std::string_view> families;
  std::string_view family;
  auto check = [&](const Row& row) {
    INFO(row.id);
    bool first = row.family != family;
    CHECK(first == !row.help.empty());
    if (first) {
      CHECK(families.insert(row.family).second); // rows of a family stand together
      CHECK(row.help.back() == '.');
    }
    family = row.family;
    CHECK(!row.prose.empty());
    CHECK(series.insert(std::string(row.family) + '{' + std::string(row.labels)).second);
    CHECK((row.kind == Kind::counter) == (row.family.size() > 6 && row.family.ends_with("_total")));
  };
  for (const Row& row : metric_rows()) {
    check(row);
  }
  for (const Row& row : histogram_rows()) {
    check(row);
  }
}
