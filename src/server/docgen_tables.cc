// SPDX-License-Identifier: Apache-2.0
//
// weir-log(7) from log/record.def and weir-metrics(7) from metrics/metrics.def.
#include <fmt/format.h>

#include "metrics/metrics.h"
#include "server/docgen.h"

namespace weir::server {
namespace {

struct Column {
  std::string_view kind;
  std::string_view name;
  std::string_view line;
  std::string_view prose;
};
constexpr Column kColumns[] = {
#define COLUMN(kind, name, line, prose) {#kind, #name, line, prose},
#include "log/record.def"
#undef COLUMN
};

std::string capital(std::string_view line) {
  std::string out(line);
  out[0] = out[0] >= 'a' && out[0] <= 'z' ? static_cast<char>(out[0] - 'a' + 'A') : out[0];
  return out;
}

std::string_view unit_of(std::string_view kind) {
  return kind == "bytes" ? "bytes" : kind == "duration" ? "microseconds" : "";
}

void metric(Mdoc& page, const metrics::Row& row, std::string_view ending) {
  const std::string labels = row.labels.empty() ? "" : fmt::format("{{{}}}", row.labels);
  page.item(fmt::format("weir_{}{}", row.family, ending), labels);
  page.text((row.help.empty() ? "" : std::string(row.help) + " ") + std::string(row.prose));
}

} // namespace

std::string log_page() {
  Mdoc page("weir-log", "7", "the access log of weir");
  page.section("Description");
  page.text("The access log has one row for each request: tunnels, blocked and malformed requests "
            "too. With log { sqlite DIR } it is kept in SQLite files, each of an hour or a "
            "gigabyte, which any SQLite tool can read while weir writes. Each file has a view "
            "called access with the columns below. It takes apart the blocks of rows that the file "
            "has, which costs a tool some time for each row of the file; weirctl log sql gives the "
            "same view over all files at once, reads the blocks itself, and of them only those of "
            "the time that is asked for. With log { json PATH } each row is also an object on a "
            "line of its "
            "own, with the same names.");
  page.section("Columns");
  page.begin_list();
  for (const Column& column : kColumns) {
    page.item(column.name, unit_of(column.kind));
    page.text(capital(column.line) + ". " + std::string(column.prose));
  }
  page.end_list();
  page.section("Examples");
  page.literal("weirctl log sql \"select host, count(*) from access\n"
               "    where status = 403 group by host order by 2 desc limit 10\"\n");
  page.see_also("weir.conf(5) weirctl(8)");
  return page.take();
}

std::string metrics_page() {
  Mdoc page("weir-metrics", "7", "the metrics of weir");
  page.section("Description");
  page.text("weir counts what it does and tells the numbers in the text format of Prometheus: on "
            "the admin listener under /metrics (see weir.conf(5)). Counters only grow while weir "
            "runs; they begin at 0 when it starts, not at a reload.");
  page.section("Counters and gauges");
  page.begin_list();
  for (const metrics::Row& row : metrics::metric_rows()) {
    metric(page, row, "");
  }
  page.end_list();
  page.section("Histograms");
  page.text("Durations in seconds, each as the series _bucket, _sum and _count.");
  page.begin_list();
  for (const metrics::Row& row : metrics::histogram_rows()) {
    metric(page, row, "");
  }
  page.end_list();
  page.see_also("weir.conf(5) weirctl(8)");
  return page.take();
}

} // namespace weir::server
