// SPDX-License-Identifier: Apache-2.0
#include "cache/parts.h"

#include <algorithm>

#include "base/result.h"
#include "base/sized.h"

namespace weir::cache {

namespace {

constexpr std::uint64_t kSmall = 64 * 1024; // bytes

/// Octets [from, to) of the body, of what the part has of them.
std::vector<Slice> cut(const Part& part, std::uint64_t from, std::uint64_t to) {
  std::vector<Slice> out;
  std::uint64_t at = part.first;
  for (const Slice& slice : part.slices) {
    std::uint64_t begin = std::max(at, from);
    std::uint64_t end = std::min(at + slice.size, to);
    if (begin < end) {
      out.emplace_back(slice.view().substr(begin - at, end - begin), slice.owner);
    }
    at += slice.size;
  }
  return out;
}

void append(std::vector<Slice>& to, std::vector<Slice> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

} // namespace

Part make_part(std::uint64_t first, std::vector<Slice> slices) {
  std::size_t size = size_of(slices);
  return {first, size, size <= kSmall ? copied(slices) : std::move(slices)};
}

Parts::Parts(std::vector<Part> parts) : parts_(std::move(parts)) {
  if (parts_.empty()) {
    panic("Parts: of nothing");
  }
  for (const Part& part : parts_) {
    bytes_ += part.size;
  }
}

const Part* Parts::covering(std::uint64_t from, std::uint64_t to) const noexcept {
  auto at = std::find_if(parts_.begin(), parts_.end(),
                         [from, to](const Part& part) { return part.covers(from, to); });
  return at == parts_.end() ? nullptr : &*at;
}

std::size_t Parts::cost() const noexcept {
  std::size_t cost = heap_bytes(sizeof(Parts)) + heap_bytes(parts_.capacity() * sizeof(Part));
  for (const Part& part : parts_) {
    cost += held_by(part.slices).value_or(part.size) +
            heap_bytes(part.slices.capacity() * sizeof(Slice));
  }
  return cost;
}

Ref<const Parts> join(const Parts& older, Part newer) {
  Part whole = newer;
  std::uint64_t end = newer.end();
  std::vector<Part> parts;
  for (const Part& old : older.all()) {
    if (old.end() < newer.first || old.first > newer.end()) {
      parts.push_back(old);
      continue;
    }
    if (old.first < newer.first) {
      std::vector<Slice> before = cut(old, old.first, newer.first);
      append(before, std::move(whole.slices));
      whole.slices = std::move(before);
      whole.first = old.first;
    }
    if (old.end() > newer.end()) {
      append(whole.slices, cut(old, newer.end(), old.end()));
    }
    end = std::max(end, old.end());
  }
  whole.size = end - whole.first;
  auto place = std::find_if(parts.begin(), parts.end(),
                            [&](const Part& part) { return part.first > whole.first; });
  parts.insert(place, std::move(whole));
  while (parts.size() > Parts::kMost) {
    parts.erase(std::min_element(parts.begin(), parts.end(),
                                 [](const Part& a, const Part& b) { return a.size < b.size; }));
  }
  return make_ref<const Parts>(std::move(parts));
}

} // namespace weir::cache
