// SPDX-License-Identifier: Apache-2.0
//
// The input's lines are lines of Cache-Control, Age, If-None-Match. One line cut in two at a comma
// outside quotes must read as the whole does.
#include "check.h"
#include "http/cache_control.h"
#include "http/conditional.h"

using namespace weir;
using namespace weir::http;

namespace {

struct Lines {
  Arena arena;
  Fields fields;
  void add(std::string_view line) {
    for (auto id : {FieldId::cache_control, FieldId::age, FieldId::if_none_match}) {
      fields.add(id, trim(line), arena);
    }
  }
};

bool same(const CacheControl& a, const CacheControl& b) {
  return a.max_age == b.max_age && a.s_maxage == b.s_maxage &&
         a.max_age_invalid == b.max_age_invalid && a.no_store == b.no_store &&
         a.no_cache == b.no_cache && a.is_private == b.is_private && a.is_public == b.is_public &&
         a.private_names == b.private_names && a.no_cache_names == b.no_cache_names;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = text_of(data, size);
  Lines all;
  for (auto rest = text; !rest.empty();) {
    auto end = std::min(rest.find('\n'), rest.size());
    all.add(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  auto parsed = parse_cache_control(all.fields);
  CHECK(!(parsed.max_age && parsed.max_age_invalid));
  CHECK(!parsed.max_age || *parsed.max_age <= kVeryLong);
  auto age = parse_age(all.fields);
  CHECK(!age || *age <= kVeryLong);
  TagReader tags(all.fields, FieldId::if_none_match);
  while (auto tag = tags.next()) {
    CHECK(!tag->empty());
    CHECK(weak_match(*tag, *tag));
  }
  auto line = trim(text.substr(0, text.find('\n')));
  if (auto comma = line.find(','); comma < line.find('"')) {
    Lines whole;
    Lines halves;
    whole.add(line);
    halves.add(line.substr(0, comma));
    halves.add(line.substr(comma + 1));
    CHECK(same(parse_cache_control(whole.fields), parse_cache_control(halves.fields)));
  }
  return 0;
}
