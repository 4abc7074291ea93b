// SPDX-License-Identifier: Apache-2.0
//
// Arrived: octets of a body that came before somebody took them, in order. Bounded by whoever lets
// them come (windows, a stored part). Owner: a stream or a fetch; its thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/chunk.h"

namespace weir::proxy {

class Arrived {
public:
  /// `bytes` lie in `chunk`; small pieces are copied, so that they do not hold one of their own.
  void add(std::string_view bytes, const Ref<Chunk>& chunk);
  void assign(const std::vector<Slice>& slices);
  /// At most `room`; how many went. Empty, it holds no chunk.
  std::size_t take(OutQueue& out, std::size_t room);
  bool empty() const noexcept { return first_ == slices_.size(); }
  /// All goes; how many that were.
  std::size_t clear() noexcept;

private:
  void push(Slice slice);

  std::vector<Slice> slices_;
  std::size_t first_ = 0; // those before it were taken
  Ref<Chunk> joined_;     // what came in small pieces
  std::uint32_t joined_end_ = 0;
};

} // namespace weir::proxy
