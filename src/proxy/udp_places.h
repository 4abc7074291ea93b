// SPDX-License-Identifier: Apache-2.0
//
// UdpPlaces: how many UDP sessions there are, and how many there may be. Owner: Server; shared by
// all workers, any thread.
//
// Connections of TCP are not counted with them (net::ClientCounts): the source of a datagram can be
// forged, and a flood of them must not keep out who comes by TCP, nor in the name of somebody else.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::proxy {

class UdpPlaces {
public:
  /// 0: a quarter of the descriptors that the process may have, at most 65536. Sessions that are
  /// there stay.
  void set_most(std::uint32_t most) noexcept;
  /// A place for a session that is about to begin. False: there is none.
  bool take() noexcept;
  void leave() noexcept { taken_.fetch_sub(1, std::memory_order_relaxed); }

private:
  std::atomic<std::uint32_t> most_{0};
  std::atomic<std::uint32_t> taken_{0};
};

} // namespace weir::proxy
