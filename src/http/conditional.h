// SPDX-License-Identifier: Apache-2.0
//
// Entity tags and the conditions of a client that a cache answers itself (RFC 9110 §8.8.3, §13,
// CACHE_RULES 9 and C10.2). Pure functions over views.
//
// Tags are opaque octets. One that is malformed (no quotes) compares only with itself (C9.6).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "http/fields.h"

namespace weir::http {

struct EntityTag {
  std::string_view opaque; // with its quotes; all of it when malformed
  bool weak = false;
  bool valid = false;
};
/// The whole text is one tag.
EntityTag read_entity_tag(std::string_view text) noexcept;
/// RFC 9110 §8.8.3.2. Neither is true of a malformed tag unless both are the same octets.
bool weak_match(std::string_view a, std::string_view b) noexcept;
/// Both valid, not weak, equal.
bool strong_match(std::string_view a, std::string_view b) noexcept;

/// The tags of If-None-Match or If-Match, over all lines, as text ("W/\"x\""), "*" too. Quotes hold
/// commas, and a backslash is an octet like any other: not the lists of ListReader.
class TagReader {
public:
  TagReader(const Fields& fields, FieldId id) noexcept
      : at_(fields.has(id) ? fields.begin() : nullptr), end_(fields.end()), id_(id) {}
  std::optional<std::string_view> next() noexcept;

private:
  const Field* at_;
  const Field* end_;
  FieldId id_;
  std::string_view rest_;
};

/// What a stored response says about itself.
struct Validators {
  std::string_view etag; // as stored; empty: none
  std::optional<WallTime> last_modified;
  WallTime date{}; // its Date field, or when it was received
};

enum class Condition : std::uint8_t {
  none,         // the request has none that counts: 200
  modified,     // it has one, and wants the representation: 200
  not_modified, // 304
};
/// If-None-Match, else If-Modified-Since (C9.1 to C9.3), for GET and HEAD and a stored 200. `now`:
/// for dates with two-digit years.
Condition evaluate_conditions(const Fields& request, const Validators& stored,
                              WallTime now) noexcept;

/// Whether Range may be answered: no If-Range, or one that is strongly the stored validator
/// (C10.2).
bool may_use_range(const Fields& request, const Validators& stored, WallTime now) noexcept;

} // namespace weir::http
