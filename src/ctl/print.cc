// SPDX-License-Identifier: Apache-2.0
#include "ctl/print.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/load.h"
#include "config/source.h"

namespace weir::ctl {
namespace {

using Align = Table::Align;

std::string cell_text(const Json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  return value.is_null() ? "-" : value.dump();
}

std::string print_diagnostics(const Json& body) {
  std::vector<config::Diagnostic> all;
  for (const Json& each : array_at(body, "diagnostics")) {
    config::Diagnostic one;
    one.severity =
        text_at(each, "severity") == "error" ? config::Severity::error : config::Severity::warning;
    one.file = text_at(each, "file");
    one.line = static_cast<std::uint32_t>(number_at(each, "line"));
    one.column = static_cast<std::uint32_t>(number_at(each, "column"));
    one.length = static_cast<std::uint32_t>(number_at(each, "length"));
    one.what = text_at(each, "what");
    one.hint = text_at(each, "hint");
    one.source = text_at(each, "source");
    all.push_back(std::move(one));
  }
  return clean(config::print(all), true);
}

std::string print_test(const Json& body) {
  std::string text = print_diagnostics(body);
  if (!body.contains("error")) {
    std::string file = text_at(body, "file");
    text += fmt::format("{}: ok\n", file.empty() ? "the embedded default" : file);
  }
  return text;
}

std::string print_show(const Json& body) {
  std::vector<config::ShowLine> lines;
  for (const Json& each : array_at(body, "lines")) {
    lines.push_back({text_at(each, "block"), text_at(each, "word"), text_at(each, "value"),
                     text_at(each, "where")});
  }
  return clean(config::print(lines), true);
}

std::string print_rows(const Json& body, const Style& style) {
  std::vector<std::string> titles;
  for (const Json& each : array_at(body, "columns")) {
    titles.push_back(clean(cell_text(each)));
  }
  const Json& rows = array_at(body, "rows");
  std::vector<Align> align(titles.size(), Align::left);
  for (std::size_t i = 0; i < titles.size() && !rows.empty(); ++i) {
    align[i] = i < rows[0].size() && rows[0][i].is_number() ? Align::right : Align::left;
  }
  Table table(std::move(titles), std::move(align));
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const Json& each : row) {
      cells.push_back(cell_text(each));
    }
    table.add(std::move(cells));
  }
  return table.print(style);
}

/// One row, a line for each column.
std::string print_request(const Json& body, const Style& style) {
  Table table({});
  const Json& columns = array_at(body, "columns");
  for (const Json& row : array_at(body, "rows")) {
    for (std::size_t i = 0; i < row.size() && i < columns.size(); ++i) {
      table.add({cell_text(columns[i]), cell_text(row[i])});
    }
  }
  return table.print(style);
}

std::string print_routes(const Json& body, const Style& style) {
  Table table({"LISTEN", "HOST", "PATH", "ANSWER", "CACHE", "WHERE", ""});
  for (const Json& each : array_at(body, "routes")) {
    std::string never = text_at(each, "unreachable");
    table.add({text_at(each, "listen"), text_at(each, "host"), text_at(each, "path"),
               text_at(each, "answer"), text_at(each, "cache"), text_at(each, "where"),
               never.empty() ? "" : "never: " + never},
              never.empty() ? Colour::none : Colour::warn);
  }
  return table.print(style);
}

std::string print_certificates(const Json& body, const Style& style) {
  Table table({"LISTENER", "ADDRESS", "NAMES", "KEY", "DAYS LEFT", "FILE", ""});
  for (const Json& each : array_at(body, "certificates")) {
    std::string names;
    for (const Json& name : array_at(each, "names")) {
      names += (names.empty() ? "" : " ") + name.get<std::string>();
    }
    std::string warning = text_at(each, "warning");
    table.add({text_at(each, "listener"), text_at(each, "address"), names, text_at(each, "key"),
               fmt::format("{:.0f}", number_at(each, "days_left")), text_at(each, "file"), warning},
              warning.empty() ? Colour::none : Colour::warn);
  }
  return table.print(style);
}

