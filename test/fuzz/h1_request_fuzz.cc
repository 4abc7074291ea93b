// SPDX-License-Identifier: Apache-2.0
#include "h1_heads.h"

using namespace weir;
using namespace weir::http;

namespace {

std::string describe(const RequestHead& h) {
  std::string text(h.method_text);
  CHECK(is_token(h.method_text));
  CHECK(is_path_query(h.target));
  CHECK(is_path_query(h.uri.path_query));
  text.append(" ").append(h.target).append(" ").append(h.uri.host).append(" ");
  text += std::to_string(h.uri.port) + " " + std::to_string(h.minor_version) + " " +
          std::to_string(static_cast<int>(h.framing.kind)) + " " +
          std::to_string(h.framing.length) + (h.keep_alive ? "k" : "") +
          (h.expect_continue ? "c" : "") + (h.expect_unknown ? "u" : "") + (h.upgrade ? "g" : "") +
          "\n";
  // W3.1 to W3.5: one way to see where the body ends.
  CHECK(h.fields.count(FieldId::content_length) + h.fields.count(FieldId::transfer_encoding) <= 1);
  CHECK(h.fields.count(FieldId::host) <= 1);
  append_fields(text, h.fields);
  return text;
}

auto make_parser() {
  return [parser = H1Parser()](std::string_view b, RequestHead& head, Arena& arena) mutable {
    return parser.parse_request(b, head, arena);
  };
}

/// Written anew and read again: the same head.
std::string rewrite(std::string_view bytes) {
  RequestHead head;
  Arena arena;
  CHECK(make_parser()(bytes, head, arena)->complete);
  std::string memory(bytes.size() * 2 + 64, '\0'); // ": " may stand where ":" did
  H1Writer out(memory.data(), memory.size());
  out.request_line(head.method_text, head.target);
  out.fields(head.fields);
  out.end_head();
  CHECK(out.ok());
  return std::string(out.bytes());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text_of(data, size);
  Outcome first = feed_all_ways<RequestHead>(bytes, make_parser, describe);
  if (first.complete && first.text.find(" 1 ") != std::string::npos) {
    std::string again = rewrite(bytes);
    Outcome second = feed<RequestHead>(again, {again.size()}, make_parser(), describe);
    // A 1.0 head becomes one of 1.1: only heads of 1.1 are compared.
    RequestHead head;
    Arena arena;
    CHECK(make_parser()(bytes, head, arena));
    CHECK(head.minor_version == 0 || (second.complete && second.text == first.text));
  }
  return 0;
}
