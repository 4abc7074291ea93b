// SPDX-License-Identifier: Apache-2.0
//
// config test|show|fmt on the daemon's own file, and reload.
#include "admin/local_answers.h"
#include "admin/verbs.h"
#include "proxy/generation.h"

namespace weir::admin {
namespace {

/// Reads files (lists included): on a background thread.
void read_aside(const Ask& ask, Answer (*read)(const std::string&)) {
  bool taken = ask.daemon.background().submit(
      [reply = ask.reply, read, file = ask.daemon.status().file] { reply->set(read(file)); });
  if (!taken) {
    ask.answer(failure(Exit::failed, "too much is being done at the moment: try again"));
  }
}

} // namespace

void config_test(const Ask& ask) { read_aside(ask, test_answer); }

void config_fmt(const Ask& ask) { read_aside(ask, fmt_answer); }

void config_show(const Ask& ask) {
  auto generation = ask.daemon.generation();
  if (!generation) {
    return ask.answer(failure(Exit::failed, "no configuration is in force"));
  }
  ask.answer(show_answer(*generation->config, ask.flag("effective")));
}

void reload(const Ask& ask) {
  if (ask.flag("dry_run")) {
    return config_test(ask);
  }
  ask.daemon.reload([reply = ask.reply](const ReloadOutcome& outcome) {
    Answer answer;
    if (!outcome.ok) {
      std::string counts = count_text(outcome.diagnostics);
      std::string why = !counts.empty()         ? counts
                        : outcome.notes.empty() ? std::string("it failed")
                                                : outcome.notes.front();
      answer = failure(Exit::failed, "nothing was changed: " + why);
    }
    answer.body["generation"] = outcome.generation;
    answer.body["diagnostics"] = diagnostics_json(outcome.diagnostics);
    answer.body["notes"] = outcome.notes;
    reply->set(std::move(answer));
  });
}

} // namespace weir::admin