std::string print_found(const Json& body, const Style& style) {
  Table table({"LIST", "WHERE"});
  for (const Json& each : array_at(body, "found")) {
    table.add({text_at(each, "list"), text_at(each, "where")});
  }
  return table.empty() ? std::string() : table.print(style);
}

std::string print_reload(const Json& body) {
  std::string text = print_diagnostics(body);
  for (const Json& each : array_at(body, "notes")) {
    text += clean(cell_text(each)) + "\n";
  }
  if (!body.contains("error") && body.contains("generation")) {
    text += fmt::format("generation {} is in force\n", number_at(body, "generation"));
  } else if (!body.contains("error")) {
    text += "ok: a reload would put it in force\n";
  }
  return text;
}

std::string print_purge(const Json& body) {
  if (!body.contains("number")) {
    return {};
  }
  double count = number_at(body, "dropped");
  std::string much = "what it names";
  if (body.contains("dropped")) {
    much = fmt::format("{} stored {}, {}", count_text(count), count == 1 ? "response" : "responses",
                       bytes_text(number_at(body, "bytes")));
  }
  bool hard = flag_at(body, "hard");
  if (flag_at(body, "dry_run")) {
    return fmt::format("{} would {}\n", much, hard ? "be dropped" : "become stale");
  }
  return fmt::format("{}: {} (purge {})\n", hard ? "dropped" : "stale", much,
                     static_cast<std::int64_t>(number_at(body, "number")));
}

std::string print_purge_log(const Json& body, const Style& style) {
  Table table({"NUMBER", "TIME", "MODE", "STATE", "MATCHED", "SIZE", "WHAT"});
  for (const Json& each : array_at(body, "purges")) {
    double total = std::max(number_at(each, "total"), 1.0);
    std::string state = flag_at(each, "done")
                            ? std::string("done")
                            : fmt::format("{:.0f} %", number_at(each, "seen") * 100 / total);
    std::string what = text_at(each, "what");
    std::string place = text_at(each, "place");
    table.add({fmt::format("{:.0f}", number_at(each, "number")),
               text_at(each, "time").substr(0, 19), flag_at(each, "hard") ? "hard" : "soft", state,
               count_text(number_at(each, "matched")), bytes_text(number_at(each, "bytes")),
               clean(place.empty() ? what : fmt::format("{} in {}", what, place))});
  }
  return table.empty() ? "no purges\n" : table.print(style);
}

std::string print_stop(const Json& body) {
  double connections = number_at(body, "connections");
  return fmt::format(
      "{} {} ({} {}{})\n", flag_at(body, "dry_run") ? "would stop process" : "stopping process",
      number_at(body, "pid"), connections, connections == 1 ? "connection" : "connections",
      text_at(body, "mode") == "drain" ? ", responses under way end first" : "");
}

} // namespace

std::string text_at(const Json& object, const char* name) {
  auto found = object.find(name);
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : std::string();
}

double number_at(const Json& object, const char* name) {
  auto found = object.find(name);
  return object.is_object() && found != object.end() && found->is_number() ? found->get<double>()
                                                                           : 0.0;
}

bool flag_at(const Json& object, const char* name) {
  auto found = object.find(name);
  return object.is_object() && found != object.end() && found->is_boolean() && found->get<bool>();
}

const Json& array_at(const Json& object, const char* name) {
  static const Json kNone = Json::array();
  auto found = object.find(name);
  return object.is_object() && found != object.end() && found->is_array() ? *found : kNone;
}

namespace {

std::string print_cache(std::string_view verb, const Json& body, const Style& style) {
  if (verb == "get") {
    return print_lookup(body, style);
  }
  if (verb == "verify") { // damage is a failure that says more
    return body.contains("caches") ? print_verified(body, style) : std::string();
  }
  if (body.contains("error")) {
    return {};
  }
  if (verb == "warm") {
    return print_warm(body, style);
  }
  return verb == "ls" || verb == "top" ? print_listing(body, style) : print_caches(body, style);
}

} // namespace

