// SPDX-License-Identifier: Apache-2.0
#include "http/client_request.h"

#include <fmt/format.h>

namespace weir::http {

std::string write_client_request(std::string_view method, const Target& url, bool to_proxy,
                                 std::span<const std::string> fields) {
  Arena arena;
  std::uint16_t port = url.port_or_default(url.scheme);
  std::string authority(write_authority(url.host, port, url.scheme, arena));
  std::string target(url.path_query);
  if (method == "CONNECT") {
    target = authority = fmt::format("{}:{}", url.host, port);
  } else if (to_proxy) {
    target = fmt::format("{}://{}{}", name(url.scheme), authority, url.path_query);
  }
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", method, target, authority);
  for (const std::string& each : fields) {
    text += each + "\r\n";
  }
  return text + "\r\n";
}

} // namespace weir::http
