// SPDX-License-Identifier: Apache-2.0
//
// Authorization of the scheme Basic: what is read has a name, no control character, and is the same
// when it is written and read again.
#include <openssl/evp.h>

#include <algorithm>
#include <string>

#include "check.h"
#include "http/basic_credentials.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weir::Arena arena;
  std::string_view text = text_of(data, size);
  auto given = weir::http::read_basic(text, arena);
  if (!given) {
    return 0;
  }
  CHECK(weir::http::is_basic(text));
  CHECK(!given->name.empty() && given->name.find(':') == std::string_view::npos);
  std::string plain = std::string(given->name) + ":" + std::string(given->password);
  CHECK(std::none_of(plain.begin(), plain.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
  std::string coded(plain.size() * 2 + 8, '\0');
  int length = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(coded.data()),
                                 reinterpret_cast<const unsigned char*>(plain.data()),
                                 static_cast<int>(plain.size()));
  coded.resize(static_cast<std::size_t>(length));
  CHECK(text.ends_with(coded)); // one spelling for each text
  auto again = weir::http::read_basic("Basic " + coded, arena);
  CHECK(again && again->name == given->name && again->password == given->password);
  return 0;
}
