// SPDX-License-Identifier: Apache-2.0
//
// What becomes of an answer's content coding (RFC 9110 §8.4, §12.5.3; CACHE_RULES C16.5): whether
// weir codes it, decodes it or leaves it, and the head that goes with that. Pure functions.
//
// A coded answer is a weak equivalent of what it was made of: its tag is weakened, so that
// If-None-Match finds it, and If-Range and If-Match do not (RFC 9110 §13.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "config/config.h"
#include "http/coding.h"
#include "http/message.h"
#include "rules/route.h"

namespace weir::proxy {

struct CodingPlan {
  enum class Body : std::uint8_t {
    as_is,  // nothing is changed, for whatever client
    varies, // nothing is changed for this one
    encode,
    decode,
  };
  Body body = Body::as_is;
  http::Coding coding = http::Coding::identity; // to encode, or that is decoded

  bool changes() const noexcept { return body == Body::encode || body == Body::decode; }
};

/// Of a route: its own, or its site's or forward's.
const config::CompressDecl& compress_of(const rules::Route& route) noexcept;

/// `length`: of the body as it comes, if it is known.
CodingPlan plan_coding(const config::CompressDecl& rule, const http::RequestHead& request,
                       const http::ResponseHead& answer, std::optional<std::uint64_t> length);

/// "text/html", without parameters, against "text/html", "text/*", "*+json".
bool matches_type(std::string_view type, std::string_view pattern) noexcept;

/// Whether the rule codes bodies of this media type (without parameters).
bool takes_type(const config::CompressDecl& rule, std::string_view type) noexcept;
/// Without no-transform (C16.5): a request or a response.
bool may_transform(const http::Fields& fields);

/// W/"x" for "x"; the same for what is weak, or malformed.
std::string_view weaken(std::string_view tag, Arena& arena);
/// Whether the client has this tag only as one that weir has weakened: a 304 says it so too.
bool is_known_weakly(const http::Fields& request, std::string_view tag) noexcept;
/// Whether Vary says it already.
bool varies_by_coding(const http::Fields& answer) noexcept;

/// The fields of a body that weir changes: tag, coding, Vary; none that count or sum its octets.
void edit_coded(http::Fields& fields, const CodingPlan& plan, Arena& arena);

} // namespace weir::proxy
