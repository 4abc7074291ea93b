// SPDX-License-Identifier: Apache-2.0
//
// CacheControl: the directives of Cache-Control over all lines (RFC 9111 §5.2, CACHE_RULES C3,
// C13), by a real tokenizer; delta-seconds; Age. Pure values; the field lists are views into the
// Fields.
//
// A directive given twice: the first counts for flags; differing values of a freshness directive
// make it invalid (C3.8). What is invalid is marked so that the caller treats the response as stale
// (C3.5), never as if the directive were absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/fields.h"

namespace weir::http {

/// 2^31: what a number too large to hold stands for (RFC 9111 §1.2.2).
constexpr std::uint32_t kVeryLong = 2147483648U;

struct CacheControl {
  // Seconds, clamped to kVeryLong. Absent or invalid: nothing.
  std::optional<std::uint32_t> max_age;
  std::optional<std::uint32_t> s_maxage;
  std::optional<std::uint32_t> stale_while_revalidate;
  std::optional<std::uint32_t> stale_if_error;
  std::optional<std::uint32_t> min_fresh;
  std::optional<std::uint32_t> max_stale; // kVeryLong: without a value, any staleness

  bool max_age_invalid = false;  // there, but unusable: 0 is what it means
  bool s_maxage_invalid = false; // the same
  bool no_store = false;
  bool no_cache = false;        // unqualified
  bool no_cache_fields = false; // qualified: no-cache="a, b"
  bool is_private = false;      // unqualified
  bool private_fields = false;  // qualified: private="a, b"
  bool is_public = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool no_transform = false;
  bool must_understand = false;
  bool only_if_cached = false;
  bool immutable = false;
  bool present = false; // there is a Cache-Control field at all (Pragma, C13)

  // What stood between the quotes of the first qualified one; ListReader reads it.
  std::string_view no_cache_names;
  std::string_view private_names;
};

/// All lines of Cache-Control; `id` may be another field of the same syntax (Surrogate-Control).
CacheControl parse_cache_control(const Fields& fields,
                                 FieldId id = FieldId::cache_control) noexcept;
/// Pragma: no-cache, where no Cache-Control field is present (C13).
/// A targeted field (RFC 9213): a Structured Fields dictionary. Nothing: it is absent, empty or
/// does not parse, and counts as absent (C12.2).
std::optional<CacheControl> parse_targeted(const Fields& fields, std::string_view name);
bool is_pragma_no_cache(const Fields& fields) noexcept;

/// 1*DIGIT, clamped to kVeryLong; nothing for anything else (C3.5).
std::optional<std::uint32_t> parse_delta_seconds(std::string_view text) noexcept;
/// The first member of Age over all lines; nothing if there is none or it is no number (C5.3).
std::optional<std::uint32_t> parse_age(const Fields& fields) noexcept;

} // namespace weir::http
