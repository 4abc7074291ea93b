// SPDX-License-Identifier: Apache-2.0
#include "cache/outcome.h"

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
  out.raw("Cache-Status: weir");
  if (kind == Kind::hit || (kind == Kind::stale && forward.empty())) {
    out.raw("; hit");
  }
  if (!forward.empty()) {
    out.raw("; fwd=");
    out.raw(forward);
    if (forward_status != 0) {
      out.raw("; fwd-status=");
      out.raw(http::Decimal(static_cast<std::uint64_t>(forward_status)).view());
    }
  }
  if (stored) {
    out.raw("; stored");
  }
  if (kind == Kind::collapsed) {
    out.raw("; collapsed");
  }
  if (ttl) {
    // Rounded down, so that what is stale never shows 0 and more.
    auto seconds = std::chrono::floor<std::chrono::seconds>(*ttl).count();
    out.raw(seconds < 0 ? "; ttl=-" : "; ttl=");
    out.raw(http::Decimal(static_cast<std::uint64_t>(seconds < 0 ? -seconds : seconds)).view());
  }
  if (!detail.empty()) {
    out.raw("; detail=");
    out.raw(detail);
  }
  out.raw("\r\n");
}

} // namespace weir::cache
