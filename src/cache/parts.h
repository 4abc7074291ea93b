// SPDX-License-Identifier: Apache-2.0
//
// Parts: what a stored response has of its body where that is not all of it (RFC 9111 §3.3, §3.4):
// stretches of octets in order, with a gap between any two. Immutable, shared; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/chunk.h"

namespace weir::cache {

/// Octets [first, end) of a body.
struct Part {
  std::uint64_t first = 0;
  std::uint64_t size = 0;
  std::vector<Slice> slices;

  std::uint64_t end() const noexcept { return first + size; }
  bool covers(std::uint64_t from, std::uint64_t to) const noexcept {
    return first <= from && to <= end();
  }
};
/// A small one is copied: it would keep whole chunks alive.
Part make_part(std::uint64_t first, std::vector<Slice> slices);

class Parts final : public Shared {
public:
  static constexpr std::size_t kMost = 64;

  /// In order, with gaps.
  explicit Parts(std::vector<Part> parts);

  const std::vector<Part>& all() const noexcept { return parts_; }
  /// The one that has all of these octets; null: none has.
  const Part* covering(std::uint64_t from, std::uint64_t to) const noexcept;
  /// The one that the body begins with; null: there is none.
  const Part* prefix() const noexcept {
    return parts_.front().first == 0 ? &parts_.front() : nullptr;
  }
  /// In all of them.
  std::uint64_t bytes() const noexcept { return bytes_; }
  /// Bytes of memory they take, all told.
  std::size_t cost() const noexcept;

private:
  std::vector<Part> parts_;
  std::uint64_t bytes_ = 0;
};

/// Parts of one representation (the same strong validator, §3.4) with one more. Of more than kMost
/// the smallest go.
Ref<const Parts> join(const Parts& older, Part newer);

} // namespace weir::cache
