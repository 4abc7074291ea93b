// SPDX-License-Identifier: Apache-2.0
#include "proxy/arrived.h"

#include <algorithm>
#include <cstring>

namespace weir::proxy {

namespace {
constexpr std::size_t kSmallPiece = 1024;
} // namespace

void Arrived::assign(const std::vector<Slice>& slices) {
  clear();
  slices_ = slices;
}

void Arrived::push(Slice slice) {
  if (first_ > slices_.size() / 2) { // it may never be empty
    slices_.erase(slices_.begin(), slices_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  slices_.push_back(std::move(slice));
}

void Arrived::add(std::string_view bytes, const Ref<Chunk>& chunk) {
  if (bytes.size() > kSmallPiece) {
    push(Slice(bytes, chunk));
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
  if (!empty() && fits && slices_.back().data + slices_.back().size == to) {
    slices_.back().size += bytes.size();
  } else {
    push(Slice({to, bytes.size()}, joined_));
  }
}

std::size_t Arrived::take(OutQueue& out, std::size_t room) {
  std::size_t taken = 0;
  while (!empty() && taken < room && out.slots_free() > 0) {
    Slice& first = slices_[first_];
    std::size_t n = std::min(room - taken, first.size);
    out.push(first.take_front(n));
    taken += n;
    if (first.empty()) {
      first = {};
      ++first_;
    }
  }
  if (empty()) { // a tunnel may be idle for long
    clear();
  }
  return taken;
}

std::size_t Arrived::clear() noexcept {
  std::size_t left = 0;
  for (std::size_t i = first_; i < slices_.size(); ++i) {
    left += slices_[i].size;
  }
  slices_.clear();
  first_ = 0;
  joined_ = nullptr;
  joined_end_ = 0;
  return left;
}

} // namespace weir::proxy
