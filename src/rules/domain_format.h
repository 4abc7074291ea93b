// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a compiled domain set, shared by its builder and its reader. Pure.
//
// A name is kept as the number of its last label ("com") in a small dictionary and a code of what
// stands before it, read from the right: frequent characters take 4 bits, rare ones 7. Since the
// code runs from the right, the code of every parent of a host is a prefix of the host's code: a
// look-up encodes once. The last byte is filled up with ones, which no character's code is, so a
// code says where it ends. About 13 bytes an entry, and still the whole name: no false positives.
//
//   file    = Header | entries, bucket by bucket | u32 offset of each bucket, and the end
//             | dictionary: (length, bytes)* | meta, the owner's bytes
//   entry   = dictionary number | kind (2 bits), code length (6) | [length - 63] | code | line
//   bucket  = siphash64(key, name) >> 32, scaled to the number of buckets
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::rules {

constexpr std::size_t kMaxName = 253; // characters of a host name
constexpr std::size_t kMaxLabels = 127;
constexpr std::size_t kMaxCode = (kMaxName * 7 + 7) / 8;
constexpr std::size_t kCodeRoom = kMaxCode + 4; // of a buffer that a CodeWriter fills
constexpr std::size_t kLongCode = 63;           // this length or more takes a second byte
constexpr std::size_t kMaxTlds = 254;           // dictionary numbers 1..254; 0: no dictionary word
constexpr std::uint32_t kSetVersion = 1;
constexpr std::uint32_t kSetEndian = 0x01020304;
constexpr std::array<char, 8> kSetMagic{'w', 'e', 'i', 'r', 's', 'e', 't', '\n'};

/// The head of the file; host byte order, which `endian` tells. Everything after `checksum` is
/// covered by it.
struct SetHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t endian;
  std::uint64_t checksum;
  std::uint64_t hash_k0;
  std::uint64_t hash_k1;
  std::uint64_t entries;
  std::uint64_t exact_depths; // bit n-1: some entry of n labels covers its own name
  std::uint64_t under_depths; // bit n-1: some entry of n labels covers names under it
  std::uint64_t data_size;    // the entries begin right after the header
  std::uint64_t offsets_at;
  std::uint64_t tlds_at;
  std::uint64_t tlds_size;
  std::uint64_t meta_at;
  std::uint64_t meta_size;
  std::uint32_t buckets;
  std::uint32_t line_width; // bytes of a line number, 1..4
};
static_assert(sizeof(SetHeader) == 120);

/// The checksum of a whole file's bytes, which may be damaged in any way.
std::uint64_t set_checksum(std::string_view file) noexcept;

/// The code of one character; bits == 0: not a character of host names.
struct CharCode {
  std::uint8_t value = 0;
  std::uint8_t bits = 0;
};
extern const std::array<CharCode, 256> kCharCodes;

/// Writes codes, first bit highest. The bytes have room for kCodeRoom.
class CodeWriter {
public:
  explicit CodeWriter(std::uint8_t* bytes) : next_(bytes) {}
  void put(CharCode code) noexcept {
    held_ = held_ << code.bits | code.value;
    count_ += code.bits;
    bits_ += code.bits;
    if (count_ >= 32) {
      count_ -= 32;
      write(static_cast<std::uint32_t>(held_ >> count_));
    }
  }
  /// Writes what is held, filled up with zeros. To be called once, at the end.
  void finish() noexcept {
    if (count_ != 0) {
      write(static_cast<std::uint32_t>(held_ << (32 - count_)));
    }
  }
  std::size_t bits() const noexcept { return bits_; }

private:
  void write(std::uint32_t four) noexcept {
    for (unsigned shift = 32; shift > 0; shift -= 8) {
      *next_++ = static_cast<std::uint8_t>(four >> (shift - 8));
    }
  }

  std::uint8_t* next_;
  std::uint64_t held_ = 0; // its last count_ bits are not written yet
  unsigned count_ = 0;
  std::size_t bits_ = 0;
};

/// The bucket of a hash's upper half.
inline std::uint32_t bucket_of(std::uint32_t hash, std::uint32_t buckets) noexcept {
  return static_cast<std::uint32_t>(std::uint64_t{hash} * buckets >> 32);
}

} // namespace weir::rules
