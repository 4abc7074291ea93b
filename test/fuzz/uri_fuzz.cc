// SPDX-License-Identifier: Apache-2.0
//
// Targets, authorities, hosts, references: what is accepted is in its normal form and stays so.
#include <string>

#include "check.h"
#include "http/message.h"
#include "http/uri.h"

using namespace weir;
using namespace weir::http;

namespace {

void check_host(std::string_view host) {
  Arena arena;
  auto again = normalise_host(host, arena);
  CHECK(again && *again == host);
  for (char c : host) {
    CHECK(c > 0x20 && c < 0x7f && c != '@' && c != '/' && c != '?' && c != '%' && c != ',');
  }
}

void check_target(const Target& target) {
  CHECK(is_path_query(target.path_query));
  CHECK(target.path_query.starts_with(target.path));
  if (!target.host.empty()) {
    check_host(target.host);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = text_of(data, size);
  Arena arena;
  for (auto method : {Method::get, Method::connect, Method::options}) {
    if (auto target = parse_target(method, text, arena)) {
      check_target(*target);
      CHECK((target->form == Target::Form::authority) == (method == Method::connect));
    }
  }
  if (auto authority = parse_authority(text, arena)) {
    check_host(authority->host);
    auto written = std::string(authority->host);
    if (authority->has_port) {
      written += ":" + std::to_string(authority->port);
    }
    auto again = parse_authority(written, arena);
    CHECK(again && again->host == authority->host && again->port == authority->port);
  }
  if (auto host = normalise_host(text, arena)) {
    check_host(*host);
  }
  auto base = parse_target(Method::get, "http://base.example/a/b?c", arena);
  CHECK(base);
  if (auto resolved = resolve_reference(*base, Scheme::http, text, arena)) {
    check_target(*resolved);
    CHECK(resolved->path.starts_with("/"));
    CHECK((std::string(resolved->path) + "/").find("/../") == std::string::npos);
  }
  return 0;
}
