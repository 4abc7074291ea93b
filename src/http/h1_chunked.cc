// SPDX-License-Identifier: Apache-2.0
#include "http/h1_chunked.h"

#include <algorithm>

#include "http/chars.h"

namespace weir::http {

namespace {
constexpr std::uint64_t kMostOctets = 0x7fffffffffffffffULL; // W3.9
}

void ChunkedReader::reset() noexcept {
  trailer_lines_.reset();
  at_ = At::size;
  digit_seen_ = false;
  line_size_ = 0;
  left_ = 0;
}

Result<void> ChunkedReader::take_framing(char c) {
  auto malformed = [&] { return fail(Code::malformed, side_); };
  if (at_ == At::data_cr || at_ == At::data_lf) { // W3.11
    if (c != (at_ == At::data_cr ? '\r' : '\n')) {
      return malformed();
    }
    at_ = at_ == At::data_cr ? At::data_lf : At::size;
    return {};
  }
  if (++line_size_ > limits_->chunk_line) { // W3.10
    return malformed();
  }
  if (at_ == At::size_lf) {
    if (c != '\n') {
      return malformed();
    }
    at_ = left_ != 0 ? At::data : At::trailers;
    line_size_ = 0;
    digit_seen_ = false;
    return {};
  }
  if (at_ == At::size && is(kHexChar, c)) {
    if (left_ > kMostOctets >> 4) {
      return malformed();
    }
    left_ = left_ << 4 | hex_value(c);
    digit_seen_ = true;
    return {};
  }
  if (c == '\r' && digit_seen_ && at_ != At::blank) {
    at_ = At::size_lf;
    return {};
  }
  if (at_ == At::extension) {
    return find_control(&c, &c + 1) == 1 ? Result<void>{} : malformed();
  }
  if (digit_seen_ && (c == ' ' || c == '\t')) { // RFC 9112 §7.1.1: only in front of ';'
    at_ = At::blank;
    return {};
  }
  if (digit_seen_ && c == ';') {
    at_ = At::extension;
    return {};
  }
  return malformed();
}

Result<ChunkedReader::Piece> ChunkedReader::next(std::string_view buffer, Fields& trailers,
                                                 Arena& arena, std::size_t most) {
  Piece piece;
  while (at_ < At::data || at_ == At::data_cr || at_ == At::data_lf) {
    if (piece.skip == buffer.size()) {
      return piece;
    }
    if (auto taken = take_framing(buffer[piece.skip]); !taken) {
      return fail(taken.error());
    }
    ++piece.skip;
  }
  if (at_ == At::data) {
    piece.data = static_cast<std::size_t>(
        std::min<std::uint64_t>({left_, buffer.size() - piece.skip, most}));
    left_ -= piece.data;
    if (left_ == 0) {
      at_ = At::data_cr;
    }
    return piece;
  }
  if (at_ == At::trailers && piece.skip == 0) { // else they get a call of their own
    auto progress = trailer_lines_.parse(buffer, 0, side_, trailers, arena);
    if (!progress) {
      return fail(progress.error());
    }
    if (progress->complete) {
      remove_forbidden_trailers(trailers);
      piece.skip = progress->size;
      at_ = At::done;
    }
  }
  piece.end = at_ == At::done;
  return piece;
}

} // namespace weir::http
