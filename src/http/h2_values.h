// SPDX-License-Identifier: Apache-2.0
//
// What the two codecs of HTTP/2 hand to nghttp2 and take from it, as text. For their .cc files
// only.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/fields.h"

namespace weir::http {

using Values = std::vector<nghttp2_nv>;

constexpr std::size_t kUnpackedMost = 16; // times the limit of a head: then the connection ends

/// Where nghttp2 has its memory from: what a stream needs from the thread's Slab. A session ends on
/// the thread that made it.
nghttp2_mem* h2_memory() noexcept;

inline std::uint8_t* bytes_of(std::string_view text) {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// nghttp2_submit_*() copies both, and the name in lower case.
inline nghttp2_nv pair(std::string_view name, std::string_view value) {
  return {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

inline bool ends_stream(const nghttp2_frame* frame) {
  return (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

/// The next line of a head as HTTP/1 has it, taken off the front. No CR stands in a field.
inline std::string_view take_line(std::string_view& lines) {
  std::size_t end = lines.find('\r');
  std::string_view line = lines.substr(0, end);
  lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 2);
  return line;
}

/// Field lines of HTTP/1 as pairs.
inline void add_lines(std::string_view lines, Values& values) {
  while (!lines.empty()) {
    std::string_view line = take_line(lines);
    std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      values.push_back(pair(line.substr(0, colon), trim(line.substr(colon + 1))));
    }
  }
}

inline std::size_t size_of(const Values& values) {
  std::size_t bytes = 9;
  for (const nghttp2_nv& each : values) {
    bytes += each.namelen + each.valuelen;
  }
  return bytes;
}

} // namespace weir::http
