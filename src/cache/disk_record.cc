// SPDX-License-Identifier: Apache-2.0
#include "cache/disk_record.h"

#define XXH_STATIC_LINKING_ONLY // for the layout of XXH3_state_t: it lives on the stack
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <limits>

namespace weir::cache {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHead = 6; // version, kind, segment
constexpr std::size_t kSum = 8;

void put_big(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;) {
    out.push_back(static_cast<char>(value >> (8 * i)));
  }
}

std::uint64_t get_big(std::string_view bytes) noexcept {
  std::uint64_t value = 0;
  for (char c : bytes) {
    value = value << 8 | static_cast<unsigned char>(c);
  }
  return value;
}

void put_hash(std::string& out, const Hash128& hash) {
  put_big(out, hash.high, 8);
  put_big(out, hash.low, 8);
}

Hash128 get_hash(std::string_view bytes) noexcept {
  return {get_big(bytes.substr(0, 8)), get_big(bytes.substr(8, 8))};
}

class Writer {
public:
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      out.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out.push_back(static_cast<char>(value));
  }
  /// Small negative numbers stay short (zigzag).
  void signed_number(std::int64_t value) {
    number(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  }
  void time(WallTime t) { signed_number(t.time_since_epoch().count()); }
  void duration(Duration d) { signed_number(d.count()); }
  void text(std::string_view bytes) {
    number(bytes.size());
    out.append(bytes);
  }
  std::string out;
};

/// Reads what Writer wrote. Once something is wrong everything reads as 0 or empty, and ok() says
/// so.
class Reader {
public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) {
        return wrong();
      }
      auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      if (shift == 63 && byte > 1) {
        return wrong();
      }
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) {
        return value;
      }
    }
    return wrong();
  }
  std::int64_t signed_number() {
    std::uint64_t value = number();
    return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
  }
  WallTime time() { return WallTime{Duration{signed_number()}}; }
  Duration duration() { return Duration{signed_number()}; }
  template <class T> T limited() {
    std::uint64_t value = number();
    return value <= std::numeric_limits<T>::max() ? static_cast<T>(value) : static_cast<T>(wrong());
  }
  std::string_view bytes(std::uint64_t n) {
    if (n > left_.size()) {
      wrong();
      return {};
    }
    std::string_view taken = left_.substr(0, static_cast<std::size_t>(n));
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::string text() { return std::string(bytes(number())); }
  /// How many items follow, each of at least `least` bytes.
  std::size_t items(std::size_t least) {
    std::uint64_t n = number();
    return n <= left_.size() / least ? static_cast<std::size_t>(n)
                                     : static_cast<std::size_t>(wrong());
  }
  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return ok_ && left_.empty(); }

private:
  std::uint64_t wrong() {
    ok_ = false;
    left_ = {};
    return 0;
  }
  std::string_view left_;
  bool ok_ = true;
};

std::uint64_t sum_of(std::string_view row, std::string_view bytes) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), XXH3_64bits(row.data(), row.size()));
}

/// The payload of a sealed record, or nothing.
std::optional<std::string_view> unseal(Kind kind, std::string_view row, std::string_view bytes) {
  if (bytes.size() < kHead + kSum || static_cast<std::uint8_t>(bytes[0]) != kVersion ||
      static_cast<std::uint8_t>(bytes[1]) != static_cast<std::uint8_t>(kind)) {
    return std::nullopt;
  }
  std::string_view sealed = bytes.substr(0, bytes.size() - kSum);
  if (get_big(bytes.substr(sealed.size())) != sum_of(row, sealed)) {
    return std::nullopt;
  }
  return sealed.substr(kHead);
}

// Bits of a Freshness.
constexpr std::uint64_t kMustRevalidate = 1;
constexpr std::uint64_t kNoCache = 2;
constexpr std::uint64_t kSharedAuthorized = 4;
constexpr std::uint64_t kHeuristic = 8;

void put_freshness(Writer& w, const Freshness& f) {
  w.time(f.response_time);
  w.duration(f.initial_age);
  w.duration(f.lifetime);
  w.duration(f.while_revalidate);
  w.duration(f.if_error);
  w.number((f.must_revalidate ? kMustRevalidate : 0) | (f.no_cache ? kNoCache : 0) |
           (f.shared_authorized ? kSharedAuthorized : 0) | (f.heuristic ? kHeuristic : 0));
}

Freshness get_freshness(Reader& r) {
  Freshness f;
  f.response_time = r.time();
  f.initial_age = r.duration();
  f.lifetime = r.duration();
  f.while_revalidate = r.duration();
  f.if_error = r.duration();
  std::uint64_t bits = r.number();
  f.must_revalidate = (bits & kMustRevalidate) != 0;
  f.no_cache = (bits & kNoCache) != 0;
  f.shared_authorized = (bits & kSharedAuthorized) != 0;
  f.heuristic = (bits & kHeuristic) != 0;
  return f;
}

void put_address(Writer& w, const Address& address) {
  w.number(address.is_v4() ? 4 : address.is_v6() ? 6 : 0);
  std::string_view bytes{reinterpret_cast<const char*>(address.bytes().data()), 16};
  w.out.append(bytes);
  w.number(address.port());
}

