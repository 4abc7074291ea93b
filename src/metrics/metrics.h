// SPDX-License-Identifier: Apache-2.0
//
// Counters, gauges and histograms by table (metrics.def), and the Prometheus text made of them.
//
// Metrics is owned by Server and hands out one Counters a thread, which the thread installs. Only
// that thread writes its Counters (relaxed stores on own cache lines, no locked instruction); any
// thread may sum them. A Counters lives as long as Metrics, so that no counter ever goes back when
// its thread ends. A thread without one (a test, a tool) counts nowhere.
//
//   count(Metric::cache_hits_memory);
//   observe(Histogram::ttfb, duration);
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::metrics {

/// One for each METRIC row of metrics.def.
enum class Metric : std::uint16_t {
#define METRIC(kind, id, family, labels, help, prose) id,
#define HISTOGRAM(id, family, labels, help, prose)
#include "metrics/metrics.def"
#undef METRIC
#undef HISTOGRAM
  count_
};

/// One for each HISTOGRAM row of metrics.def: durations, told in seconds.
enum class Histogram : std::uint16_t {
#define METRIC(kind, id, family, labels, help, prose)
#define HISTOGRAM(id, family, labels, help, prose) id,
#include "metrics/metrics.def"
#undef METRIC
#undef HISTOGRAM
  count_
};

constexpr std::size_t kMetrics = static_cast<std::size_t>(Metric::count_);
constexpr std::size_t kHistograms = static_cast<std::size_t>(Histogram::count_);

enum class Kind : std::uint8_t { counter, gauge, histogram };

/// A row of the table, for docgen, the admin page and tests.
struct Row {
  Kind kind;
  std::string_view id;
  std::string_view family; // the Prometheus name without the prefix weir_
  std::string_view labels; // store="memory", or empty
  std::string_view help;   // of the family; empty in its second and later rows
  std::string_view prose;
};
std::span<const Row> metric_rows() noexcept;    // indexed by Metric
std::span<const Row> histogram_rows() noexcept; // indexed by Histogram

/// Upper bounds of a histogram's buckets; one more bucket has none.
constexpr std::array<std::chrono::microseconds, 14> kBuckets = {
    std::chrono::microseconds(100),        std::chrono::microseconds(250),
    std::chrono::microseconds(500),        std::chrono::microseconds(1'000),
    std::chrono::microseconds(2'500),      std::chrono::microseconds(5'000),
    std::chrono::microseconds(10'000),     std::chrono::microseconds(25'000),
    std::chrono::microseconds(100'000),    std::chrono::microseconds(250'000),
    std::chrono::microseconds(1'000'000),  std::chrono::microseconds(5'000'000),
    std::chrono::microseconds(30'000'000), std::chrono::microseconds(120'000'000)};

/// The numbers of one thread.
class alignas(64) Counters {
public:
  Counters() = default;
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;
  ~Counters();

  /// Makes `counters` (or none) this thread's.
  static void install(Counters* counters) noexcept { current_ = counters; }
  static Counters* current() noexcept { return current_; }

  // Owner thread only.
  void add(Metric metric, std::int64_t n) noexcept {
    bump(values_[static_cast<std::size_t>(metric)], n);
  }
  void set(Metric metric, std::int64_t n) noexcept {
    values_[static_cast<std::size_t>(metric)].store(n, std::memory_order_relaxed);
  }
  void observe(Histogram histogram, std::chrono::microseconds value) noexcept;

private:
  friend class Metrics;
  using Cell = std::atomic<std::int64_t>;
  struct Buckets {
    std::array<Cell, kBuckets.size() + 1> counts{};
    Cell sum_us{};
  };
  static void bump(Cell& cell, std::int64_t n) noexcept {
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  static constinit thread_local Counters* current_;

  // Written by the owner thread, read by any.
  std::array<Cell, kMetrics> values_{};
  std::array<Buckets, kHistograms> histograms_{};
};

class Metrics {
public:
  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// Any thread. For Counters::install on the thread that will write it.
  Counters& make_counters();
  /// Any thread: the sum over all threads.
  std::int64_t value(Metric metric) const;
  /// Any thread: appends the text format 0.0.4 of the whole table.
  void write_prometheus(std::string& out) const;

private:
  void write_histogram(std::size_t index, std::string& out) const;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Counters>> counters_; // guarded by mutex_
};

/// Adds to a counter of this thread.
inline void count(Metric metric, std::uint64_t n = 1) noexcept {
  if (Counters* c = Counters::current(); c != nullptr) {
    c->add(metric, static_cast<std::int64_t>(n));
  }
}
/// Gauges: the value is the sum of what all threads added and subtracted, on whichever thread.
inline void add(Metric gauge, std::uint64_t n = 1) noexcept { count(gauge, n); }
inline void sub(Metric gauge, std::uint64_t n = 1) noexcept {
  if (Counters* c = Counters::current(); c != nullptr) {
    c->add(gauge, -static_cast<std::int64_t>(n));
  }
}
/// A gauge that only one thread ever writes.
inline void set(Metric gauge, std::int64_t value) noexcept {
  if (Counters* c = Counters::current(); c != nullptr) {
    c->set(gauge, value);
  }
}
inline void observe(Histogram histogram, std::chrono::microseconds value) noexcept {
  if (Counters* c = Counters::current(); c != nullptr) {
    c->observe(histogram, value);
  }
}

} // namespace weir::metrics
