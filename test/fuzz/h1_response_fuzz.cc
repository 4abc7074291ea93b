// SPDX-License-Identifier: Apache-2.0
//
// The first octet says which method the answer is to.
#include "h1_heads.h"

using namespace weir;
using namespace weir::http;

namespace {

std::string describe(const ResponseHead& h) {
  std::string text = std::to_string(h.status) + " ";
  CHECK(h.status >= 100 && h.status <= 999);
  CHECK(is_field_value(h.reason));
  text.append(h.reason);
  text += " " + std::to_string(h.minor_version) + " " +
          std::to_string(static_cast<int>(h.framing.kind)) + " " +
          std::to_string(h.framing.length) + (h.keep_alive ? "k" : "") + "\n";
  CHECK(h.fields.count(FieldId::content_length) <= 1);
  CHECK(h.framing.kind != Framing::Kind::until_close || !h.keep_alive);
  CHECK(h.framing.kind != Framing::Kind::chunked || !h.fields.has(FieldId::content_length));
  append_fields(text, h.fields);
  return text;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  auto method = static_cast<Method>(data[0] % (static_cast<unsigned>(Method::other) + 1));
  feed_all_ways<ResponseHead>(
      text_of(data + 1, size - 1),
      [method] {
        return [method, parser = H1Parser()](std::string_view b, ResponseHead& head,
                                             Arena& arena) mutable {
          return parser.parse_response(b, method, head, arena);
        };
      },
      describe);
  return 0;
}
