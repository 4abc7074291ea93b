// SPDX-License-Identifier: Apache-2.0
//
// A date that is accepted, written and read again is the same second.
#include "base/clock.h"
#include "check.h"

using namespace weir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const WallTime now{std::chrono::seconds(1'800'000'000)};
  if (auto time = parse_http_date(text_of(data, size), now)) {
    std::string text = format_http_date(*time);
    CHECK(text.size() == kHttpDateSize);
    CHECK(parse_http_date(text, now) == time);
  }
  return 0;
}
