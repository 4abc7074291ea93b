// SPDX-License-Identifier: Apache-2.0
#include "http/h2_frames.h"

#include <cstring>

namespace weir::http {

namespace {
constexpr std::size_t kSmallSlice = 2048; // copied beside its frame header
constexpr std::size_t kLeastRoom = 1024;  // a chunk with less is left
} // namespace

void H2Frames::add(OutQueue& out, std::string_view bytes) {
  if (!chunk_ || chunk_->capacity() - end_ < bytes.size()) {
    flush(out);
    chunk_ = bytes.size() > Chunk::kSmall / 2 ? Chunk::large() : Chunk::small();
    begin_ = end_ = 0;
  }
  std::memcpy(chunk_->data() + end_, bytes.data(), bytes.size());
  end_ += static_cast<std::uint32_t>(bytes.size());
}

void H2Frames::add_data(OutQueue& out, std::string_view header, OutQueue& piece) {
  add(out, header);
  while (!piece.empty()) {
    Slice slice = piece.pop();
    // One without an owner may not outlive its source.
    if (slice.size <= kSmallSlice || slice.owner == nullptr) {
      add(out, slice.view());
    } else {
      flush(out);
      out.push(std::move(slice));
    }
  }
}

void H2Frames::flush(OutQueue& out) {
  if (end_ > begin_) {
    out.push(Slice({chunk_->data() + begin_, end_ - begin_}, chunk_));
    begin_ = end_;
  }
  if (chunk_ && chunk_->capacity() - end_ < kLeastRoom) {
    chunk_ = nullptr;
    begin_ = end_ = 0;
  }
}

} // namespace weir::http
