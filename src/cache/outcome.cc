// SPDX-License-Identifier: Apache-2.0
#include "cache/outcome.h"

#include <array>

namespace weir::cache {

std::string_view Outcome::word() const noexcept {
  switch (kind) {
  case Kind::none:
    return "none";
  case Kind::hit:
    return "hit";
  case Kind::stale:
    return "stale";
  case Kind::revalidated:
    return "revalidated";
  case Kind::miss:
    return "miss";
  case Kind::collapsed:
    return "collapsed";
  case Kind::pass:
    return "pass";
  }
  return "none";
}

void Outcome::write(http::H1Writer& out) const {
  if (kind == Kind::none) {
    return;
  }
  std::array<char, 192> room;
  http::H1Writer line(room.data(), room.size());
  line.raw("Cache-Status: weir");
  // hit and fwd exclude each other (RFC 9211 §2.1).
  if (forward.empty() && (kind == Kind::hit || kind == Kind::stale)) {
    line.raw("; hit");
  }
  if (!forward.empty()) {
    line.raw("; fwd=");
    line.raw(forward);
    if (forward_status != 0) {
      line.raw("; fwd-status=");
      line.raw(http::Decimal(static_cast<std::uint64_t>(forward_status)).view());
    }
    if (stored) {
      line.raw("; stored");
    }
    if (kind == Kind::collapsed) {
      line.raw("; collapsed");
    }
  }
  if (ttl) {
    // Rounded down, so that what is stale never shows 0.
    auto seconds = std::chrono::floor<std::chrono::seconds>(*ttl).count();
    line.raw(seconds < 0 ? "; ttl=-" : "; ttl=");
    line.raw(http::Decimal(static_cast<std::uint64_t>(seconds < 0 ? -seconds : seconds)).view());
  }
  if (!detail.empty()) {
    line.raw("; detail=");
    line.raw(detail);
  }
  line.raw("\r\n");
  if (line.ok()) {
    out.raw(line.bytes());
  }
}

} // namespace weir::cache
