// SPDX-License-Identifier: Apache-2.0
#include "admin/warm_plan.h"

#include <charconv>

#include <fmt/format.h>

#include "admin/local_answers.h"
#include "admin/lookup.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "log/filter.h"

namespace weir::admin {
namespace {

constexpr std::size_t kMostUrls = 100'000;
constexpr double kMostRate = 1000;
constexpr std::size_t kReasons = 20;
constexpr std::size_t kLongestPath = 8192; // what the log has of one may be cut there
constexpr SqlBounds kBounds = {64 << 20, std::chrono::minutes(5)};

/// "50", "50/s".
std::optional<double> read_rate(std::string_view text) {
  text.remove_suffix(text.ends_with("/s") ? 2 : 0);
  double rate = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && rate >= 0.01 && rate <= kMostRate ? std::optional(rate) : std::nullopt;
}

/// Of the request that each URL becomes.
std::string check_request(const WarmAsk& ask) {
  for (const std::string& each : ask.headers) {
    if (!http::is_field_value(each) || each.find(':') == std::string::npos) {
      return fmt::format("'{}' is not a header: write 'Name: value'", each);
    }
  }
  return ask.client.empty() || Address::parse(ask.client)
             ? std::string()
             : fmt::format("'{}' is not an address", ask.client);
}

/// A condition for SQL. `wrong`: why there is none.
std::string condition(const std::string& text, std::string& wrong) {
  log::FilterError why;
  auto filter = log::Filter::parse(text, Clock::wall(), why);
  if (!filter) {
    wrong = fmt::format("{}\n  {}\n  {:>{}}", why.text, text, "^", why.at + 1);
    return {};
  }
  return filter->to_sql();
}

/// What clients asked for that a cache answered, or would have, had it been there.
std::string log_query(const WarmAsk& ask, std::string& wrong) {
  std::string since = condition("time >= -" + ask.since, wrong);
  if (!wrong.empty()) {
    wrong = fmt::format("--since {}: it is a time like 12h or 7d", ask.since);
    return {};
  }
  std::string where = ask.where.empty() ? std::string() : condition(ask.where, wrong);
  return fmt::format(
      "SELECT scheme, host, port, path, query, place, kind, count(*) AS n FROM access WHERE {}{} "
      "AND method = 'GET' AND kind IN ('forward', 'site') AND status BETWEEN 200 AND 399 AND "
      "(cache IN ('hit', 'stale', 'revalidated', 'collapsed') OR (cache = 'miss' AND cache_reason "
      "IN ('uri-miss', 'vary-miss', 'stale', 'request'))) AND length(path) < {} AND length(query) "
      "< "
      "{} GROUP BY scheme, host, port, path, query, place, kind ORDER BY n DESC, host, path, query "
      "LIMIT {}",
      since, where.empty() ? "" : fmt::format(" AND ({})", where), kLongestPath, kLongestPath,
      ask.limit);
}

/// A row of that query.
struct Row {
  std::string url;
  std::string place;
  std::string kind;
};
Row read_row(const Json& row) {
  std::string scheme = row[0].get<std::string>();
  std::string host = row[1].get<std::string>();
  auto port = row[2].get<std::int64_t>();
  std::string query = row[4].get<std::string>();
  bool own = port == 0 || (scheme == "http" && port == 80) || (scheme == "https" && port == 443);
  bool bare = host.find(':') != std::string::npos && host.front() != '[';
  return {fmt::format("{}://{}{}{}{}{}{}{}", scheme, bare ? "[" : "", host, bare ? "]" : "",
                      own ? "" : fmt::format(":{}", port), row[3].get<std::string>(),
                      query.empty() ? "" : "?", query),
          row[5].get<std::string>(), row[6].get<std::string>()};
}

/// With a scheme and without a fragment, as parse_url() takes it.
std::string whole(const std::string& text) {
  Arena arena;
  auto url = parse_url(text, arena);
  return url ? fmt::format("{}://{}{}", http::name(url->scheme),
                           http::write_authority(url->host, url->port_or_default(url->scheme),
                                                 url->scheme, arena),
                           url->path_query)
             : text;
}

class Planner {
public:
  Planner(const proxy::Generation& generation, const WarmAsk& ask)
      : generation_(generation), ask_(ask) {}

  void see_log(const std::string& directory, const Ending& ending);
  void see(const std::string& url, const std::string& forward, const std::string& site);
  WarmPlan take() { return std::move(plan_); }

private:
  void skip(const std::string& url, const std::string& why) {
    ++plan_.skipped;
    if (plan_.reasons.size() < kReasons) {
      plan_.reasons.push_back(fmt::format("{}: {}", url, why));
    }
  }

