// SPDX-License-Identifier: Apache-2.0
//
// A chunked body, in several splits, must give the same outcome, body and trailers.
#include <memory>
#include <string>

#include "check.h"
#include "http/h1_chunked.h"

using namespace weir;
using namespace weir::http;

namespace {

std::string decode(std::string_view bytes, std::size_t step) {
  ChunkedReader reader(Side::client);
  Fields trailers;
  Arena arena;
  std::string body;
  std::unique_ptr<char[]> memory;
  std::size_t used = 0;
  std::size_t arrived = 0;
  while (true) {
    arrived = std::min(bytes.size(), arrived + step);
    auto fresh = std::make_unique<char[]>(arrived - used);
    bytes.substr(used, arrived - used).copy(fresh.get(), arrived - used);
    memory = std::move(fresh);
    std::string_view unread(memory.get(), arrived - used);
    while (true) {
      auto piece = reader.next(unread, trailers, arena);
      if (!piece) {
        return "error " + std::to_string(static_cast<int>(piece.error().code));
      }
      CHECK(piece->skip + piece->data <= unread.size());
      body += unread.substr(piece->skip, piece->data);
      unread.remove_prefix(piece->skip + piece->data);
      used += piece->skip + piece->data;
      if (piece->end) {
        body += "|" + std::to_string(used);
        for (const Field& f : trailers) {
          CHECK(is_token(f.name) && is_field_value(f.value) && !has_flag(f.id, kNoTrailer));
          body.append(f.name).append(":").append(f.value).append(";");
        }
        return body;
      }
      if (piece->skip == 0 && piece->data == 0) {
        break;
      }
    }
    if (arrived == bytes.size()) {
      return "more after " + body;
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text_of(data, size);
  std::string whole = decode(bytes, size + 1);
  for (std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, size / 2 + 1}) {
    if (size < 4096 || step > 2) { // trailers that drip in are copied at each step
      CHECK(decode(bytes, step) == whole);
    }
  }
  return 0;
}
