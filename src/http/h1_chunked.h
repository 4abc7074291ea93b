// SPDX-License-Identifier: Apache-2.0
//
// ChunkedReader: the chunked transfer coding, incremental, strict (W3.9-W3.12). It never holds
// body bytes: it says which part of the caller's buffer is body.
//
//   while (true) {
//     auto piece = reader.next(unread, trailers, arena);      // unread: bytes not consumed yet
//     if (!piece) → malformed: abort the message on both sides
//     unread.remove_prefix(piece->skip);                      // framing
//     take unread.substr(0, piece->data); remove it           // body
//     if (piece->end) break;                                  // what follows is the next message
//     if (piece->skip == 0 && piece->data == 0) → more bytes are needed
//   }
// Trailer lines stay unconsumed (skip 0) until the section is complete: it must be contiguous.
// The trailers are views into that buffer, without the fields that may not stand there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/h1_parser.h"

namespace weir::http {

class ChunkedReader {
public:
  /// `side`: whose message it is, for the errors.
  explicit ChunkedReader(Side side, const HeadLimits& limits = kDefaultLimits) noexcept
      : limits_(&limits), trailer_lines_(limits), side_(side) {}

  struct Piece {
    std::size_t skip = 0; // framing octets in front
    std::size_t data = 0; // body octets after them
    bool end = false;     // the message is complete after them
  };
  /// `most`: octets of body that are wanted now.
  Result<Piece> next(std::string_view buffer, Fields& trailers, Arena& arena,
                     std::size_t most = SIZE_MAX);
  void reset() noexcept;
  bool at_end() const noexcept { return at_ == At::done; }

private:
  enum class At : std::uint8_t {
    size,      // at the hex digits
    blank,     // blanks after them: an extension must follow
    extension, // after ';'
    size_lf,   // CR seen
    data,      // left_ octets of body
    data_cr,   // CRLF after the body of a chunk
    data_lf,
    trailers, // after the last chunk
    done,
  };
  /// One octet of a size line, or of the line end behind data.
  Result<void> take_framing(char c);

  const HeadLimits* limits_;
  FieldLines trailer_lines_;
  Side side_;
  At at_ = At::size;
  bool digit_seen_ = false;
  std::uint32_t line_size_ = 0;
  std::uint64_t left_ = 0;
};

} // namespace weir::http
