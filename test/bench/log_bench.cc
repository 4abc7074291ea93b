// SPDX-License-Identifier: Apache-2.0
//
// What a log record costs (DESIGN §13): the worker's push, and the log thread's row; also bytes a
// row, and a query. `log_bench [rows]`; CPU times of the threads, not of the clock.
#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "log/query.h"
#include "log/sqlite_writer.h"

using namespace weir;
using namespace weir::log;

namespace {

double cpu_us(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

/// Requests as a company's proxy sees them: few clients, some hundred hosts, long paths.
class Traffic {
public:
  Traffic() {
    for (int i = 0; i < 500; ++i) {
      hosts_.push_back("host" + std::to_string(i) + ".cdn.example.com");
      agents_.push_back("Mozilla/5.0 (X11; Linux x86_64; rv:" + std::to_string(i % 40) +
                        ".0) Gecko/20100101 Firefox/" + std::to_string(i % 40) +
                        ".0 and some more text behind it");
      paths_.push_back("/assets/2026/11/" + std::to_string(i * 7919) +
                       "/images/a-picture-with-a-long-name-" + std::to_string(i) + ".webp");
      referers_.push_back("https://www.example" + std::to_string(i % 60) + ".com/article/" +
                          std::to_string(i % 60));
    }
  }
  void fill(AccessRecord& r, std::int64_t i) {
    auto at = [i](std::size_t n, std::int64_t step) {
      return static_cast<std::size_t>(i * step) % n;
    };
    r.set_time(WallTime(Duration(kStart + i * 10)));
    r.id = ids_.next(WallTime(Duration(kStart + i * 10 - 1500)));
    r.kind = "forward";
    r.place = "office";
    r.client = Address::v4(
        {10, 0, static_cast<std::uint8_t>(at(4, 7)), static_cast<std::uint8_t>(at(250, 13))});
    r.method = "GET";
    r.scheme = "http";
    r.host = hosts_[at(500, 31)];
    r.port = 80;
    r.path = paths_[at(500, 17)];
    r.status = i % 20 == 0 ? 304 : 200;
    r.cache = i % 3 == 0 ? "miss" : "hit";
    r.cache_reason = i % 3 == 0 ? "" : "memory";
    r.bytes_in = 400 + i % 300;
    r.bytes_out = 1000 + (i * 37) % 50'000;
    r.ttfb = 300 + i % 4000;
    r.duration = 400 + i % 9000;
    if (i % 3 == 0) {
      r.origin = Address::v4({192, 0, 2, static_cast<std::uint8_t>(at(200, 3))}, 80);
    }
    r.rule = "weir.conf:12 allow";
    r.http = "1.1";
    r.end = "ok";
    r.user_agent = agents_[at(500, 11)];
    r.referer = referers_[at(500, 5)];
    r.mime = "image/webp";
    r.generation = 1;
    r.worker = 0;
  }

private:
  static constexpr std::int64_t kStart = 1'795'255'200'000'000;
  RequestIds ids_{0};
  std::vector<std::string> hosts_, agents_, paths_, referers_;
};

class Ignore final : public RowSink {
public:
  void columns(std::span<const std::string_view>) override {}
  bool row(std::span<const SqlValue>) override { return true; }
};

} // namespace

int main(int argc, char** argv) {
  std::int64_t rows = argc > 1 ? std::atoll(argv[1]) : 500'000;
  std::string pattern = (std::filesystem::temp_directory_path() / "weir-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    return 1;
  }
  WriterSettings settings;
  settings.directory = pattern;
  settings.retention = {};
  double push = 0;
  double all = 0;
  std::uint64_t dropped = 0;
  Traffic traffic;
  {
    SqliteWriter writer(settings);
    LogRing& ring = writer.make_ring(std::size_t{64} << 20);
    AccessRecord record;
    double begin = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
    double mine = 0;
    for (std::int64_t i = 0; i < rows;) {
      double filled = cpu_us(CLOCK_THREAD_CPUTIME_ID);
      std::int64_t end = std::min(rows, i + 20'000);
      for (; i < end; ++i) {
        traffic.fill(record, i);
        ring.push(record);
      }
      mine += cpu_us(CLOCK_THREAD_CPUTIME_ID) - filled;
      writer.flush();
    }
    push = mine;
    all = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - begin;
    dropped = writer.status().dropped;
  }
  auto n = static_cast<double>(rows);
  // What filling the record costs is not the log's.
  AccessRecord record;
  double begin = cpu_us(CLOCK_THREAD_CPUTIME_ID);
  for (std::int64_t i = 0; i < rows; ++i) {
    traffic.fill(record, i);
    asm volatile("" : : "g"(&record) : "memory");
  }
  double fill = cpu_us(CLOCK_THREAD_CPUTIME_ID) - begin;
  double bytes = 0;
  if (auto partitions = list_partitions(pattern)) {
    for (const auto& p : *partitions) {
      bytes += static_cast<double>(p.bytes);
    }
  }
  std::printf("push          %6.3f us CPU (without filling the record)\n", (push - fill) / n);
  std::printf("row           %6.3f us CPU (log thread and checkpoints)\n", (all - push) / n);
  std::printf("row           %6.1f bytes\n", bytes / n);
  std::printf("dropped       %6llu\n", static_cast<unsigned long long>(dropped));
  for (const char* sql : {"SELECT count(*) FROM access WHERE status >= 500",
                          "SELECT host, count(*), sum(bytes_out) FROM access GROUP BY host ORDER "
                          "BY 2 DESC LIMIT 10"}) {
    Ignore sink;
    std::string why;
    begin = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    if (auto r = run_sql(pattern, sql, sink, why); !r) {
      std::printf("%s\n", why.c_str());
    }
    std::printf("query         %6.3f us CPU a row: %s\n",
                (cpu_us(CLOCK_THREAD_CPUTIME_ID) - begin) / n, sql);
  }
  std::filesystem::remove_all(pattern);
  return 0;
}
