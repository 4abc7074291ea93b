// SPDX-License-Identifier: Apache-2.0
//
// What all caches have stored, for people: `cache ls`, `cache top`; and whether the disk still has
// what was written, `cache verify`. Reads the disk: for background threads, which tick their Clock
// first. Memory is bound by `limit`, whatever the size of the caches.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "admin/answer.h"
#include "admin/stored_filter.h"
#include "proxy/generation.h"

namespace weir::admin {

enum class StoredOrder : std::uint8_t { url, size, age, ttl, hits, saved };
/// Their names, for people: "url, size, ..."
std::string stored_orders();
std::optional<StoredOrder> find_stored_order(std::string_view name);

struct StoredAsk {
  std::shared_ptr<const StoredFilter> where;
  StoredOrder order = StoredOrder::url; // URLs from A to Z; of anything else the most first
  std::size_t limit = 100;
};

/// True: the daemon ends, what is asked for ends too.
using Ending = std::function<bool()>;

/// All that match are counted; the first `limit` are told.
Answer list_stored(const proxy::Generation& generation, const StoredAsk& ask, const Ending& ending);
/// Reads every body on disk. What is damaged is removed, and told in the error log, by the tier.
Answer verify_stored(const proxy::Generation& generation, const Ending& ending);

} // namespace weir::admin
