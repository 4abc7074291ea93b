// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <fmt/format.h>

#include "config/statements.h"

namespace weir::config {
namespace {

constexpr std::string_view kDefaultState = "/var/lib/weir/state";

/// `blocked` has an index like any other page; without a file it is the built-in one.
void add_built_in_page(Config& config) {
  for (const PageDecl& page : config.pages) {
    if (page.name == "blocked") {
      return;
    }
  }
  PageDecl blocked;
  blocked.name = "blocked";
  blocked.content_type = "text/html; charset=utf-8";
  config.pages.push_back(std::move(blocked));
}

Loaded read(Report& report, const std::string& name, std::string text, LoadSettings settings) {
  Reading r{report, settings, {}};
  const std::vector<Statement> statements =
      read_tree(report, name, std::move(text), settings.outside);
  r.config.files = report.names();
  r.config.state = kDefaultState;
  Scope scope;
  scope.options = default_options();
  r.config.dns.stale = scope.options.dns_stale;
  r.config.dns.timeout = scope.options.dns_timeout;
  r.config.log.keep = scope.options.log_keep;
  r.config.log.max = scope.options.log_max;
  r.config.dns.options = r.config.log.options = scope.options;
  read_block(r, statements, scope);
  r.config.options = scope.options;
  add_built_in_page(r.config);
  check(r);
  Loaded loaded;
  if (!report.failed()) {
    loaded.config = std::make_shared<const Config>(std::move(r.config));
  }
  loaded.diagnostics = report.take();
  return loaded;
}

} // namespace

std::string Config::where(const Position& at) const {
  return at.written() && at.file < files.size() ? fmt::format("{}:{}", files[at.file], at.line)
                                                : "default";
}

Loaded load_file(const std::string& path) {
  Report report;
  auto text = read_file(path, kLargestFile, true);
  if (!text) {
    report.file_error(path, why(text.error()));
    return {nullptr, report.take()};
  }
  return read(report, path, std::move(*text), {});
}

Loaded load_text(const std::string& name, std::string_view text, LoadSettings settings) {
  Report report;
  return read(report, name, std::string(text), settings);
}

std::string_view embedded_default() noexcept {
  return R"(# weir without a configuration file: both directions on loopback, everything under ./var.
state ./var/state
log { sqlite ./var/log keep 7d max 1GB; json ./var/log/access.json; errors stderr }
admin { socket ./var/admin.sock; http 127.0.0.1:9145 }

cache main {
    memory 64MB
    disk   ./var/cache 1GB
}

pool demo { server 127.0.0.1:8090 }

forward lan {
    listen  127.0.0.1:3128
    connect 443 8090  # the demo origin too
    private deny except 127.0.0.0/8 ::1  # listens on loopback only, and so may reach it
    cache   main
    rules {
        allow client loopback
        deny  all
    }
}

site * {
    listen 127.0.0.1:8080
    route / { cache main; pool demo }
}
)";
}

} // namespace weir::config
