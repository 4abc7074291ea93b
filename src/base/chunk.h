// SPDX-License-Identifier: Apache-2.0
//
// Chunk: a counted block of bytes.  Slice: a view into one (or into any Shared, or into memory that
// outlives the queue).  OutQueue: what waits to be written to a socket.  ChunkPool: free small
// chunks.
//
// A chunk is filled by one owner and immutable for everybody else. It returns to the pool of the
// thread it dies on, elsewhere to the heap. OutQueue and ChunkPool belong to one worker.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/pipe.h"
#include "base/ref.h"
#include "base/sized.h"

namespace weir {

class Chunk final : public Shared {
public:
  /// Whole allocations, this header included.
  static constexpr std::size_t kSmall = 16 * 1024;
  static constexpr std::size_t kLarge = 64 * 1024;

  /// A small one from this thread's pool, or a new one.
  static Ref<Chunk> small();
  /// `bytes`: what data() must hold. From the heap unless it fits a small one exactly.
  static Ref<Chunk> of_capacity(std::size_t bytes);
  static Ref<Chunk> large();

  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
  const char* data() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t footprint() const noexcept override { return heap_bytes(capacity_ + sizeof(Chunk)); }

private:
  friend class ChunkPool;
  explicit Chunk(std::size_t capacity) : capacity_(static_cast<std::uint32_t>(capacity)) {}
  ~Chunk() override = default;
  void dispose() const noexcept override;
  static Chunk* make(std::size_t total);

  std::uint32_t capacity_;
};

/// Bytes, and what keeps them alive. No owner: the bytes outlive the slice (static text, an Arena
/// or a Source that is kept until the queue is empty).
struct Slice {
  const char* data = nullptr;
  std::size_t size = 0;
  Ref<const Shared> owner;

  Slice() = default;
  explicit Slice(std::string_view borrowed) : data(borrowed.data()), size(borrowed.size()) {}
  Slice(std::string_view bytes, Ref<const Shared> keeper)
      : data(bytes.data()), size(bytes.size()), owner(std::move(keeper)) {}
  std::string_view view() const noexcept { return {data, size}; }
  bool empty() const noexcept { return size == 0; }
  /// The first n bytes, taken off the front; both share the owner.
  Slice take_front(std::size_t n) {
    Slice front({data, n}, owner);
    data += n;
    size -= n;
    return front;
  }
};

std::size_t size_of(const std::vector<Slice>& slices) noexcept;
/// The same bytes in chunks of their own, which they fill.
std::vector<Slice> copied(const std::vector<Slice>& slices);
/// Bytes of memory that live as long as these slices do; nothing: not known.
std::optional<std::size_t> held_by(const std::vector<Slice>& slices) noexcept;

/// What a pull() answers (DESIGN §4). `blocked`: "I will wake you".
enum class Pull : std::uint8_t { more, blocked, end, failed };

/// A bounded list of slices in the order they go to the socket, and of bytes that are in a Pipe
/// where its socket takes these. Pooled by the worker.
class OutQueue {
public:
  static constexpr std::size_t kSlots = 16;
  static constexpr std::size_t kScratch = 512;

  OutQueue() = default;
  /// Takes fewer slots than it has: for what is to be moved into another queue with framing around
  /// it.
  explicit OutQueue(std::size_t most_slots) : most_(most_slots) {}
  OutQueue(const OutQueue&) = delete;
  OutQueue& operator=(const OutQueue&) = delete;

  bool empty() const noexcept { return begin_ == end_; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t slots_free() const noexcept { return most_ - (end_ - begin_); }

  /// Requires slots_free() > 0. An empty slice is dropped.
  void push(Slice slice);
  /// Copies into the queue's own scratch (framing bytes). False: no slot or no scratch left.
  bool push_copy(std::string_view bytes);

  /// Whether its socket takes bytes out of pipes: it is one without TLS.
  void take_pipes(bool takes) noexcept { takes_pipes_ = takes; }
  bool takes_pipes() const noexcept { return takes_pipes_; }
  /// So many bytes that are in the pipe. Requires takes_pipes() and slots_free() > 0.
  void push_piped(const Ref<Pipe>& pipe, std::size_t bytes);
  /// Where the first bytes are, if not in memory, and how many of them; null: they are.
  const Pipe* first_pipe() const noexcept;
  std::size_t first_size() const noexcept { return iov_[begin_].iov_len; }

  /// The slices in memory before the next bytes in a pipe.
  const iovec* iov() const noexcept { return iov_.data() + begin_; }
  std::size_t iov_count() const noexcept { return end_ - begin_ - (takes_pipes_ ? behind() : 0); }
  /// Takes the first slice off (a consumer that is no socket). Requires !empty(). What push_copy
  /// put here has no owner and lives until the queue is empty.
  Slice pop() noexcept;
  /// The first n bytes are with the kernel.
  void consume(std::size_t n) noexcept;
  void clear() noexcept;

private:
  void compact() noexcept;
  std::size_t behind() const noexcept;

  std::size_t most_ = kSlots;
  bool takes_pipes_ = false;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t bytes_ = 0;
  std::size_t scratch_used_ = 0;
  std::array<iovec, kSlots> iov_{};
  std::array<Ref<const Shared>, kSlots> owner_{};
  std::array<char, kScratch> scratch_{};
};

/// Free small chunks of one thread. The worker installs its own; threads without one use the heap.
class ChunkPool {
public:
  explicit ChunkPool(std::size_t most_kept) : most_kept_(most_kept) { free_.reserve(most_kept); }
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  /// Makes `pool` (or none) this thread's pool. The pool outlives its use here.
  static void install(ChunkPool* pool) noexcept;
  std::size_t kept() const noexcept { return free_.size(); }

private:
  friend class Chunk;
  std::size_t most_kept_;
  std::vector<Chunk*> free_;
};

} // namespace weir
