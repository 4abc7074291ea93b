// SPDX-License-Identifier: Apache-2.0
//
// What the access log says of a verdict: the rule that decided, the list entry it matched through,
// the rules that only report. Counts those. A pure function otherwise.
#pragma once

#include "base/arena.h"
#include "log/record.h"
#include "rules/rule_set.h"

namespace weir::proxy {

/// `rules`: the set that gave the verdict. The text is in `arena`, or lives as long as the rules.
void note_verdict(const rules::Verdict& verdict, const rules::RuleSet& rules, Arena& arena,
                  log::AccessRecord& record);

} // namespace weir::proxy
