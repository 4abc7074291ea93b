// SPDX-License-Identifier: Apache-2.0
//
// Source: where the body of an answer comes from: a stored Entry, a Fill, an own Fetch, or weir
// itself. Owner: the Exchange; exactly one a request. It outlives the slices it hands out without
// an owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

#include "cache/entry_reader.h"
#include "cache/fill.h"
#include "proxy/fetch.h"

namespace weir::proxy {

/// A body in memory that the Exchange keeps.
class Generated {
public:
  explicit Generated(std::string_view body) : rest_(body) {}
  Pull pull(OutQueue& out, std::size_t room);

private:
  std::string_view rest_;
};

using Source = std::variant<std::monostate, cache::EntryReader, cache::FillReader,
                            std::unique_ptr<Fetch>, Generated>;

} // namespace weir::proxy
