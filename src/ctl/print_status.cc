// SPDX-License-Identifier: Apache-2.0
//
// status and the cache verbs, for people.
#include <fmt/format.h>

#include "ctl/print.h"

namespace weir::ctl {
namespace {

using Align = Table::Align;

std::string disk_text(const Json& disk) {
  if (disk.is_null()) {
    return "-";
  }
  std::string state = text_at(disk, "state");
  if (state != "ok") {
    return fmt::format("{}: {}", state, text_at(disk, "error"));
  }
  return fmt::format("{} of {}", bytes_text(number_at(disk, "bytes")),
                     bytes_text(number_at(disk, "capacity")));
}

Colour disk_colour(const Json& disk) {
  return disk.is_null() || text_at(disk, "state") == "ok" ? Colour::none : Colour::bad;
}

std::string caches_table(const Json& body, const Style& style) {
  Table table({"CACHE", "MEMORY", "ENTRIES", "EVICTED", "FETCHING", "DISK", "OBJECTS"},
              {Align::left, Align::right, Align::right, Align::right, Align::right});
  for (const Json& each : array_at(body, "caches")) {
    Json disk = each.contains("disk") ? each["disk"] : Json();
    table.add({text_at(each, "name"),
               fmt::format("{} of {}", bytes_text(number_at(each, "memory_used")),
                           bytes_text(number_at(each, "memory_limit"))),
               count_text(number_at(each, "entries")), count_text(number_at(each, "evictions")),
               bytes_text(number_at(each, "fill_bytes")), disk_text(disk),
               disk.is_null() ? "-" : count_text(number_at(disk, "objects"))},
              disk_colour(disk));
  }
  return table.empty() ? std::string() : table.print(style);
}

std::string requests_line(const Json& requests) {
  std::string text = fmt::format(
      "forward {}   site {}   denied {}   hits {}   misses {}",
      count_text(number_at(requests, "forward")), count_text(number_at(requests, "site")),
      count_text(number_at(requests, "denied")), count_text(number_at(requests, "hits")),
      count_text(number_at(requests, "misses")));
  if (requests.contains("hit_ratio")) {
    text += fmt::format("   hit ratio {:.1f} %", number_at(requests, "hit_ratio") * 100);
  }
  return text;
}

std::string rates_line(const Json& rates) {
  double over = number_at(rates, "over_seconds");
  if (over <= 0) {
    return "-";
  }
  return fmt::format("{:.1f} requests/s   in {}/s   out {}/s   over the last {}",
                     number_at(rates, "requests_per_second"),
                     bytes_text(number_at(rates, "bytes_in_per_second")),
                     bytes_text(number_at(rates, "bytes_out_per_second")), seconds_text(over));
}

std::string log_line(const Json& log) {
  if (!flag_at(log, "on")) {
    return "off";
  }
  std::string text = fmt::format(
      "{} rows, {} behind, {} dropped; {} in {} files", count_text(number_at(log, "rows")),
      seconds_text(number_at(log, "lag_seconds")), count_text(number_at(log, "dropped")),
      bytes_text(number_at(log, "bytes")), count_text(number_at(log, "files")));
  if (std::string error = text_at(log, "error"); !error.empty()) {
    text += fmt::format("; {}: {}", flag_at(log, "failing") ? "FAILING" : "failed before", error);
  }
  return text;
}

std::string health_text(const Json& server) {
  std::string health = text_at(server, "health");
  std::string check = text_at(server, "check");
  if (health.empty()) {
    return "not checked";
  }
  return check.empty() ? health : fmt::format("{} ({})", health, check);
}

std::string pools_table(const Json& body, const Style& style) {
  Table table({"POOL", "SERVER", "IN USE", "WAITING", "REQUESTS", "FAILURES", "HEALTH"},
              {Align::left, Align::left, Align::right, Align::right, Align::right, Align::right});
  for (const Json& pool : array_at(body, "pools")) {
    for (const Json& each : array_at(pool, "servers")) {
      table.add({text_at(pool, "name"), text_at(each, "server"),
                 count_text(number_at(each, "in_use")), count_text(number_at(each, "waiting")),
                 count_text(number_at(each, "requests")), count_text(number_at(each, "failures")),
                 health_text(each)});
    }
  }
  return table.empty() ? std::string() : "\n" + table.print(style);
}

std::string lists_table(const Json& body, const Style& style) {
  Table table({"LIST", "ENTRIES", "BAD LINES", ""}, {Align::left, Align::right, Align::right});
  for (const Json& each : array_at(body, "lists")) {
    std::string problem = text_at(each, "problem");
    table.add({text_at(each, "name"), count_text(number_at(each, "entries")),
               count_text(number_at(each, "bad_lines")), problem},
              problem.empty() ? Colour::none : Colour::warn);
  }
  return table.empty() ? std::string() : "\n" + table.print(style);
}

/// `cache show`: the stored variants of a URL.
std::string variants_table(const Json& variants, const Style& style) {
  Table table(
      {"CACHE", "PLACE", "STATUS", "AGE", "TTL", "SIZE", "STORED IN", "CODED", "ETAG", "VARY"},
      {Align::left, Align::left, Align::right, Align::right, Align::right, Align::right});
  for (const Json& each : variants) {
    std::string stores;
    for (const Json& store : array_at(each, "stores")) {
      stores += (stores.empty() ? "" : " and ") + store.get<std::string>();
    }
    std::string codings;
    if (each.contains("codings")) {
      for (const auto& coding : each["codings"].items()) {
        codings += codings.empty() ? "" : " ";
        codings += coding.key();
      }
    }
    std::string size = bytes_text(number_at(each, "size"));
    if (each.contains("bytes_here")) {
      size.insert(0, bytes_text(number_at(each, "bytes_here")) + " of ");
    }
    bool fresh = flag_at(each, "fresh");
    table.add({text_at(each, "cache"), text_at(each, "place"),
               count_text(number_at(each, "status")), seconds_text(number_at(each, "age_seconds")),
               fresh ? seconds_text(number_at(each, "ttl_seconds")) : "stale", size, stores,
               codings, text_at(each, "etag"),
               each.contains("vary") && !each["vary"].empty() ? admin::dump(each["vary"]) : ""});
  }
  return table.print(style);
}

} // namespace

std::string print_caches(const Json& body, const Style& style) {
  if (const Json& variants = array_at(body, "variants"); !variants.empty()) {
    return variants_table(variants, style);
  }
  std::string text = caches_table(body, style);
  if (body.contains("requests")) {
    text += requests_line(body["requests"]) + "\n";
  }
  return text.empty() ? "there is no cache\n" : text;
}

std::string print_status(const Json& body, const Style& style) {
  std::string file = text_at(body, "file");
  std::string user = text_at(body, "user");
  std::string text =
      fmt::format("{}  process {}{}, up {}{}\n",
                  style.paint(Colour::strong, "weir " + clean(text_at(body, "version"))),
                  number_at(body, "pid"), user.empty() ? "" : " of " + user,
                  seconds_text(number_at(body, "uptime_seconds")),
                  flag_at(body, "stopping") ? ", stopping" : "");
  Table facts({});
  facts.add(
      {"generation", fmt::format("{} of {}, in force since {}", number_at(body, "generation"),
                                 file.empty() ? "the embedded default" : file,
                                 time_text(static_cast<std::int64_t>(number_at(body, "loaded"))))});
  if (std::string error = text_at(body, "reload_error"); !error.empty()) {
    facts.add({"reload", "failed: " + error}, Colour::bad);
  }
  for (const Json& each : array_at(body, "listeners")) {
    facts.add({text_at(each, "kind"), fmt::format("{}{}  {}", text_at(each, "address"),
                                                  text_at(each, "protocol") == "udp" ? " udp" : "",
                                                  text_at(each, "name"))});
  }
  facts.add({"load", fmt::format("{} connections, {} fetches for the cache, {} workers",
                                 count_text(number_at(body, "connections")),
                                 count_text(number_at(body, "fills")),
                                 count_text(number_at(body, "workers")))});
  facts.add({"requests", requests_line(body.contains("requests") ? body["requests"] : Json())});
  facts.add({"rates", rates_line(body.contains("rates") ? body["rates"] : Json())});
  Json log = body.contains("log") ? body["log"] : Json();
  facts.add({"log", log_line(log)}, flag_at(log, "failing") ? Colour::bad : Colour::none);
  text += facts.print(style);
  if (std::string caches = caches_table(body, style); !caches.empty()) {
    text += "\n" + caches;
  }
  return text + pools_table(body, style) + lists_table(body, style);
}

} // namespace weir::ctl
