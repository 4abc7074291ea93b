// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <sys/random.h>

#include <bit>
#include <cstring>

#include "base/result.h"

namespace weir {

HashKey HashKey::random() {
  HashKey key;
  if (::getrandom(&key, sizeof key, 0) != static_cast<ssize_t>(sizeof key)) {
    panic("getrandom failed");
  }
  return key;
}

namespace {

struct Sip {
  std::uint64_t v0, v1, v2, v3;

  Sip(const HashKey& key, bool wide)
      : v0(key.k0 ^ 0x736f6d6570736575U), v1(key.k1 ^ 0x646f72616e646f6dU ^ (wide ? 0xeeU : 0U)),
        v2(key.k0 ^ 0x6c7967656e657261U), v3(key.k1 ^ 0x7465646279746573U) {}

  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::string_view bytes) noexcept {
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
      std::uint64_t m;
      std::memcpy(&m, at, 8);
      v3 ^= m;
      round();
      v0 ^= m;
    }
    std::uint64_t last = std::uint64_t{bytes.size() & 0xff} << 56;
    std::uint64_t tail = 0;
    if (left > 0) {
      std::memcpy(&tail, at, left);
    }
    last |= tail;
    v3 ^= last;
    round();
    v0 ^= last;
  }
  std::uint64_t finish() noexcept {
    round();
    round();
    round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

} // namespace

std::uint64_t siphash64(const HashKey& key, std::string_view bytes) noexcept {
  Sip sip(key, false);
  sip.absorb(bytes);
  sip.v2 ^= 0xff;
  return sip.finish();
}

Hash128 siphash128(const HashKey& key, std::string_view bytes) noexcept {
  Sip sip(key, true);
  sip.absorb(bytes);
  sip.v2 ^= 0xee;
  Hash128 out;
  out.high = sip.finish();
  sip.v1 ^= 0xdd;
  out.low = sip.finish();
  return out;
}

} // namespace weir
