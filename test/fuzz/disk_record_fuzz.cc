// SPDX-License-Identifier: Apache-2.0
//
// Records and rows of the disk tier: hostile bytes never crash, and what decodes says the same
// after it was encoded again. The checksum is put right here, or nothing would ever get past it.
#include <string>

#include "cache/disk_record.h"
#include "check.h"

using namespace weir;
using namespace weir::cache;

namespace {

const std::string kKeyRow = key_row({1, 2});
const std::string kVariantRow = variant_row({1, 2}, {3, 4});

void raw(std::string_view bytes) {
  decode_key(kKeyRow, bytes).has_value();
  decode_variant(kVariantRow, bytes).has_value();
  decode_fact("low", bytes).has_value();
  record_segment(bytes);
  parse_variant_row(bytes);
  parse_body_row(bytes);
  parse_dir_segment(bytes);
  parse_index_segment(bytes);
  after_prefix(std::string(bytes));
  open_chunk(1, 2, bytes.size() / 2, bytes).has_value();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = text_of(data, size);
  raw(bytes);
  if (auto key = decode_key(kKeyRow, seal(Kind::key, 3, kKeyRow, bytes))) {
    CHECK(key->variants.size() <= kDiskVariants);
    CHECK(*decode_key(kKeyRow, encode(*key, kKeyRow)) == *key);
  }
  if (auto variant = decode_variant(kVariantRow, seal(Kind::variant, 3, kVariantRow, bytes))) {
    CHECK(variant->body.size == variant->meta.body_size);
    CHECK(variant->body.is_inline() == (variant->body.extents.empty()));
    CHECK(*decode_variant(kVariantRow, encode(*variant, kVariantRow)) == *variant);
  }
  return 0;
}
