// SPDX-License-Identifier: Apache-2.0
//
// Meta: everything about a stored response but its body, as a value. rfc9111 makes it, the
// Directory keeps it inside an Entry, the disk tier writes and reads it (disk_record). Times are
// wall times; an Entry translates them to the monotonic clock when it is made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/hash.h"

namespace weir::cache {

/// What rfc9111 found out about reuse, once, when the head arrived (RFC 9111 §4.2).
struct Freshness {
  WallTime response_time{};                     // when the head was received
  Duration initial_age = Duration::zero();      // corrected_initial_age, §4.2.3
  Duration lifetime = Duration::zero();         // §4.2.1; 0: stale from the start
  Duration while_revalidate = Duration::zero(); // RFC 5861, 0: none
  Duration if_error = Duration::zero();         // RFC 5861, 0: none
  bool must_revalidate = false;   // must-revalidate, proxy-revalidate, s-maxage: never served stale
  bool no_cache = false;          // validated at each use (unqualified no-cache)
  bool shared_authorized = false; // may answer a request with Authorization (§3.5)
  bool heuristic = false;         // the lifetime was guessed (§4.2.2)

  friend bool operator==(const Freshness&, const Freshness&) = default;
};

struct Meta {
  std::string key;       // the whole key (Key::bytes), compared on every hit
  std::string vary;      // nominated field names, lower case, sorted, joined by ','; empty: none
  std::string selecting; // the values they had in the request (Key: selecting_values)
  std::string head; // status line and fields as they go out, each line with CRLF, no empty line
  std::uint16_t status = 0;
  Freshness freshness;
  WallTime date{};                // of the Date field (always there: added at receipt)
  std::string etag;               // as received; empty: none
  WallTime last_modified{};       // epoch: none
  std::vector<Address> addresses; // what was dialled: rules are asked about them on a hit too
  std::vector<std::string> tags;
  std::uint64_t purge_number = 0; // the newest purge when its fetch began (DESIGN §11)
  std::uint64_t body_size = 0;

  bool has_validator() const noexcept { return !etag.empty() || last_modified != WallTime{}; }
  friend bool operator==(const Meta&, const Meta&) = default;
};

} // namespace weir::cache
