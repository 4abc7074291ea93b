// SPDX-License-Identifier: Apache-2.0
//
// The bytes of the disk tier (doc/disk-format.md): names of rows, records of keys and variants,
// checksums. Pure functions over values; decoding takes hostile bytes and answers Code::corrupt.
//
// A record is sealed: a checksum over its bytes and its row's name, so that neither a flipped bit
// nor a record under a wrong name passes. A body has a random id; each chunk of it is checked
// against (id, index of the chunk): bytes of another body, or of another place, never pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/chunk.h"
#include "base/hash.h"
#include "base/result.h"
#include "cache/meta.h"

namespace weir::cache {

constexpr std::size_t kDiskInline = 4 * 1024; // bodies up to this stand in the variant's record
constexpr std::size_t kDiskChunk = 64 * 1024; // every chunk of a body but the last
constexpr std::size_t kDiskVariants = 64;     // of one key

/// `count` chunks of a body that stand one behind the other in the log.
struct Extent {
  std::uint32_t segment = 0;
  std::uint32_t first = 0; // position of the first chunk
  std::uint32_t count = 0;
  friend bool operator==(const Extent&, const Extent&) = default;
};

/// Where a body is. Extents, or (up to kDiskInline) the bytes themselves.
struct BodyPlace {
  Hash128 key; // the row it belongs to; not in the record
  Hash128 variant;
  std::uint64_t id = 0;
  std::uint64_t size = 0;
  std::vector<Extent> extents;
  std::string bytes;

  bool is_inline() const noexcept { return extents.empty(); }
  friend bool operator==(const BodyPlace&, const BodyPlace&) = default;
};

struct KeyRecord {
  struct Variant {
    Hash128 hash;              // of the selecting values
    std::uint32_t segment = 0; // the oldest one it needs
    friend bool operator==(const Variant&, const Variant&) = default;
  };
  std::string key;  // the whole key: compared on every hit
  std::string vary; // names that the newest head nominated
  std::vector<Variant> variants;

  /// The youngest segment of its variants: while that lives, the record does.
  std::uint32_t newest() const noexcept;
  friend bool operator==(const KeyRecord&, const KeyRecord&) = default;
};

struct VariantRecord {
  std::uint32_t segment = 0; // the oldest one it needs: dead with it
  Meta meta;
  BodyPlace body;
  friend bool operator==(const VariantRecord&, const VariantRecord&) = default;
};

// Names of rows. Numbers big-endian, so that they sort.
std::string key_row(const Hash128& key);                             // meta: 16 bytes
std::string variant_row(const Hash128& key, const Hash128& variant); // meta: 32
std::string body_row(std::uint32_t segment, std::uint32_t position); // body: 8
/// What all rows of a segment in `body` and `dir` begin with.
std::string segment_prefix(std::uint32_t segment);
std::string dir_row(std::uint32_t segment, std::string_view meta_row); // dir: 4 + 32
std::string index_row(std::uint64_t mark, std::uint32_t segment, std::string_view meta_row);
/// The same bytes, one higher: the end of the range of all rows that begin with `prefix`.
std::string after_prefix(std::string prefix);

struct MetaRow {
  Hash128 key;
  Hash128 variant;
};
std::optional<MetaRow> parse_variant_row(std::string_view row) noexcept;
struct BodyRow {
  std::uint32_t segment = 0;
  std::uint32_t position = 0;
};
std::optional<BodyRow> parse_body_row(std::string_view row) noexcept;
/// The segment at the head of a row of `dir`, inside a row of `index`.
std::optional<std::uint32_t> parse_dir_segment(std::string_view row) noexcept;
std::optional<std::uint32_t> parse_index_segment(std::string_view row) noexcept;

// Records. `row` is the name under which it stands.
std::string encode(const KeyRecord& record, std::string_view row);
std::string encode(const VariantRecord& record, std::string_view row);
Result<KeyRecord> decode_key(std::string_view row, std::string_view bytes);
/// Sets body.key and body.variant from the row.
Result<VariantRecord> decode_variant(std::string_view row, std::string_view bytes);

/// Small facts of the tier itself (the secret, the lowest live segment): sealed too.
enum class Kind : std::uint8_t { key = 'K', variant = 'V', fact = 'F' };
std::string encode_fact(std::string_view row, std::uint32_t segment, std::string_view payload);
struct Fact {
  std::uint32_t segment = 0;
  std::string payload;
};
Result<Fact> decode_fact(std::string_view row, std::string_view bytes);

/// The segment in a record's head, unchecked and fast: for the compaction filter. Nothing: not a
/// record of this version.
std::optional<std::uint32_t> record_segment(std::string_view bytes) noexcept;

/// Puts head and checksum around a payload. Public for tests and the fuzz target.
std::string seal(Kind kind, std::uint32_t segment, std::string_view row, std::string_view payload);

/// What stands in front of chunk number `index` of body `id`: 8 bytes.
constexpr std::size_t kChunkHead = 8;
std::string chunk_head(std::uint64_t id, std::uint64_t index, std::span<const Slice> parts);
/// The payload of a row of `body`, if it is that chunk of that body and has `size` bytes.
Result<std::string_view> open_chunk(std::uint64_t id, std::uint64_t index, std::size_t size,
                                    std::string_view row_bytes);

} // namespace weir::cache
