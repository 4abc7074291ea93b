// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iterator>

namespace weir {

namespace {

/// In the order of Code.
constexpr std::string_view kCodes[] = {
    "none",           "malformed",   "unsupported",    "too-large",  "target-too-long",
    "head-too-large", "bad-version", "unknown-coding", "bad-coding", "timeout",
    "refused",        "tls-failed",  "unreachable",    "closed",     "reset",
    "dns-failed",     "denied",      "sni-mismatch",   "quota",      "loop",
    "no-server",      "no-slot",     "not-found",      "exists",     "io",
    "corrupt",        "full",        "stopped",        "abandoned",  "overloaded",
    "internal",
};
static_assert(std::size(kCodes) == static_cast<std::size_t>(Code::internal) + 1);

} // namespace

std::string_view name(Code code) noexcept { return kCodes[static_cast<std::size_t>(code)]; }

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
