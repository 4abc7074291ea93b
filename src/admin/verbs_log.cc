// SPDX-License-Identifier: Apache-2.0
//
// log sql, log req: on a background thread, since a query takes as long as it takes.
#include "admin/local_answers.h"
#include "admin/verbs.h"

namespace weir::admin {
namespace {

// What one answer may cost the daemon. weirctl that may read the files has no such bounds.
constexpr SqlBounds kBounds = {32 << 20, std::chrono::seconds(60)};

using Query = Answer (*)(const std::string& directory, std::string_view what, SqlBounds bounds);

void run_aside(const Ask& ask, Query query, std::string what) {
  std::string directory = ask.daemon.log_directory();
  if (directory.empty()) {
    return ask.answer(failure(Exit::failed, "there is no log: the configuration has no `sqlite`"));
  }
  bool taken = ask.daemon.background().submit(
      [reply = ask.reply, query, directory = std::move(directory), what = std::move(what)] {
        reply->set(query(directory, what, kBounds));
      });
  if (!taken) {
    ask.answer(failure(Exit::failed, "too much is being done at the moment: try again"));
  }
}

} // namespace

void log_sql(const Ask& ask) { run_aside(ask, sql_answer, ask.text("query")); }

void log_req(const Ask& ask) { run_aside(ask, req_answer, ask.text("id")); }

} // namespace weir::admin
