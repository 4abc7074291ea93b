// SPDX-License-Identifier: Apache-2.0
// The filter language: whatever the text, parsing ends with a filter or an error inside the text; a
// filter can be asked and printed.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "log/filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::log;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  FilterError why;
  auto filter = Filter::parse(text, weir::WallTime{}, why);
  if (!filter) {
    if (why.at > size || why.text.empty()) {
      std::abort();
    }
    return 0;
  }
  AccessRecord record;
  record.host = "www.example.com";
  record.path = text;
  record.status = 200;
  bool matched = filter->matches(record);
  if (filter->to_sql().empty() || matched != filter->matches(record)) {
    std::abort();
  }
  return 0;
}
