// SPDX-License-Identifier: Apache-2.0
//
// cache warm.
#include <fmt/format.h>

#include "admin/verbs.h"
#include "admin/warm_plan.h"
#include "http/chars.h"

namespace weir::admin {
namespace {

std::string_view name(WarmFacts::State state) {
  switch (state) {
  case WarmFacts::State::none:
    return "none";
  case WarmFacts::State::listing:
    return "listing";
  case WarmFacts::State::running:
    return "running";
  case WarmFacts::State::waiting:
    return "waiting";
  case WarmFacts::State::stopped:
    return "stopped";
  case WarmFacts::State::done:
    return "done";
  }
  return "";
}

Answer warm_answer(const WarmFacts& facts) {
  Answer answer;
  if (!facts.error.empty()) {
    return failure(facts.exit == Exit::ok ? Exit::failed : facts.exit, facts.error);
  }
  Json& body = answer.body;
  body["state"] = std::string(name(facts.state));
  body["started"] = time_text(facts.started);
  body["rate"] = facts.rate;
  body["found"] = facts.found;
  body["fresh"] = facts.fresh;
  body["skipped"] = facts.skipped;
  body["fetched"] = facts.fetched;
  body["failed"] = facts.failed;
  body["left"] = facts.left;
  body["told"] = facts.failures;
  return answer;
}

} // namespace

void cache_warm(const Ask& ask) {
  if (ask.flag("status")) {
    return ask.answer(warm_answer(ask.daemon.warm_facts()));
  }
  if (ask.flag("stop")) {
    ask.daemon.stop_warm();
    return ask.answer(success({{"stopping", true}}));
  }
  std::string wrong;
  WarmAsk what = warm_ask(ask.arguments, wrong);
  if (!wrong.empty()) {
    return ask.answer(failure(Exit::usage, wrong));
  }
  bool dry_run = what.dry_run;
  ask.daemon.warm(what, [reply = ask.reply, dry_run](const WarmFacts& facts) {
    Answer answer = warm_answer(facts);
    answer.body["dry_run"] = dry_run;
    reply->set(std::move(answer));
  });
}

} // namespace weir::admin
