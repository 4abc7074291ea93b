// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics.h"

#include <fmt/format.h>

namespace weir::metrics {

namespace {

constexpr Row kMetricRows[] = {
#define METRIC(kind, id, family, labels, help, prose)                                              \
  {Kind::kind, #id, family, labels, help, prose},
#define HISTOGRAM(id, family, labels, help, prose)
#include "metrics/metrics.def"
#undef METRIC
#undef HISTOGRAM
};

constexpr Row kHistogramRows[] = {
#define METRIC(kind, id, family, labels, help, prose)
#define HISTOGRAM(id, family, labels, help, prose)                                                 \
  {Kind::histogram, #id, family, labels, help, prose},
#include "metrics/metrics.def"
#undef METRIC
#undef HISTOGRAM
};

std::string_view name(Kind kind) {
  switch (kind) {
  case Kind::counter:
    return "counter";
  case Kind::gauge:
    return "gauge";
  case Kind::histogram:
    return "histogram";
  }
  return "untyped";
}

/// HELP and TYPE, before the first row of a family (the only one with a help text).
void write_family(const Row& row, std::string& out) {
  if (row.help.empty()) {
    return;
  }
  fmt::format_to(std::back_inserter(out), "# HELP weir_{0} {1}\n# TYPE weir_{0} {2}\n", row.family,
                 row.help, name(row.kind));
}

} // namespace

constinit thread_local Counters* Counters::current_ = nullptr;

std::span<const Row> metric_rows() noexcept { return kMetricRows; }
std::span<const Row> histogram_rows() noexcept { return kHistogramRows; }

Counters::~Counters() {
  if (current_ == this) {
    current_ = nullptr;
  }
}

void Counters::observe(Histogram histogram, std::chrono::microseconds value) noexcept {
  Buckets& buckets = histograms_[static_cast<std::size_t>(histogram)];
  std::size_t i = 0;
  while (i < kBuckets.size() && value > kBuckets[i]) {
    ++i;
  }
  bump(buckets.counts[i], 1);
  bump(buckets.sum_us, value.count());
}

Counters& Metrics::make_counters() {
  std::lock_guard lock(mutex_);
  counters_.push_back(std::make_unique<Counters>());
  return *counters_.back();
}

std::int64_t Metrics::value(Metric metric) const {
  std::lock_guard lock(mutex_);
  std::int64_t sum = 0;
  for (const auto& c : counters_) {
    sum += c->values_[static_cast<std::size_t>(metric)].load(std::memory_order_relaxed);
  }
  return sum;
}

void Metrics::write_prometheus(std::string& out) const {
  for (std::size_t i = 0; i < kMetrics; ++i) {
    const Row& row = kMetricRows[i];
    write_family(row, out);
    fmt::format_to(std::back_inserter(out), "weir_{}{}{}{} {}\n", row.family,
                   row.labels.empty() ? "" : "{", row.labels, row.labels.empty() ? "" : "}",
                   value(static_cast<Metric>(i)));
  }
  for (std::size_t i = 0; i < kHistograms; ++i) {
    write_histogram(i, out);
  }
}

void Metrics::write_histogram(std::size_t index, std::string& out) const {
  const Row& row = kHistogramRows[index];
  write_family(row, out);
  std::array<std::int64_t, kBuckets.size() + 1> counts{};
  std::int64_t sum_us = 0;
  {
    std::lock_guard lock(mutex_);
    for (const auto& c : counters_) {
      const auto& buckets = c->histograms_[index];
      for (std::size_t i = 0; i < counts.size(); ++i) {
        counts[i] += buckets.counts[i].load(std::memory_order_relaxed);
      }
      sum_us += buckets.sum_us.load(std::memory_order_relaxed);
    }
  }
  auto to = std::back_inserter(out);
  std::string_view comma = row.labels.empty() ? "" : ",";
  std::int64_t below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    below += counts[i];
    if (i < kBuckets.size()) {
      double bound = static_cast<double>(kBuckets[i].count()) / 1e6;
      fmt::format_to(to, "weir_{}_bucket{{{}{}le=\"{}\"}} {}\n", row.family, row.labels, comma,
                     bound, below);
    } else {
      fmt::format_to(to, "weir_{}_bucket{{{}{}le=\"+Inf\"}} {}\n", row.family, row.labels, comma,
                     below);
    }
  }
  std::string_view open = row.labels.empty() ? "" : "{";
  std::string_view close = row.labels.empty() ? "" : "}";
  fmt::format_to(to, "weir_{0}_sum{1}{2}{3} {4:.6f}\nweir_{0}_count{1}{2}{3} {5}\n", row.family,
                 open, row.labels, close, static_cast<double>(sum_us) / 1e6, below);
}

} // namespace weir::metrics
