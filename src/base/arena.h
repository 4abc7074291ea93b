// SPDX-License-Identifier: Apache-2.0
//
// Arena: a bump allocator that is reset whole. Owner: an Exchange, a Fetch. One thread.
// Objects put here are not destroyed: only bytes, views and trivially destructible structs.
// The first block is kept over reset(), so that a pooled owner allocates nothing when warm.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weir {

class Arena {
public:
  static constexpr std::size_t kBlock = 4096;

  Arena() = default;
  /// `first`: memory of the owner, used before any block. It lives as long as the arena.
  explicit Arena(std::span<char> first) noexcept
      : next_(first.data()), end_(first.data() + first.size()), own_(first) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Uninitialised bytes, aligned for any scalar; never null.
  char* allocate(std::size_t size, std::size_t align = alignof(std::max_align_t));
  /// A copy of `text` that lives until reset().
  std::string_view copy(std::string_view text);
  /// The pieces joined into one.
  std::string_view join(std::initializer_list<std::string_view> pieces);
  template <class T>
  requires(std::is_trivially_destructible_v<T>) std::span<T> make_array(std::size_t n) {
    T* first = reinterpret_cast<T*>(allocate(n * sizeof(T), alignof(T)));
    for (std::size_t i = 0; i < n; ++i) {
      std::construct_at(first + i);
    }
    return {first, n};
  }

  /// What can be written before a block has to be got: allocate(n, 1) then takes its first n bytes.
  std::span<char> room() noexcept { return {next_, end_}; }

  /// Forgets everything; keeps the first block, unless there is memory of the owner's.
  void reset() noexcept;
  /// Bytes held from the heap.
  std::size_t reserved() const noexcept { return reserved_; }

private:
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::size_t reserved_ = 0;
  std::size_t first_size_ = 0;
  std::span<char> own_;
  std::vector<std::unique_ptr<char[]>> blocks_;
};

} // namespace weir