std::string print_body(const admin::Verb& verb, const Json& body, const Style& style) {
  const std::string words = verb.words();
  if (words == "config test") {
    return print_test(body);
  }
  if (words == "config show") {
    return print_show(body);
  }
  if (words == "config fmt") {
    return body.contains("error") ? print_diagnostics(body) : text_at(body, "text");
  }
  if (words == "log sql") {
    return body.contains("error") ? std::string() : print_rows(body, style);
  }
  if (words == "log req") {
    return print_request(body, style);
  }
  if (words == "explain") {
    return print_explain(body, style);
  }
  if (words == "status") {
    return body.contains("error") ? std::string() : print_status(body, style);
  }
  if (verb.noun == "cache") {
    return print_cache(verb.verb, body, style);
  }
  if (words == "routes") {
    return body.contains("error") ? std::string() : print_routes(body, style);
  }
  if (words == "cert ls") {
    return body.contains("certificates") ? print_certificates(body, style) : std::string();
  }
  if (words == "list lookup") {
    return print_found(body, style);
  }
  if (words == "reload") {
    return print_reload(body);
  }
  if (words == "purge") {
    return print_purge(body);
  }
  if (words == "purge log") {
    return print_purge_log(body, style);
  }
  if (verb.noun == "limit") {
    return print_limits(verb.verb, body, style);
  }
  if (verb.noun == "user") {
    return print_diagnostics(body) + print_users(verb.verb, body, style);
  }
  if (words == "stop") {
    return body.contains("error") ? std::string() : print_stop(body);
  }
  if (words == "version") {
    return body.contains("error") ? std::string()
                                  : fmt::format("weir {}\n", text_at(body, "version"));
  }
  return admin::dump(body) + "\n";
}

namespace {

/// What was asked for; the port where it is not the scheme's own.
std::string url_of(const Json& record) {
  std::string scheme = text_at(record, "scheme");
  std::string host = text_at(record, "host");
  if (host.find(':') != std::string::npos) {
    host = "[" + host + "]";
  }
  double port = number_at(record, "port");
  bool own = port == 0 || (scheme == "http" && port == 80) || (scheme == "https" && port == 443);
  std::string query = text_at(record, "query");
  return fmt::format("{}{}{}{}{}{}", scheme, scheme.empty() ? "" : "://", host,
                     own ? "" : fmt::format(":{:.0f}", port), text_at(record, "path"),
                     query.empty() ? "" : "?" + query);
}

/// Why it did not end well, and the rules that had a say.
std::string note_of(const Json& record) {
  std::string end = text_at(record, "end");
  bool well = end.empty() || end == "ok";
  std::string note = well ? "" : end;
  for (const std::string& text :
       {well ? "" : text_at(record, "rule"), text_at(record, "reports")}) {
    note += text.empty() || note.empty() ? text : ": " + text;
  }
  return note.empty() ? "" : "  [" + note + "]";
}

} // namespace

std::string print_record(const Json& record, const Style& style) {
  if (record.contains("dropped")) {
    return style.paint(Colour::warn, fmt::format("... {} lines lost: this reader is too slow",
                                                 number_at(record, "dropped")));
  }
  int status = static_cast<int>(number_at(record, "status"));
  std::string time = text_at(record, "time");
  std::string line = fmt::format(
      "{}  {:>3}  {:<11}  {:>8}  {:>8}  {:<15}  {:<7}  {}{}",
      time.size() > 23 ? time.substr(11, 12) : time, status, text_at(record, "cache"),
      seconds_text(number_at(record, "duration") / 1e6), bytes_text(number_at(record, "bytes_out")),
      text_at(record, "client"), text_at(record, "method"), url_of(record), note_of(record));
  Colour colour = status >= 500 || status == 0 ? Colour::bad
                  : status >= 400              ? Colour::warn
                                               : Colour::none;
  return style.paint(colour, clean(line));
}

} // namespace weir::ctl
