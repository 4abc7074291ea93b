// SPDX-License-Identifier: Apache-2.0
//
// explain, for people: each way in, each rule, each condition.
#include <fmt/format.h>

#include "ctl/print.h"

namespace weir::ctl {
namespace {

Colour colour_of(std::string_view outcome) {
  return outcome == "yes" ? Colour::good : outcome == "unknown" ? Colour::warn : Colour::faint;
}

std::string print_rule(const Json& rule, const Style& style) {
  std::string outcome = text_at(rule, "outcome");
  std::string text =
      fmt::format("    {}  {}  {}\n", clean(text_at(rule, "where")), clean(text_at(rule, "text")),
                  style.paint(colour_of(outcome), outcome == "yes"  ? "matches"
                                                  : outcome == "no" ? "does not match"
                                                                    : "not known yet"));
  for (const Json& each : array_at(rule, "conditions")) {
    text +=
        style.paint(Colour::faint,
                    clean(fmt::format(
                        "        {}{}: {}, {}", flag_at(each, "unless") ? "unless " : "",
                        text_at(each, "text"), text_at(each, "outcome"), text_at(each, "why")))) +
        "\n";
  }
  return text;
}

std::string print_stored(const Json& way, const Style& style) {
  std::string text =
      fmt::format("  cache    {}: {}\n", clean(text_at(way, "cache")), clean(text_at(way, "key")));
  const Json& stored = array_at(way, "stored");
  if (stored.empty()) {
    return text + "           nothing is stored\n";
  }
  Table table({});
  for (const Json& each : stored) {
    std::string stores;
    for (const Json& store : array_at(each, "stores")) {
      stores += (stores.empty() ? "" : " and ") + store.get<std::string>();
    }
    bool fresh = flag_at(each, "fresh");
    table.add({fmt::format("{}", number_at(each, "status")), bytes_text(number_at(each, "size")),
               "in " + stores, "age " + seconds_text(number_at(each, "age_seconds")),
               fresh ? "fresh for " + seconds_text(number_at(each, "ttl_seconds")) : "stale"});
  }
  return text + table.print(style, 11);
}

std::string print_pool(const Json& pool) {
  std::string text = fmt::format("  pool     {}\n", clean(text_at(pool, "name")));
  for (const Json& each : array_at(pool, "servers")) {
    std::string health = text_at(each, "health");
    text += clean(fmt::format("           {}  {} in use, {} requests, {} failures{}{}",
                              text_at(each, "server"), number_at(each, "in_use"),
                              number_at(each, "requests"), number_at(each, "failures"),
                              health.empty() ? "" : ", ", health)) +
            "\n";
  }
  return text;
}

std::string print_way(const Json& way, const Style& style) {
  std::string listens;
  for (const Json& each : array_at(way, "listen")) {
    listens += (listens.empty() ? "" : " ") + each.get<std::string>();
  }
  std::string text =
      style.paint(Colour::strong,
                  clean(fmt::format("{} {}", text_at(way, "kind"), text_at(way, "name")))) +
      clean(fmt::format(" on {}  ({})", listens, text_at(way, "where"))) + "\n";
  text += clean(fmt::format("  request  {} {} port {}", text_at(way, "method"),
                            text_at(way, "host"), number_at(way, "port"))) +
          "\n";
  if (std::string user = text_at(way, "user"); !user.empty()) {
    std::string groups;
    for (const Json& each : array_at(way, "groups")) {
      groups += (groups.empty() ? " in " : ", ") + each.get<std::string>();
    }
    text +=
        clean(fmt::format("  user     {}{}, of users {}", user, groups, text_at(way, "users"))) +
        "\n";
  }
  std::string route = text_at(way, "route");
  text += clean(fmt::format("  route    {}{}{}", route, route.empty() ? "" : ": ",
                            text_at(way, "answer"))) +
          "\n";
  const Json& rules = array_at(way, "rules");
  text += rules.empty() ? "  rules    none\n" : "  rules\n";
  for (const Json& each : rules) {
    text += print_rule(each, style);
  }
  text += clean("  decision " + text_at(way, "decision")) + "\n";
  const Json verdict = way.contains("verdict") ? way["verdict"] : Json();
  if (std::string list = text_at(verdict, "list"); !list.empty()) {
    text += clean(fmt::format("  list     {}, {}", list, text_at(verdict, "entry"))) + "\n";
  }
  for (const Json& each : array_at(verdict, "reported")) {
    text += clean("  reported " + each.get<std::string>()) + "\n";
  }
  if (std::string fact = text_at(verdict, "provisional"); !fact.empty()) {
    text += clean(fmt::format("  note     the rules are asked again when the {} is known; "
                              "give it with --address",
                              fact)) +
            "\n";
  }
  std::string result = text_at(way, "result");
  bool good = result.find("allow") != std::string::npos;
  text += "  result   " + style.paint(good ? Colour::good : Colour::bad, clean(result)) + "\n";
  if (way.contains("stored")) {
    text += print_stored(way, style);
  } else if (std::string cache = text_at(way, "cache"); !cache.empty() && good) {
    text += clean("  cache    " + cache) + "\n";
  }
  return way.contains("pool") ? text + print_pool(way["pool"]) : text;
}

} // namespace

std::string print_explain(const Json& body, const Style& style) {
  std::string text;
  for (const Json& each : array_at(body, "ways")) {
    text += (text.empty() ? "" : "\n") + print_way(each, style);
  }
  return text;
}

} // namespace weir::ctl
