// SPDX-License-Identifier: Apache-2.0
#include "proxy/arrived.h"

#include <algorithm>
#include <cstring>

namespace weir::proxy {

namespace {
constexpr std::size_t kSmallPiece = 1024;
} // namespace

void Arrived::add(std::string_view bytes, const Ref<Chunk>& chunk) {
  if (bytes.size() > kSmallPiece) {
    slices_.push_back(Slice(bytes, chunk));
    return;
  }
  bool fits = joined_ && joined_->capacity() - joined_end_ >= bytes.size();
  if (!fits) {
    joined_ = Chunk::small();
    joined_end_ = 0;
  }
  char* to = joined_->data() + joined_end_;
  std::memcpy(to, bytes.data(), bytes.size());
  joined_end_ += static_cast<std::uint32_t>(bytes.size());
  if (!slices_.empty() && fits && slices_.back().data + slices_.back().size == to) {
    slices_.back().size += bytes.size();
  } else {
    slices_.push_back(Slice({to, bytes.size()}, joined_));
  }
}

std::size_t Arrived::take(OutQueue& out, std::size_t room) {
  std::size_t taken = 0;
  while (!slices_.empty() && taken < room && out.slots_free() > 0) {
    Slice& first = slices_.front();
    std::size_t n = std::min(room - taken, first.size);
    out.push(first.take_front(n));
    taken += n;
    if (first.empty()) {
      slices_.pop_front();
    }
  }
  if (slices_.empty()) { // a tunnel may be idle for long
    joined_ = nullptr;
    joined_end_ = 0;
  }
  return taken;
}

std::size_t Arrived::clear() noexcept {
  std::size_t left = 0;
  for (const Slice& each : slices_) {
    left += each.size;
  }
  slices_.clear();
  joined_ = nullptr;
  joined_end_ = 0;
  return left;
}

} // namespace weir::proxy
