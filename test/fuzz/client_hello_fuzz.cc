// SPDX-License-Identifier: Apache-2.0
//
// ClientHello: any split of the bytes ends in the same result; what is found is a host name; nobody
// waits for ever; and the same message in other records gives the same.
#include <string>

#include "check.h"
#include "net/client_hello.h"

using namespace weir;
using namespace weir::net;

namespace {

void check_name(const std::string& name) {
  CHECK(name.size() <= 253);
  for (char c : name) {
    CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.');
  }
}

/// The only record cut in two.
std::string cut(std::string_view record, std::size_t at) {
  auto part = [&](std::string_view bytes) {
    std::string text(record.substr(0, 3));
    text += static_cast<char>(bytes.size() >> 8U);
    text += static_cast<char>(bytes.size() & 0xffU);
    return text.append(bytes);
  };
  return part(record.substr(5, at)) + part(record.substr(5 + at));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = text_of(data, size);
  auto whole = parse_client_hello(text);
  if (whole && *whole) {
    check_name((*whole)->sni);
  } else if (whole) {
    CHECK(size < kWholeClientHello);
  }
  for (std::size_t n = 0; n < size && n <= kWholeClientHello; n += n < 600 ? 1 : 97) {
    auto part = parse_client_hello(text.substr(0, n));
    if (!part) {
      CHECK(!whole);
      break;
    }
    if (*part) {
      CHECK(whole && *whole && (*whole)->sni == (*part)->sni && (*whole)->tls == (*part)->tls);
      break;
    }
  }
  if (whole && *whole && (*whole)->tls) {
    std::size_t first = static_cast<std::size_t>(data[3]) << 8U | data[4];
    if (first + 5 == size && first >= 2) {
      auto again = parse_client_hello(cut(text, first / 2));
      CHECK(again && *again && (*again)->sni == (*whole)->sni);
    }
  }
  return 0;
}
