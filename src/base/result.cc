// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace weir {

std::string_view name(Code code) noexcept {
  switch (code) {
  case Code::none:
    return "none";
  case Code::malformed:
    return "malformed";
  case Code::unsupported:
    return "unsupported";
  case Code::too_large:
    return "too-large";
  case Code::target_too_long:
    return "target-too-long";
  case Code::head_too_large:
    return "head-too-large";
  case Code::bad_version:
    return "bad-version";
  case Code::unknown_coding:
    return "unknown-coding";
  case Code::timeout:
    return "timeout";
  case Code::refused:
  case Code::tls_failed:
    return code == Code::refused ? "refused" : "tls-failed";
  case Code::unreachable:
    return "unreachable";
  case Code::closed:
    return "closed";
  case Code::reset:
    return "reset";
  case Code::dns_failed:
    return "dns-failed";
  case Code::denied:
    return "denied";
  case Code::loop:
    return "loop";
  case Code::no_server:
    return "no-server";
  case Code::no_slot:
    return "no-slot";
  case Code::not_found:
    return "not-found";
  case Code::exists:
    return "exists";
  case Code::io:
    return "io";
  case Code::corrupt:
    return "corrupt";
  case Code::full:
    return "full";
  case Code::stopped:
    return "stopped";
  case Code::abandoned:
    return "abandoned";
  case Code::overloaded:
    return "overloaded";
  case Code::internal:
    break;
  }
  return "internal";
}

std::string_view name(Side side) noexcept {
  switch (side) {
  case Side::self:
    return "self";
  case Side::client:
    return "client";
  case Side::origin:
    return "origin";
  case Side::cache:
    return "cache";
  }
  return "unknown";
}

std::string to_string(const Error& error) {
  std::string text{name(error.side)};
  text += ": ";
  text += name(error.code);
  if (error.sys != 0) {
    text += " (";
    text += std::strerror(error.sys);
    text += ")";
  }
  return text;
}

void panic(std::string_view what) noexcept {
  // Plain write(2): the heap or the log may be what is broken.
  auto put = [](std::string_view s) {
    if (::write(STDERR_FILENO, s.data(), s.size()) < 0) {
      return;
    }
  };
  put("weir: panic: ");
  put(what);
  put("\n");
  std::abort();
}

} // namespace weir
