// SPDX-License-Identifier: Apache-2.0
//
// H1Parser: HTTP/1.x heads, incremental, strict (WIRE_RULES 1-4, 6).
//
// The caller keeps the unread bytes contiguous and hands the whole of them to every call; what is
// added comes at the end, and the bytes may have moved in between (into a larger chunk). The head
// given is filled on the way and must be the same object until the parser is done: views into the
// buffer. Each byte is looked at once, and any split of the bytes gives the same outcome at the
// same byte. Owner: a session, a fetch, an admin session; small enough to be a member of an idle
// one.
//
//   auto progress = parser.parse_request(unread, head, arena);
//   if (!progress) → answer status_of(progress.error()) and close
//   if (progress->complete) → consume progress->size bytes; the body begins there; parser.reset()
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/message.h"

namespace weir::http {

struct HeadLimits {
  std::uint32_t target = 16 * 1024; // 414 above it
  std::uint32_t head = 64 * 1024;   // whole head or trailer section; 431
  std::uint32_t field = 32 * 1024;  // one field line; 431
  std::uint32_t fields = 128;       // field lines; 431
  std::uint32_t chunk_line = 4096;  // a chunk-size line with extensions; 400
};
extern const HeadLimits kDefaultLimits;

struct Progress {
  bool complete = false; // false: give more bytes
  std::size_t size = 0;  // of the head, empty lines before it included, when complete
};

/// The field lines of a head or a trailer section, up to and with the empty line. Used by H1Parser
/// and ChunkedReader. Offsets, not pointers, stay between calls.
class FieldLines {
public:
  explicit FieldLines(const HeadLimits& limits) noexcept : limits_(&limits) {}
  /// `begin`: the offset in `buffer` of the first field line, the same in each call. Limits count
  /// from the front of the buffer. Progress::size: the offset behind the empty line.
  /// `side`: whose message it is, for the errors.
  Result<Progress> parse(std::string_view buffer, std::size_t begin, Side side, Fields& out,
                         Arena& arena);
  void reset() noexcept;

private:
  enum class Line : std::uint8_t {
    field,     // one was added
    last,      // the empty line
    cut,       // more bytes are needed
    bad,       // malformed
    too_large, // over a limit
  };
  Line take_line(std::string_view buffer, Fields& out, Arena& arena);
  /// Up to the colon; field: it is there.
  Line take_name(const char* text, std::size_t end, FieldId& id);

  const HeadLimits* limits_;
  const char* base_ = nullptr; // where the buffer was in the last call: only compared
  std::uint32_t line_ = 0;     // offset of the line in work
  std::uint32_t colon_ = 0;    // offset of its colon; 0: not seen
  std::uint32_t at_ = 0;       // offset of the first byte not looked at
};

class H1Parser {
public:
  explicit H1Parser(const HeadLimits& limits = kDefaultLimits) noexcept
      : limits_(&limits), lines_(limits) {}

  Result<Progress> parse_request(std::string_view buffer, RequestHead& head, Arena& arena);
  /// `request`: the method this is the answer to: it decides about the body.
  Result<Progress> parse_response(std::string_view buffer, Method request, ResponseHead& head,
                                  Arena& arena);
  /// Ready for the next message.
  void reset() noexcept;
  /// Whether a byte of the message (more than empty lines) has been seen.
  bool begun() const noexcept { return at_ > At::blank; }

private:
  enum class At : std::uint8_t {
    idle,    // nothing seen yet
    blank,   // in front of the request line: empty lines are skipped (W1.1)
    method,  // in it
    target,  // in it
    version, // in it, at most ten octets
    status,  // at the front of the status line
    reason,  // in it
    fields,  // FieldLines works
  };
  // Each takes a part of the start line; false: more bytes are needed.
  Result<bool> skip_blank_lines(std::string_view buffer);
  Result<bool> take_method(std::string_view buffer);
  Result<bool> take_target(std::string_view buffer);
  Result<bool> take_version(std::string_view buffer, RequestHead& head);
  Result<bool> take_status(std::string_view buffer, ResponseHead& head);
  Result<bool> take_reason(std::string_view buffer);
  Result<bool> take_request_line(std::string_view buffer, RequestHead& head);

  const HeadLimits* limits_;
  FieldLines lines_;
  At at_ = At::idle;
  std::uint32_t pos_ = 0;        // offset of the first byte not looked at
  std::uint32_t start_ = 0;      // offset of the start line
  std::uint32_t method_end_ = 0; // of the method; of the blank before the reason
  std::uint32_t target_end_ = 0; // of the target; of the reason
};

/// Content-Length and Transfer-Encoding of a request (W3.1-W3.8).
Result<Framing> request_framing(const RequestHead& head);
/// The same for a response (RFC 9112 §6.3, W6.2, W6.3, W6.13). Sets framing and keep_alive; fields
/// that must not go on (CL beside TE, doubled CL, TE that was not understood) are removed.
Result<void> set_response_framing(ResponseHead& head, Method request);

} // namespace weir::http
