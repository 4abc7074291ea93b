// SPDX-License-Identifier: Apache-2.0
//
// Blocks of the access log: what is read without a complaint is what the writer makes of the same
// values.
#include <vector>

#include "check.h"
#include "log/block.h"

using namespace weir::log;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = text_of(data, size);
  BlockReader reader(text);
  BlockWriter writer;
  std::vector<BlockValue> values;
  std::size_t written = 0;
  while (reader.next(values)) {
    CHECK(!values.empty());
    writer.begin_row();
    for (const BlockValue& each : values) {
      writer.value(each);
    }
    writer.end_row();
    ++written;
  }
  if (!reader.at_end()) {
    return 0;
  }
  std::string again(writer.finish());
  BlockReader second(again);
  std::size_t rows = 0;
  while (second.next(values)) {
    ++rows;
  }
  CHECK(second.at_end() && rows == written);
  return 0;
}
