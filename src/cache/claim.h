// SPDX-License-Identifier: Apache-2.0
//
// What an exchange asks the Directory with, and what it gets: values of one worker.
#pragma once

#include <cstdint>
#include <string_view>

#include "cache/entry.h"
#include "cache/fill.h"

namespace weir::cache {

/// The request's values of the fields that a Vary nominates. Owner: the exchange; the view lives as
/// long as its request.
class Selector {
public:
  virtual ~Selector() = default;
  virtual std::string_view values(std::string_view names) = 0;
};

/// Of a key: to tell later whether anything of it was removed since.
struct Moment {
  std::uint64_t removals = 0;
  std::uint64_t purge_number = 0;
};

/// What claim() gives an exchange that found nothing usable.
struct Claim {
  enum class Kind : std::uint8_t { entry, lead, follow, pass };
  Kind kind = Kind::pass;
  Ref<const Entry> entry; // a newer one came meanwhile
  FillReader reader;      // lead and follow
  bool marked = false;    // hit-for-miss: nobody waits for anybody
  bool others = false;    // variants of the key are stored, and none of them matches
  Moment moment;          // with a mark
};

} // namespace weir::cache
