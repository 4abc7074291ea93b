// SPDX-License-Identifier: Apache-2.0
//
// What a cache has stored under a key, for people: its variants, in memory and on disk. Reads the
// disk: for background threads, which tick their Clock first.
#pragma once

#include "admin/answer.h"
#include "cache/key.h"
#include "cache/tier.h"
#include "http/fields.h"

namespace weir::admin {

/// An array, one member a variant. With a request each has `matches`, and in `differs` the
/// nominated fields in which that is another.
Json stored_json(cache::Tier& tier, const cache::Key& key, const http::Fields* request = nullptr);

} // namespace weir::admin