Address get_address(Reader& r) {
  std::uint64_t family = r.number();
  std::string_view bytes = r.bytes(16);
  auto port = r.limited<std::uint16_t>();
  if (!r.ok() || (family != 4 && family != 6)) {
    return {};
  }
  std::array<std::uint8_t, 16> raw{};
  std::copy(bytes.begin(), bytes.end(), raw.begin());
  if (family == 4) {
    return Address::v4({raw[12], raw[13], raw[14], raw[15]}, port);
  }
  return Address::v6(raw, port);
}

void put_meta(Writer& w, const Meta& meta) {
  w.text(meta.key);
  w.text(meta.vary);
  w.text(meta.selecting);
  w.text(meta.head);
  w.number(meta.status);
  put_freshness(w, meta.freshness);
  w.time(meta.date);
  w.text(meta.etag);
  w.time(meta.last_modified);
  w.number(meta.addresses.size());
  for (const Address& address : meta.addresses) {
    put_address(w, address);
  }
  w.number(meta.tags.size());
  for (const std::string& tag : meta.tags) {
    w.text(tag);
  }
  w.number(meta.purge_number);
  w.number(meta.body_size);
}

Meta get_meta(Reader& r) {
  Meta meta;
  meta.key = r.text();
  meta.vary = r.text();
  meta.selecting = r.text();
  meta.head = r.text();
  meta.status = r.limited<std::uint16_t>();
  meta.freshness = get_freshness(r);
  meta.date = r.time();
  meta.etag = r.text();
  meta.last_modified = r.time();
  for (std::size_t n = r.items(18); n > 0; --n) {
    meta.addresses.push_back(get_address(r));
  }
  for (std::size_t n = r.items(1); n > 0; --n) {
    meta.tags.push_back(r.text());
  }
  meta.purge_number = r.number();
  meta.body_size = r.number();
  return meta;
}

/// Inline: the bytes are there. Else the extents hold exactly the chunks that the size needs.
bool consistent(const VariantRecord& record) {
  const BodyPlace& body = record.body;
  if (body.size != record.meta.body_size) {
    return false;
  }
  if (body.is_inline()) {
    return body.size == body.bytes.size() && body.size <= kDiskInline;
  }
  std::uint64_t chunks = 0;
  for (const Extent& extent : body.extents) {
    if (extent.count == 0 || extent.segment < record.segment ||
        extent.first > std::numeric_limits<std::uint32_t>::max() - extent.count) {
      return false;
    }
    chunks += extent.count;
  }
  return body.bytes.empty() && body.size > 0 && chunks == (body.size - 1) / kDiskChunk + 1;
}

} // namespace

std::uint32_t KeyRecord::newest() const noexcept {
  std::uint32_t segment = 0;
  for (const Variant& variant : variants) {
    segment = std::max(segment, variant.segment);
  }
  return segment;
}

std::string key_row(const Hash128& key) {
  std::string row;
  put_hash(row, key);
  return row;
}

std::string variant_row(const Hash128& key, const Hash128& variant) {
  std::string row;
  row.reserve(32);
  put_hash(row, key);
  put_hash(row, variant);
  return row;
}

std::string body_row(std::uint32_t segment, std::uint32_t position) {
  std::string row;
  put_big(row, segment, 4);
  put_big(row, position, 4);
  return row;
}

std::string segment_prefix(std::uint32_t segment) {
  std::string row;
  put_big(row, segment, 4);
  return row;
}

std::string dir_row(std::uint32_t segment, std::string_view meta_row) {
  std::string row;
  row.reserve(4 + meta_row.size());
  put_big(row, segment, 4);
  row.append(meta_row);
  return row;
}

std::string index_row(std::uint64_t mark, std::uint32_t segment, std::string_view meta_row) {
  std::string row;
  row.reserve(12 + meta_row.size());
  put_big(row, mark, 8);
  put_big(row, segment, 4);
  row.append(meta_row);
  return row;
}

std::string after_prefix(std::string prefix) {
  while (!prefix.empty()) {
    if (static_cast<unsigned char>(prefix.back()) != 0xff) {
      prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
      return prefix;
    }
    prefix.pop_back();
  }
  return prefix; // empty: to the end
}

std::optional<MetaRow> parse_variant_row(std::string_view row) noexcept {
  if (row.size() != 32) {
    return std::nullopt;
  }
  return MetaRow{get_hash(row.substr(0, 16)), get_hash(row.substr(16, 16))};
}

std::optional<BodyRow> parse_body_row(std::string_view row) noexcept {
  if (row.size() != 8) {
    return std::nullopt;
  }
  return BodyRow{static_cast<std::uint32_t>(get_big(row.substr(0, 4))),
                 static_cast<std::uint32_t>(get_big(row.substr(4, 4)))};
}

std::optional<std::uint32_t> parse_dir_segment(std::string_view row) noexcept {
  if (row.size() != 4 + 32) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(get_big(row.substr(0, 4)));
}

