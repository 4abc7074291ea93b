// SPDX-License-Identifier: Apache-2.0
//
// Method, Framing, RequestHead, ResponseHead: a parsed message head, whatever protocol carried it.
//
// Heads are views (http/fields.h): into the client's or origin's chunk, or into an Arena.
// copy_head() makes one that stands alone. A head that came out of a parser is valid: field syntax,
// Host, target and framing are checked, and nothing in it can end a line. Values, any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/fields.h"
#include "http/uri.h"

namespace weir::http {

enum class Method : std::uint8_t {
  get,
  head,
  post,
  put,
  delete_,
  connect,
  options,
  trace,
  patch,
  purge,
  other, // its text says which
};

/// Letter case counts (W1.3).
Method parse_method(std::string_view text) noexcept;
/// Empty for `other`.
std::string_view name(Method method) noexcept;
/// RFC 9110 §9.2.1: GET, HEAD, OPTIONS, TRACE.
bool is_safe(Method method) noexcept;
/// RFC 9110 §9.2.2: the safe ones, PUT, DELETE.
bool is_idempotent(Method method) noexcept;

/// "OK", "Not Found"; empty for a code without one.
std::string_view reason_phrase(int status) noexcept;
inline bool is_informational(int status) noexcept { return status >= 100 && status < 200; }
/// 1xx, 204, 304: no body whatever the fields say.
inline bool is_bodiless(int status) noexcept {
  return is_informational(status) || status == 204 || status == 304;
}

/// Where a message's body ends.
struct Framing {
  enum class Kind : std::uint8_t {
    none,        // no body
    length,      // `length` octets (may be 0)
    chunked,     // ChunkedReader finds the end; HTTP/2: END_STREAM
    until_close, // responses only
  };
  Kind kind = Kind::none;
  std::uint64_t length = 0;

  bool has_body() const noexcept {
    return kind == Kind::chunked || kind == Kind::until_close || length != 0;
  }
  friend bool operator==(const Framing&, const Framing&) = default;
};

struct RequestHead {
  Method method = Method::get;
  std::string_view method_text;
  std::string_view target; // as received
  Target uri;              // parsed; host and port are those of Host where the target has none
  int minor_version = 1;   // HTTP/1.x: 0 or 1 (1.2 to 1.9 count as 1, W1.8); HTTP/2: 1
  bool http2 = false;
  Framing framing;
  bool keep_alive = false;      // the client wants, and may have, another request here
  bool expect_continue = false; // Expect: 100-continue, and HTTP/1.1
  bool expect_unknown = false;  // Expect with anything else (W5.7)
  // Connection names upgrade and there is an Upgrade field. HTTP/2: an extended CONNECT for
  // WebSocket (RFC 8441), which is a GET here.
  bool upgrade = false;
  Fields fields;

  void clear() noexcept;
};

struct ResponseHead {
  int status = 0;
  std::string_view reason;
  int minor_version = 1;
  Framing framing;
  bool keep_alive = false; // the connection may be used again after the body
  Fields fields;

  void clear() noexcept;
};

/// A copy whose bytes are all in `arena`. `to` must not be `from`.
void copy_head(const RequestHead& from, RequestHead& to, Arena& arena);
void copy_head(const ResponseHead& from, ResponseHead& to, Arena& arena);
void copy_fields(const Fields& from, Fields& to, Arena& arena);

/// Host once and valid (W4.1), the target's form for this method (W1.10), and head.uri from both.
/// For codecs: the H1Parser and the H2Codec call it with everything else of the head in place.
Result<void> resolve_target(RequestHead& head, Arena& arena);
/// Sets keep_alive, expect_* and upgrade from version and fields.
void read_connection_options(RequestHead& head) noexcept;

/// The status an unusable message is answered with: 400, 413, 414, 431, 501, 505 for the client's,
/// 502 for an origin's (WIRE_RULES 1-3, 6).
int status_of(const Error& error) noexcept;

} // namespace weir::http
