// SPDX-License-Identifier: Apache-2.0
#include "proxy/udp_places.h"

#include <sys/resource.h>

#include <algorithm>

namespace weir::proxy {

void UdpPlaces::set_most(std::uint32_t most) noexcept {
  if (most == 0) {
    constexpr rlim_t kMost = 65536;
    rlimit limit{};
    const bool known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0;
    most = static_cast<std::uint32_t>(known ? std::min(limit.rlim_cur / 4, kMost) : 256);
  }
  most_.store(most, std::memory_order_relaxed);
}

bool UdpPlaces::take() noexcept {
  if (taken_.fetch_add(1, std::memory_order_relaxed) < most_.load(std::memory_order_relaxed)) {
    return true;
  }
  leave();
  return false;
}

} // namespace weir::proxy
