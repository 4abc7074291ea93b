// SPDX-License-Identifier: Apache-2.0
#include "proxy/verdict_note.h"

#include "metrics/metrics.h"

namespace weir::proxy {

namespace {
constexpr std::size_t kMostRuleText = 100;
} // namespace

void note_verdict(const rules::Verdict& verdict, const rules::RuleSet& rules, Arena& arena,
                  log::AccessRecord& record) {
  if (verdict.decl != nullptr) {
    record.rule = arena.join({verdict.where, " ", verdict.text().substr(0, kMostRuleText)});
  }
  for (std::size_t i = 0; i < verdict.reported_count; ++i) {
    std::string_view text = rules.decl(verdict.reported[i]).text;
    record.reports =
        arena.join({record.reports, i > 0 ? "; " : "", rules.where(verdict.reported[i]), " ",
                    text.substr(0, kMostRuleText)});
  }
  if (verdict.reported_count > 0) {
    metrics::count(metrics::Metric::rules_reported, verdict.reported_count);
  }
  if (verdict.list) {
    record.list = arena.join(
        {verdict.list.list->name(), " ", arena.copy(verdict.list.list->where(verdict.list))});
  }
}

} // namespace weir::proxy
