// SPDX-License-Identifier: Apache-2.0
#include "base/chunk.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/result.h"

namespace weir {

namespace {
// One of the thread-locals of STYLE 4.5: set by the worker when it starts.
thread_local ChunkPool* current_pool = nullptr;
} // namespace

Chunk* Chunk::make(std::size_t total) {
  void* raw = std::malloc(total);
  if (raw == nullptr) {
    panic("out of memory");
  }
  return new (raw) Chunk(total - sizeof(Chunk));
}

Ref<Chunk> Chunk::small() {
  if (current_pool != nullptr && !current_pool->free_.empty()) {
    Chunk* chunk = current_pool->free_.back();
    current_pool->free_.pop_back();
    return Ref<Chunk>(chunk);
  }
  return Ref<Chunk>(make(kSmall));
}

Ref<Chunk> Chunk::large() { return Ref<Chunk>(make(kLarge)); }

Ref<Chunk> Chunk::of_capacity(std::size_t bytes) {
  std::size_t total = bytes + sizeof(Chunk);
  return total == kSmall ? small() : Ref<Chunk>(make(total));
}

void Chunk::dispose() const noexcept {
  // The last Ref is gone: nobody else sees this chunk, so it may be changed again.
  auto* self = const_cast<Chunk*>(this);
  if (current_pool != nullptr && capacity_ + sizeof(Chunk) == kSmall &&
      current_pool->free_.size() < current_pool->most_kept_) {
    current_pool->free_.push_back(self);
    return;
  }
  self->~Chunk();
  std::free(self);
}

void ChunkPool::install(ChunkPool* pool) noexcept { current_pool = pool; }

ChunkPool::~ChunkPool() {
  if (current_pool == this) {
    current_pool = nullptr;
  }
  for (Chunk* chunk : free_) {
    chunk->~Chunk();
    std::free(chunk);
  }
}

std::size_t size_of(const std::vector<Slice>& slices) noexcept {
  std::size_t size = 0;
  for (const Slice& slice : slices) {
    size += slice.size;
  }
  return size;
}

std::vector<Slice> copied(const std::vector<Slice>& slices) {
  std::size_t size = size_of(slices);
  constexpr std::size_t kMost = Chunk::kLarge - sizeof(Chunk);
  std::vector<Slice> to;
  to.reserve((size + kMost - 1) / kMost);
  Ref<Chunk> chunk;
  std::size_t used = 0;
  for (const Slice& slice : slices) {
    for (std::string_view left = slice.view(); !left.empty();) {
      if (!chunk || used == chunk->capacity()) {
        chunk = Chunk::of_capacity(std::min(size, kMost));
        size -= chunk->capacity();
        used = 0;
        to.emplace_back(std::string_view(chunk->data(), chunk->capacity()), chunk);
      }
      std::size_t n = std::min(left.size(), chunk->capacity() - used);
      std::memcpy(chunk->data() + used, left.data(), n);
      used += n;
      left.remove_prefix(n);
    }
  }
  return to;
}

std::optional<std::size_t> held_by(const std::vector<Slice>& slices) noexcept {
  std::size_t held = 0;
  const Shared* last = nullptr;
  for (const Slice& slice : slices) {
    std::size_t each = slice.owner ? slice.owner->footprint() : 0;
    if (each == 0) {
      return std::nullopt;
    }
    held += slice.owner.get() != last ? each : 0;
    last = slice.owner.get();
  }
  return held;
}

void OutQueue::compact() noexcept {
  if (begin_ == 0) {
    return;
  }
  for (std::size_t i = begin_; i < end_; ++i) {
    iov_[i - begin_] = iov_[i];
    owner_[i - begin_] = std::move(owner_[i]);
  }
  end_ -= begin_;
  begin_ = 0;
}

void OutQueue::push(Slice slice) {
  if (slice.empty()) {
    return;
  }
  if (end_ == kSlots) {
    compact();
    if (end_ == kSlots) {
      panic("OutQueue::push: no slot");
    }
  }
  iov_[end_] = {const_cast<char*>(slice.data), slice.size};
  owner_[end_] = std::move(slice.owner);
  bytes_ += slice.size;
  ++end_;
}

void OutQueue::push_piped(const Ref<Pipe>& pipe, std::size_t bytes) {
  Slice slice; // without memory: they are in the pipe
  slice.size = bytes;
  slice.owner = pipe;
  push(std::move(slice));
}

const Pipe* OutQueue::first_pipe() const noexcept {
  bool piped = !empty() && iov_[begin_].iov_base == nullptr;
  return piped ? static_cast<const Pipe*>(owner_[begin_].get()) : nullptr;
}

/// Slots from the first bytes in a pipe on.
std::size_t OutQueue::behind() const noexcept {
  std::size_t at = begin_;
  while (at < end_ && iov_[at].iov_base != nullptr) {
    ++at;
  }
  return end_ - at;
}

bool OutQueue::push_copy(std::string_view bytes) {
  if (bytes.empty()) {
    return true;
  }
  if (slots_free() == 0 || kScratch - scratch_used_ < bytes.size()) {
    return false;
  }
  char* to = scratch_.data() + scratch_used_;
  std::memcpy(to, bytes.data(), bytes.size());
  scratch_used_ += bytes.size();
  if (end_ > begin_ && owner_[end_ - 1] == nullptr) {
    iovec& last = iov_[end_ - 1];
    if (static_cast<char*>(last.iov_base) + last.iov_len == to) {
      last.iov_len += bytes.size();
      bytes_ += bytes.size();
      return true;
    }
  }
  push(Slice({to, bytes.size()}));
  return true;
}

Slice OutQueue::pop() noexcept {
  Slice slice;
  slice.data = static_cast<const char*>(iov_[begin_].iov_base);
  slice.size = iov_[begin_].iov_len;
  slice.owner = std::move(owner_[begin_]);
  bytes_ -= slice.size;
  ++begin_;
  if (begin_ == end_) {
    begin_ = end_ = scratch_used_ = 0;
  }
  return slice;
}

void OutQueue::consume(std::size_t n) noexcept {
  bytes_ -= n;
  while (n > 0) {
    iovec& first = iov_[begin_];
    if (n < first.iov_len) {
      if (first.iov_base != nullptr) {
        first.iov_base = static_cast<char*>(first.iov_base) + n;
      }
      first.iov_len -= n;
      return;
    }
    n -= first.iov_len;
    owner_[begin_] = nullptr;
    ++begin_;
  }
  if (begin_ == end_) {
    begin_ = end_ = 0;
    scratch_used_ = 0;
  }
}

void OutQueue::clear() noexcept {
  for (std::size_t i = begin_; i < end_; ++i) {
    owner_[i] = nullptr;
  }
  begin_ = end_ = bytes_ = scratch_used_ = 0;
}

} // namespace weir
