// SPDX-License-Identifier: Apache-2.0
//
// H2Frames: frames on their way into an OutQueue: small ones side by side in a chunk, large pieces
// of bodies by reference between them. Owner: a codec; its thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/chunk.h"

namespace weir::http {

class H2Frames {
public:
  /// add_data() may need so many: a header, four slices, and what is flushed before each.
  static constexpr std::size_t kSlotsForData = 10;

  /// A copy of `bytes`, or a part of a frame.
  void add(OutQueue& out, std::string_view bytes);
  /// A DATA frame: its header, and what `piece` has, which is empty then.
  void add_data(OutQueue& out, std::string_view header, OutQueue& piece);
  /// What was added is in the queue.
  void flush(OutQueue& out);

private:
  Ref<Chunk> chunk_;
  std::uint32_t begin_ = 0; // what is in no queue yet
  std::uint32_t end_ = 0;
};

} // namespace weir::http