std::optional<std::uint32_t> parse_index_segment(std::string_view row) noexcept {
  if (row.size() != 8 + 4 + 32) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(get_big(row.substr(8, 4)));
}

std::string seal(Kind kind, std::uint32_t segment, std::string_view row, std::string_view payload) {
  std::string out;
  out.reserve(kHead + payload.size() + kSum);
  out.push_back(static_cast<char>(kVersion));
  out.push_back(static_cast<char>(kind));
  put_big(out, segment, 4);
  out.append(payload);
  put_big(out, sum_of(row, out), kSum);
  return out;
}

std::string encode(const KeyRecord& record, std::string_view row) {
  Writer w;
  w.text(record.key);
  w.text(record.vary);
  w.number(record.variants.size());
  for (const KeyRecord::Variant& variant : record.variants) {
    put_hash(w.out, variant.hash);
    w.number(variant.segment);
  }
  return seal(Kind::key, record.newest(), row, w.out);
}

Result<KeyRecord> decode_key(std::string_view row, std::string_view bytes) {
  auto payload = unseal(Kind::key, row, bytes);
  if (!payload) {
    return fail(Code::corrupt, Side::cache);
  }
  Reader r(*payload);
  KeyRecord record;
  record.key = r.text();
  record.vary = r.text();
  for (std::size_t n = r.items(17); n > 0; --n) {
    Hash128 hash;
    if (std::string_view raw = r.bytes(16); raw.size() == 16) {
      hash = get_hash(raw);
    }
    record.variants.push_back({hash, r.limited<std::uint32_t>()});
  }
  if (!r.at_end() || record.variants.size() > kDiskVariants) {
    return fail(Code::corrupt, Side::cache);
  }
  return record;
}

std::string encode(const VariantRecord& record, std::string_view row) {
  Writer w;
  put_meta(w, record.meta);
  w.number(record.body.id);
  w.number(record.body.extents.size());
  for (const Extent& extent : record.body.extents) {
    w.number(extent.segment);
    w.number(extent.first);
    w.number(extent.count);
  }
  w.text(record.body.bytes);
  return seal(Kind::variant, record.segment, row, w.out);
}

Result<VariantRecord> decode_variant(std::string_view row, std::string_view bytes) {
  auto payload = unseal(Kind::variant, row, bytes);
  auto names = parse_variant_row(row);
  if (!payload || !names) {
    return fail(Code::corrupt, Side::cache);
  }
  Reader r(*payload);
  VariantRecord record;
  record.segment = static_cast<std::uint32_t>(get_big(bytes.substr(2, 4)));
  record.meta = get_meta(r);
  record.body.key = names->key;
  record.body.variant = names->variant;
  record.body.id = r.number();
  record.body.size = record.meta.body_size;
  for (std::size_t n = r.items(3); n > 0; --n) {
    Extent extent;
    extent.segment = r.limited<std::uint32_t>();
    extent.first = r.limited<std::uint32_t>();
    extent.count = r.limited<std::uint32_t>();
    record.body.extents.push_back(extent);
  }
  record.body.bytes = r.text();
  if (!r.at_end() || !consistent(record)) {
    return fail(Code::corrupt, Side::cache);
  }
  return record;
}

std::string encode_fact(std::string_view row, std::uint32_t segment, std::string_view payload) {
  return seal(Kind::fact, segment, row, payload);
}

Result<Fact> decode_fact(std::string_view row, std::string_view bytes) {
  auto payload = unseal(Kind::fact, row, bytes);
  if (!payload) {
    return fail(Code::corrupt, Side::cache);
  }
  return Fact{static_cast<std::uint32_t>(get_big(bytes.substr(2, 4))), std::string(*payload)};
}

std::optional<std::uint32_t> record_segment(std::string_view bytes) noexcept {
  if (bytes.size() < kHead + kSum || static_cast<std::uint8_t>(bytes[0]) != kVersion) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(get_big(bytes.substr(2, 4)));
}

std::string chunk_head(std::uint64_t id, std::uint64_t index, std::span<const Slice> parts) {
  std::uint64_t sum = 0;
  if (parts.size() == 1) {
    sum = XXH3_64bits_withSeed(parts[0].data, parts[0].size, id + index);
  } else {
    XXH3_state_t state;
    XXH3_64bits_reset_withSeed(&state, id + index);
    for (const Slice& part : parts) {
      XXH3_64bits_update(&state, part.data, part.size);
    }
    sum = XXH3_64bits_digest(&state);
  }
  std::string head;
  put_big(head, sum, kChunkHead);
  return head;
}

Result<std::string_view> open_chunk(std::uint64_t id, std::uint64_t index, std::size_t size,
                                    std::string_view row_bytes) {
  if (row_bytes.size() != kChunkHead + size) {
    return fail(Code::corrupt, Side::cache);
  }
  std::string_view payload = row_bytes.substr(kChunkHead);
  if (get_big(row_bytes.substr(0, kChunkHead)) !=
      XXH3_64bits_withSeed(payload.data(), payload.size(), id + index)) {
    return fail(Code::corrupt, Side::cache);
  }
  return payload;
}

} // namespace weir::cache
