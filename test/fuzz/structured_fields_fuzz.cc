// SPDX-License-Identifier: Apache-2.0
//
// The input is a dictionary. What was read lies within it, and reading ends.
#include "check.h"
#include "http/structured_fields.h"

using namespace weir;
using namespace weir::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = text_of(data, size);
  DictionaryReader reader(text);
  std::size_t members = 0;
  while (auto member = reader.next()) {
    CHECK(!member->key.empty());
    CHECK(member->key.data() >= text.data());
    CHECK(member->key.data() + member->key.size() <= text.data() + text.size());
    CHECK(++members <= size);
  }
  CHECK(!reader.next());
  return 0;
}
