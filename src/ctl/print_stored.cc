// SPDX-License-Identifier: Apache-2.0
//
// cache ls, cache top, cache verify.
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
