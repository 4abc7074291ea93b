// SPDX-License-Identifier: Apache-2.0
//
// limit ls, top, reset.
#include <fmt/format.h>

#include "ctl/print.h"

namespace weir::ctl {

namespace {

std::string or_dash(const Json& object, const char* name, std::string text) {
  return object.contains(name) ? std::move(text) : "-";
}

std::string print_limit_ls(const Json& body, const Style& style) {
  using Align = Table::Align;
  Table table(
      {"LIMIT", "KEY", "RATE", "BANDWIDTH", "QUOTA", "KEYS", "REFUSED", "OVER QUOTA", "DELAYED"},
      {Align::left, Align::left, Align::left, Align::left, Align::left, Align::right, Align::right,
       Align::right, Align::right});
  for (const Json& each : array_at(body, "limits")) {
    table.add({clean(text_at(each, "name")), clean(text_at(each, "key")), text_at(each, "rate"),
               text_at(each, "bandwidth"), text_at(each, "quota"),
               count_text(number_at(each, "keys")), count_text(number_at(each, "refused")),
               count_text(number_at(each, "quota_refused")),
               bytes_text(number_at(each, "delayed_bytes"))});
  }
  return table.empty() ? "no limits\n" : table.print(style);
}

std::string print_limit_top(const Json& body, const Style& style) {
  using Align = Table::Align;
  Table table({"REQUESTS LEFT", "FULL IN", "USED", "LEFT", "WAIT", "EXCHANGES", "KEY"},
              {Align::right, Align::right, Align::right, Align::right, Align::right, Align::right,
               Align::left});
  const Json& keys = array_at(body, "keys");
  for (const Json& each : keys) {
    table.add({or_dash(each, "requests_left", count_text(number_at(each, "requests_left"))),
               or_dash(each, "requests_reset_seconds",
                       seconds_text(number_at(each, "requests_reset_seconds"))),
               or_dash(each, "used_bytes", bytes_text(number_at(each, "used_bytes"))),
               or_dash(each, "left_bytes", bytes_text(number_at(each, "left_bytes"))),
               or_dash(each, "wait_seconds", seconds_text(number_at(each, "wait_seconds"))),
               or_dash(each, "exchanges", count_text(number_at(each, "exchanges"))),
               clean(text_at(each, "key"))});
  }
  double count = number_at(body, "count");
  std::string text = table.empty() ? "no keys in use\n" : table.print(style);
  if (count > static_cast<double>(keys.size())) {
    text += fmt::format("\n{} keys in use; {} of them told\n", count_text(count), keys.size());
  }
  return text;
}

} // namespace

std::string print_limits(std::string_view verb, const Json& body, const Style& style) {
  if (body.contains("error")) {
    return {};
  }
  if (verb == "ls") {
    return print_limit_ls(body, style);
  }
  if (verb == "top") {
    return print_limit_top(body, style);
  }
  double count = number_at(body, "reset");
  return fmt::format("{}: {} {} begin{} anew\n", clean(text_at(body, "name")), count_text(count),
                     count == 1 ? "key" : "keys", count == 1 ? "s" : "");
}

} // namespace weir::ctl