  const proxy::Generation& generation_;
  const WarmAsk& ask_;
  WarmPlan plan_;
};

/// Of several ways in a site goes before a forward, and of these one that has a cache.
const Json* choose(const Json& ways) {
  const Json* chosen = nullptr;
  auto worth = [](const Json& way) {
    return (way["kind"] == "site" ? 2 : 0) + (way.contains("key") ? 1 : 0);
  };
  for (const Json& way : ways) {
    if (chosen == nullptr || worth(way) > worth(*chosen)) {
      chosen = &way;
    }
  }
  return chosen;
}

void Planner::see(const std::string& url, const std::string& forward, const std::string& site) {
  Clock::tick(); // a long list takes its time
  ++plan_.found;
  ExplainAsk what;
  what.url = url;
  what.method = "GET";
  what.headers = ask_.headers;
  what.client = ask_.client;
  what.forward = forward;
  what.site = site;
  what.own = true;
  Answer answer = get_answer(generation_, what);
  const Json* way = answer.exit == Exit::ok ? choose(answer.body["ways"]) : nullptr;
  if (way == nullptr) {
    return skip(url, answer.body.value("error", "no way leads there"));
  }
  std::string outcome = way->value("outcome", "");
  if (outcome == "hit") {
    ++plan_.fresh;
    return;
  }
  if (outcome != "miss" && outcome != "validate" && outcome != "stale") {
    return skip(url, fmt::format("{}: {}", outcome, way->value("why", "")));
  }
  proxy::WarmUrl wanted;
  wanted.url = whole(url);
  wanted.direction =
      (*way)["kind"] == "forward" ? rules::Direction::forward : rules::Direction::site;
  wanted.place = way->value("name", "");
  plan_.urls.push_back(std::move(wanted));
}

void Planner::see_log(const std::string& directory, const Ending& ending) {
  if (directory.empty()) {
    plan_.exit = Exit::failed;
    plan_.error = "there is no log: the configuration has no `sqlite`";
    return;
  }
  std::string query = log_query(ask_, plan_.error);
  if (!plan_.error.empty()) {
    plan_.exit = Exit::usage;
    return;
  }
  Answer answer = sql_answer(directory, query, kBounds);
  if (answer.exit != Exit::ok) {
    plan_.exit = answer.exit;
    plan_.error = answer.body.value("error", "the log cannot be read");
    return;
  }
  for (const Json& each : answer.body["rows"]) {
    Row row = read_row(each);
    bool forward = row.kind == "forward";
    const std::string& wanted = forward ? ask_.forward : ask_.site;
    bool any = ask_.forward.empty() && ask_.site.empty();
    if (ending()) {
      return;
    }
    if (any || wanted == row.place) {
      see(row.url, forward ? row.place : "", forward ? "" : row.place);
    }
  }
}

} // namespace

WarmAsk warm_ask(const Json& arguments, std::string& wrong) {
  WarmAsk ask;
  ask.from_log = text_of(arguments, "source") == "log";
  ask.urls = list_of(arguments, "url");
  ask.where = text_of(arguments, "where");
  ask.headers = list_of(arguments, "header");
  ask.client = text_of(arguments, "client");
  ask.forward = text_of(arguments, "forward");
  ask.site = text_of(arguments, "site");
  ask.dry_run = flag_of(arguments, "dry_run");
  if (!ask.from_log && ask.urls.empty()) {
    wrong = "nothing to warm: give `log`, a file with a URL a line, or --url";
  }
  if (std::string problem = check_request(ask); !problem.empty()) {
    wrong = std::move(problem);
  }
  if (std::string text = text_of(arguments, "since"); !text.empty()) {
    ask.since = text;
  }
  if (std::string text = text_of(arguments, "rate"); !text.empty()) {
    auto rate = read_rate(text);
    wrong = rate ? wrong : fmt::format("--rate {}: it is so many a second, up to 1000/s", text);
    ask.rate = rate.value_or(ask.rate);
  }
  auto number = [&](const char* name, std::uint64_t most, auto& to) {
    std::string text = text_of(arguments, name);
    auto read = http::parse_decimal(text);
    if (!text.empty() && (!read || *read > most)) {
      wrong = fmt::format("--{} {}: it is a number up to {}", name, text, most);
    } else if (!text.empty()) {
      to = static_cast<std::decay_t<decltype(to)>>(*read);
    }
  };
  number("limit", kMostUrls, ask.limit);
  number("busy", 1'000'000, ask.busy);
  return ask;
}

WarmPlan plan_warm(const proxy::Generation& generation, const std::string& log_directory,
                   const WarmAsk& ask, const Ending& ending) {
  Planner planner(generation, ask);
  if (ask.from_log) {
    planner.see_log(log_directory, ending);
  }
  for (std::size_t i = 0; i < ask.urls.size() && i < ask.limit && !ending(); ++i) {
    planner.see(ask.urls[i], ask.forward, ask.site);
  }
  return planner.take();
}

} // namespace weir::admin
