// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace weir {

char* Arena::allocate(std::size_t size, std::size_t align) {
  auto aligned = [&] {
    auto at = reinterpret_cast<std::uintptr_t>(next_);
    return reinterpret_cast<char*>((at + align - 1) & ~(static_cast<std::uintptr_t>(align) - 1));
  };
  char* at = aligned();
  if (next_ == nullptr || at > end_ || static_cast<std::size_t>(end_ - at) < size) {
    std::size_t block = std::max(kBlock, size + align);
    blocks_.push_back(std::unique_ptr<char[]>(new char[block]));
    if (blocks_.size() == 1) {
      first_size_ = block;
    }
    reserved_ += block;
    next_ = blocks_.back().get();
    end_ = next_ + block;
    at = aligned();
  }
  next_ = at + size;
  return at;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) {
    return {};
  }
  char* to = allocate(text.size(), 1);
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

std::string_view Arena::join(std::initializer_list<std::string_view> pieces) {
  std::size_t size = 0;
  for (auto piece : pieces) {
    size += piece.size();
  }
  if (size == 0) {
    return {};
  }
  char* to = allocate(size, 1);
  char* at = to;
  for (auto piece : pieces) {
    if (!piece.empty()) {
      std::memcpy(at, piece.data(), piece.size());
      at += piece.size();
    }
  }
  return {to, size};
}

void Arena::reset() noexcept {
  if (!own_.empty()) {
    blocks_.clear();
    reserved_ = 0;
    next_ = own_.data();
    end_ = next_ + own_.size();
    return;
  }
  if (blocks_.empty()) {
    return;
  }
  blocks_.resize(1);
  reserved_ = first_size_;
  next_ = blocks_.front().get();
  end_ = next_ + first_size_;
}

} // namespace weir
