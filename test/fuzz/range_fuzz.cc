// SPDX-License-Identifier: Apache-2.0
//
// Range and Content-Range: every part lies in the representation, parts do not overlap.
#include "check.h"
#include "http/range.h"

using namespace weir;
using namespace weir::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = text_of(data, size);
  if (auto set = parse_range(text)) {
    CHECK(set->count > 0);
    for (std::uint64_t length : {0ULL, 1ULL, 10ULL, 1000ULL, ~0ULL}) {
      auto answer = resolve_ranges(*set, length);
      CHECK((answer.kind == RangeAnswer::Kind::parts) == (answer.count > 0));
      std::uint64_t total = 0;
      for (std::size_t i = 0; i < answer.count; ++i) {
        CHECK(answer.parts[i].first <= answer.parts[i].last && answer.parts[i].last < length);
        total += answer.parts[i].size();
      }
      CHECK(total <= length);
    }
  }
  if (auto content = parse_content_range(text); content && content->range) {
    CHECK(content->range->first <= content->range->last);
    CHECK(!content->length || content->range->last < *content->length);
    Arena arena;
    auto again = parse_content_range(write_content_range(*content->range, content->length, arena));
    CHECK(again && again->range == content->range && again->length == content->length);
  }
  return 0;
}
