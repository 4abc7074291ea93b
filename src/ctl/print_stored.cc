// SPDX-License-Identifier: Apache-2.0
//
// cache get, cache ls, cache top, cache verify.
#include <fmt/format.h>

#include "ctl/print.h"

namespace weir::ctl {

using Align = Table::Align;

namespace {

std::string words_of(const Json& row, const char* member, const char* between) {
  std::string all;
  for (const Json& each : array_at(row, member)) {
    all.append(all.empty() ? "" : between).append(each.get<std::string>());
  }
  return all;
}

/// A value of a field that was there, or was not.
std::string value_text(const Json& value) {
  return value.is_string() ? fmt::format("'{}'", value.get<std::string>()) : "no such field";
}

std::string print_key(const Json& key) {
  std::string place = text_at(key, "place");
  std::string text =
      fmt::format("  key      {} in cache {}{}{}\n", text_at(key, "url"), text_at(key, "cache"),
                  place.empty() ? ", which is shared" : ", place ", place);
  for (const Json& each : array_at(key, "parts")) {
    text += "           and " + each.get<std::string>() + "\n";
  }
  if (text_at(key, "asked") != text_at(key, "target")) {
    text +=
        fmt::format("           {} was asked for: the route's key-query\n", text_at(key, "asked"));
  }
  return text;
}

std::string print_variant(const Json& each) {
  bool fresh = flag_at(each, "fresh");
  std::string text =
      fmt::format("{}  {}  in {}  age {}  {}  {}", number_at(each, "status"),
                  bytes_text(number_at(each, "size")), words_of(each, "stores", " and "),
                  seconds_text(number_at(each, "age_seconds")),
                  fresh ? "fresh for " + seconds_text(number_at(each, "ttl_seconds")) : "stale",
                  flag_at(each, "matches") ? "matches" : "does not match:");
  for (const Json& differs : array_at(each, "differs")) {
    text += fmt::format(" {} was {}, is {};", text_at(differs, "field"),
                        value_text(differs["stored"]), value_text(differs["asked"]));
  }
  return text.back() == ';' ? text.substr(0, text.size() - 1) : text;
}

std::string print_arithmetic(const Json& fresh) {
  double age = number_at(fresh, "age_seconds");
  double initial = number_at(fresh, "initial_age_seconds");
  std::string from = text_at(fresh, "lifetime_from");
  std::string text =
      fmt::format("  fresh    lifetime {}{} - age {} ({} when it came, {} here) = {}\n",
                  seconds_text(number_at(fresh, "lifetime_seconds")),
                  from.empty() ? " (not by its fields: a purge, or other words of the route then)"
                               : " (" + from + ")",
                  seconds_text(age), seconds_text(initial), seconds_text(age - initial),
                  seconds_text(number_at(fresh, "ttl_seconds")));
  std::string windows;
  for (auto [member, name] : {std::pair("while_revalidate_seconds", "stale-while-revalidate"),
                              std::pair("if_error_seconds", "stale-if-error")}) {
    double time = number_at(fresh, member);
    windows += time > 0 ? fmt::format("  {} {}", name, seconds_text(time)) : "";
  }
  for (auto [member, name] :
       {std::pair("must_revalidate", "must-revalidate"), std::pair("no_cache", "no-cache"),
        std::pair("for_authorized", "may answer Authorization")}) {
    windows += flag_at(fresh, member) ? fmt::format("  {}", name) : "";
  }
  return windows.empty() ? text : text + "          " + windows.substr(1) + "\n";
}

Colour colour_of(std::string_view outcome) {
  return outcome == "hit" ? Colour::good : outcome == "refused" ? Colour::bad : Colour::warn;
}

std::string print_way(const Json& way, const Style& style) {
  std::string text =
      style.paint(Colour::strong,
                  clean(fmt::format("{} {}", text_at(way, "kind"), text_at(way, "name")))) +
      clean(fmt::format(" on {}  ({})", words_of(way, "listen", " "), text_at(way, "where"))) +
      "\n";
  std::string lines;
  std::string route = text_at(way, "route");
  lines +=
      fmt::format("  route    {}{}{}\n", route, route.empty() ? "" : ": ", text_at(way, "answer"));
  lines += fmt::format("  decision {}\n", text_at(way, "decision"));
  lines += way.contains("key") ? print_key(way["key"]) : "";
  const char* title = "  stored   ";
  for (const Json& each : array_at(way, "stored")) {
    lines += title + print_variant(each) + "\n";
    title = "           ";
  }
  lines += way.contains("freshness") ? print_arithmetic(way["freshness"]) : "";
  if (std::string purge = text_at(way, "purge"); !purge.empty()) {
    lines += "  purge    " + purge + "\n";
  }
  if (std::string asked = words_of(way, "asked", ", "); !asked.empty()) {
    lines += fmt::format("  asked    {}{}\n", asked,
                         flag_at(way, "asked_counts") ? "" : " (the route does not listen)");
  }
  text += clean(lines, true);
  std::string outcome = text_at(way, "outcome");
  text += "  outcome  " + style.paint(colour_of(outcome), clean(outcome)) + ": " +
          clean(text_at(way, "why")) + "\n";
  std::string on_error = text_at(way, "on_error");
  return on_error.empty() ? text : text + "           " + clean(on_error) + "\n";
}

} // namespace

std::string print_listing(const Json& body, const Style& style) {
  Table table({"HITS", "SAVED", "SIZE", "AGE", "TTL", "STATUS", "TYPE", "STORED IN", "URL", "TAGS"},
              {Align::right, Align::right, Align::right, Align::right, Align::right, Align::right});
  const Json& stored = array_at(body, "stored");
  for (const Json& each : stored) {
    double ttl = number_at(each, "ttl_seconds");
    table.add({count_text(number_at(each, "hits")), bytes_text(number_at(each, "saved_bytes")),
               bytes_text(number_at(each, "size")), seconds_text(number_at(each, "age_seconds")),
               ttl > 0 ? seconds_text(ttl) : "stale", count_text(number_at(each, "status")),
               text_at(each, "mime"), words_of(each, "stores", " and "), text_at(each, "url"),
               words_of(each, "tags", " ")});
  }
  double count = number_at(body, "count");
  std::string text = table.empty() ? std::string() : table.print(style);
  text += fmt::format("{} stored {}, {}", count_text(count), count == 1 ? "response" : "responses",
                      bytes_text(number_at(body, "bytes")));
  auto told = static_cast<double>(stored.size());
  text += told < count ? fmt::format("; {} of them told\n", count_text(told)) : "\n";
  if (std::string note = text_at(body, "note"); !note.empty()) {
    text += style.paint(Colour::warn, clean(note)) + "\n";
  }
  return text;
}

std::string print_lookup(const Json& body, const Style& style) {
  std::string text;
  for (const Json& each : array_at(body, "ways")) {
    text += (text.empty() ? "" : "\n") + print_way(each, style);
  }
  return text;
}

std::string print_warm(const Json& body, const Style& style) {
  if (flag_at(body, "stopping")) {
    return "stopping\n";
  }
  auto count = [&body](const char* member) { return count_text(number_at(body, member)); };
  bool dry = flag_at(body, "dry_run");
  std::string state = dry ? "would warm" : text_at(body, "state");
  if (state == "none") {
    return "nothing was warmed yet\n";
  }
  std::string text = fmt::format("{}: {} found, {} fresh, {} skipped", state, count("found"),
                                 count("fresh"), count("skipped"));
  text += dry ? fmt::format(", {} to be fetched\n", count("left"))
              : fmt::format(", {} fetched, {} failed, {} left\n", count("fetched"), count("failed"),
                            count("left"));
  for (const Json& each : array_at(body, "told")) {
    text += style.paint(Colour::faint, "  " + clean(each.get<std::string>())) + "\n";
  }
  return text;
}

std::string print_verified(const Json& body, const Style& style) {
  Table table({"CACHE", "SOUND", "SIZE", "DAMAGED"},
              {Align::left, Align::right, Align::right, Align::right});
  for (const Json& each : array_at(body, "caches")) {
    double damaged = number_at(each, "damaged");
    table.add({text_at(each, "cache"), count_text(number_at(each, "objects")),
               bytes_text(number_at(each, "bytes")), count_text(damaged)},
              damaged > 0 ? Colour::bad : Colour::none);
  }
  return table.empty() ? "no cache has a disk\n" : table.print(style);
}

} // namespace weir::ctl
