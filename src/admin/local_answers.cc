// SPDX-License-Identifier: Apache-2.0
#include "admin/local_answers.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "admin/certificates.h"
#include "log/query.h"
#include "rules/user_table.h"

namespace weir::admin {
namespace {

std::string plural(std::size_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

Json json_of(const log::SqlValue& value) {
  struct Visitor {
    Json operator()(std::monostate) const { return nullptr; }
    Json operator()(std::int64_t n) const { return n; }
    Json operator()(double n) const { return n; }
    Json operator()(std::string_view text) const { return std::string(text); }
  };
  return std::visit(Visitor{}, value);
}

/// {"columns": [...], "rows": [[...], ...]}: rows are arrays, since two columns may have one name.
class JsonRows final : public log::RowSink {
public:
  explicit JsonRows(std::size_t most_bytes) : most_bytes_(most_bytes) {}
  void columns(std::span<const std::string_view> names) override {
    for (std::string_view each : names) {
      columns_.push_back(std::string(each));
    }
  }
  bool row(std::span<const log::SqlValue> values) override {
    Json row = Json::array();
    for (const log::SqlValue& each : values) {
      const auto* text = std::get_if<std::string_view>(&each);
      bytes_ += 16 + (text != nullptr ? text->size() : 0);
      row.push_back(json_of(each));
    }
    if (most_bytes_ != 0 && bytes_ > most_bytes_) {
      cut_ = true;
      return false;
    }
    rows_.push_back(std::move(row));
    return true;
  }
  Json take() {
    Json body;
    body["columns"] = std::move(columns_);
    body["rows"] = std::move(rows_);
    if (cut_) {
      body["cut"] = true;
    }
    return body;
  }

private:
  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  bool cut_ = false;
  Json columns_ = Json::array();
  Json rows_ = Json::array();
};

Answer query_failure(const Error& error, const std::string& why) {
  Exit exit = error.code == Code::malformed ? Exit::usage
              : error.code == Code::denied  ? Exit::refused
              : error.code == Code::timeout ? Exit::timed_out
                                            : Exit::failed;
  return failure(exit, why.empty() ? to_string(error) : why);
}

} // namespace

Json diagnostics_json(const std::vector<config::Diagnostic>& diagnostics) {
  Json all = Json::array();
  for (const config::Diagnostic& each : diagnostics) {
    Json one;
    one["severity"] = each.severity == config::Severity::error ? "error" : "warning";
    one["file"] = each.file;
    one["line"] = each.line;
    one["column"] = each.column;
    one["length"] = each.length;
    one["what"] = each.what;
    one["hint"] = each.hint;
    one["source"] = each.source;
    all.push_back(std::move(one));
  }
  return all;
}

std::string count_text(const std::vector<config::Diagnostic>& diagnostics) {
  std::size_t errors = config::count_errors(diagnostics);
  std::size_t warnings = diagnostics.size() - errors;
  std::string text = errors != 0 ? plural(errors, "error") : "";
  if (warnings != 0) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", plural(warnings, "warning"));
  }
  return text;
}

Answer test_answer(const std::string& file) {
  config::Loaded loaded = file.empty() ? config::load_text("(default)", config::embedded_default())
                                       : config::load_file(file);
  Clock::tick();
  check_tls(loaded);
  rules::check_user_tables(loaded);
  Answer answer;
  if (!loaded.config) {
    answer = failure(Exit::failed, fmt::format("{}: {}", file.empty() ? "(default)" : file,
                                               count_text(loaded.diagnostics)));
  }
  answer.body["file"] = file;
  answer.body["diagnostics"] = diagnostics_json(loaded.diagnostics);
  return answer;
}

Answer show_answer(const config::Config& config, bool effective) {
  Json lines = Json::array();
  for (const config::ShowLine& each : config::show(config, effective)) {
    Json line;
    line["block"] = each.block;
    line["word"] = each.word;
    line["value"] = each.value;
    line["where"] = each.where;
    lines.push_back(std::move(line));
  }
  Json body;
  body["lines"] = std::move(lines);
  return success(std::move(body));
}

Answer fmt_answer(const std::string& file) {
  std::string text(config::embedded_default());
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream all;
    if (!in || !(all << in.rdbuf())) {
      return failure(Exit::failed, fmt::format("{}: {}", file, std::strerror(errno)));
    }
    text = std::move(all).str();
  }
  config::Formatted formatted = config::format(file.empty() ? "(default)" : file, text);
  Answer answer;
  if (formatted.text.empty() && config::count_errors(formatted.diagnostics) != 0) {
    answer = failure(Exit::failed, fmt::format("{}: {}", file, count_text(formatted.diagnostics)));
  }
  answer.body["file"] = file;
  answer.body["text"] = formatted.text;
  answer.body["diagnostics"] = diagnostics_json(formatted.diagnostics);
  return answer;
}

Answer sql_answer(const std::string& directory, std::string_view query, SqlBounds bounds) {
  JsonRows rows(bounds.bytes);
  std::string why;
  if (auto r = log::run_sql(directory, query, rows, why, nullptr, bounds.time); !r) {
    return query_failure(r.error(), why);
  }
  return success(rows.take());
}

Answer req_answer(const std::string& directory, std::string_view id, SqlBounds bounds) {
  JsonRows rows(bounds.bytes);
  std::string why;
  if (auto r = log::find_request(directory, id, rows, why); !r) {
    return query_failure(r.error(), why);
  }
  return success(rows.take());
}

Answer routes_answer(const rules::RouteTable& routes, std::string_view site) {
  Json rows = Json::array();
  for (const rules::RouteRow& each : routes.describe()) {
    if (!site.empty() && each.host != site) {
      continue;
    }
    Json row;
    row["listen"] = each.listen;
    row["host"] = each.host;
    row["path"] = each.path;
    row["answer"] = each.answer;
    row["cache"] = each.cache;
    row["where"] = each.where;
    row["unreachable"] = each.unreachable;
    rows.push_back(std::move(row));
  }
  if (rows.empty() && !site.empty()) {
    return failure(Exit::failed, fmt::format("no site has the host {}", site));
  }
  Json body;
  body["routes"] = std::move(rows);
  return success(std::move(body));
}

Answer lookup_answer(std::span<const Ref<const rules::CompiledList>> lists, std::string_view what) {
  Json found = Json::array();
  std::size_t searched = 0;
  for (const Ref<const rules::CompiledList>& list : lists) {
    if (!list) {
      continue;
    }
    ++searched;
    if (rules::ListHit hit = list->find_text(what)) {
      Json one;
      one["list"] = list->name();
      one["where"] = list->where(hit);
      if (hit.name_size != 0) {
        one["entry"] = std::string(what.substr(what.size() - std::min(what.size(), hit.name_size)));
      }
      found.push_back(std::move(one));
    }
  }
  Answer answer;
  if (found.empty()) {
    answer =
        failure(Exit::failed, fmt::format("{} is in none of {}", what, plural(searched, "list")));
  }
  answer.body["what"] = std::string(what);
  answer.body["found"] = std::move(found);
  return answer;
}

} // namespace weir::admin
