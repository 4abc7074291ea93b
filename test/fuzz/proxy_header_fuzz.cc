// SPDX-License-Identifier: Apache-2.0
//
// PROXY headers: any split of the bytes ends in the same result, what is taken is no more than
// the header, and what is read can be written.
#include "check.h"
#include "net/proxy_header.h"

using namespace weir;
using namespace weir::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = text_of(data, size);
  auto whole = parse_proxy_header(text);
  if (whole && *whole) {
    const ProxyHeader& header = **whole;
    CHECK(header.size > 0 && header.size <= size && header.size <= kWholeProxyHeader);
    CHECK(header.source.valid() == header.destination.valid());
    for (ProxyVersion version : {ProxyVersion::first, ProxyVersion::second}) {
      auto again =
          parse_proxy_header(write_proxy_header(version, header.source, header.destination));
      CHECK(again && *again && (*again)->source == header.source);
      CHECK((*again)->destination == header.destination);
    }
  } else if (whole) {
    CHECK(size < kWholeProxyHeader); // whoever has so many bytes waits for no more
  }
  for (std::size_t n = 0; n < size && n <= kWholeProxyHeader; ++n) {
    auto part = parse_proxy_header(text.substr(0, n));
    if (!part) {
      CHECK(!whole);
      break;
    }
    if (*part) {
      CHECK(whole && *whole && (*whole)->size == (*part)->size);
      CHECK((*whole)->source == (*part)->source && (*part)->size == n);
      break;
    }
  }
  return 0;
}
