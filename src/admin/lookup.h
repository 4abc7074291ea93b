// SPDX-License-Identifier: Apache-2.0
//
// What a request would find in the cache of its route, and why, for `cache get`: asked with the
// functions by which an Exchange decides, without a request to anybody and without a trace in the
// cache. Reads the disk: for background threads, which tick their Clock first.
#pragma once

#include "admin/explain.h"
#include "proxy/generation.h"

namespace weir::admin {

/// Adds to `way`: key, stored, freshness, asked; outcome (a word) and why.
void add_lookup(const proxy::Generation& generation, const Admitted& admitted, Json& way);

/// The answer of `cache get`: for each way an outcome.
Answer get_answer(const proxy::Generation& generation, ExplainAsk what);

} // namespace weir::admin
