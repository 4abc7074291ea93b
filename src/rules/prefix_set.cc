// SPDX-License-Identifier: Apache-2.0
#include "rules/prefix_set.h"

#include <algorithm>
#include <tuple>

namespace weir::rules {

namespace {

std::uint64_t read_be(const std::uint8_t* at, std::size_t n) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < n; ++i) {
    value = value << 8 | at[i];
  }
  return value;
}

/// ::ffff:10.0.0.0/104 is 10.0.0.0/8 written oddly.
Prefix plain(const Prefix& prefix) {
  if (!prefix.base().is_v6() || prefix.bits() < 96) {
    return prefix;
  }
  const auto& b = prefix.base().bytes();
  if (read_be(b.data(), 8) != 0 || read_be(b.data() + 8, 4) != 0xffff) {
    return prefix;
  }
  return Prefix(Address::v4({b[12], b[13], b[14], b[15]}), prefix.bits() - 96);
}

} // namespace

void PrefixSet::key_of(const Address& address, std::uint32_t& key) noexcept {
  key = static_cast<std::uint32_t>(read_be(address.bytes().data() + 12, 4));
}

void PrefixSet::key_of(const Address& address, Wide& key) noexcept {
  key = {read_be(address.bytes().data(), 8), read_be(address.bytes().data() + 8, 8)};
}

std::uint32_t PrefixSet::last_of(std::uint32_t first, unsigned bits) noexcept {
  return bits == 0 ? UINT32_MAX
                   : first | static_cast<std::uint32_t>((std::uint64_t{1} << (32 - bits)) - 1);
}

PrefixSet::Wide PrefixSet::last_of(Wide first, unsigned bits) noexcept {
  auto ones = [](unsigned n) { return n >= 64 ? UINT64_MAX : (std::uint64_t{1} << n) - 1; };
  if (bits <= 64) {
    return {first.high | ones(64 - bits), UINT64_MAX};
  }
  return {first.high, first.low | ones(128 - bits)};
}

bool PrefixSet::advance(std::uint32_t& key) noexcept { return ++key != 0; }

bool PrefixSet::advance(Wide& key) noexcept { return ++key.low != 0 || ++key.high != 0; }

template <class Key> void PrefixSet::Ranges<Key>::begin(Key at, std::uint32_t owner) {
  if (!starts.empty() && starts.back() == at) {
    owners.back() = owner;
  } else {
    starts.push_back(at);
    owners.push_back(owner);
  }
}

template <class Key> std::uint32_t PrefixSet::Ranges<Key>::find(Key at) const noexcept {
  auto after = std::upper_bound(starts.begin(), starts.end(), at);
  return after == starts.begin() ? kNone
                                 : owners[static_cast<std::size_t>(after - starts.begin()) - 1];
}

/// entries_ is sorted, so a block comes after those that hold it: a stack of open blocks.
template <class Key> void PrefixSet::flatten(Ranges<Key>& ranges, bool v4) {
  struct Open {
    Key last;
    std::uint32_t owner;
  };
  std::vector<Open> open;
  auto close = [&] {
    Key next = open.back().last;
    open.pop_back();
    if (advance(next)) {
      ranges.begin(next, open.empty() ? kNone : open.back().owner);
    }
  };
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    const Prefix& prefix = entries_[i].prefix;
    if (prefix.base().is_v4() != v4) {
      continue;
    }
    Key first;
    key_of(prefix.base(), first);
    while (!open.empty() && open.back().last < first) {
      close();
    }
    ranges.begin(first, i);
    open.push_back({last_of(first, prefix.bits()), i});
  }
  while (!open.empty()) {
    close();
  }
  ranges.starts.shrink_to_fit();
  ranges.owners.shrink_to_fit();
}

PrefixSet::PrefixSet(std::vector<PrefixEntry> entries) : entries_(std::move(entries)) {
  for (auto& entry : entries_) {
    entry.prefix = plain(entry.prefix);
  }
  auto key = [](const PrefixEntry& e) {
    return std::make_tuple(e.prefix.base().is_v6(), e.prefix.base().bytes(), e.prefix.bits());
  };
  std::sort(entries_.begin(), entries_.end(), [&](const PrefixEntry& a, const PrefixEntry& b) {
    auto ka = key(a);
    auto kb = key(b);
    return ka != kb ? ka < kb : a.line < b.line;
  });
  auto same = [&](const PrefixEntry& a, const PrefixEntry& b) { return a.prefix == b.prefix; };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  entries_.shrink_to_fit();
  flatten(v4_, true);
  flatten(v6_, false);
}

const PrefixEntry* PrefixSet::find_exactly(const Address& address) const noexcept {
  std::uint32_t owner = kNone;
  if (address.is_v4()) {
    std::uint32_t key;
    key_of(address, key);
    owner = v4_.find(key);
  } else if (address.is_v6()) {
    Wide key;
    key_of(address, key);
    owner = v6_.find(key);
  }
  return owner == kNone ? nullptr : &entries_[owner];
}

const PrefixEntry* PrefixSet::find(const Address& address) const noexcept {
  const PrefixEntry* entry = find_exactly(address);
  if (entry != nullptr || !address.is_v6()) {
    return entry;
  }
  Address inner = address.unwrapped();
  return inner.is_v4() ? find_exactly(inner) : nullptr;
}

std::size_t PrefixSet::bytes() const noexcept {
  return entries_.capacity() * sizeof(PrefixEntry) + v4_.starts.capacity() * 8 +
         v6_.starts.capacity() * 20;
}

} // namespace weir::rules
