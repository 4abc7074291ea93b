// SPDX-License-Identifier: Apache-2.0
//
// Listeners: which addresses are open, under which number. Owner: Server; main thread, but for
// numbers(), which a build on a work thread uses while nothing else changes.
//
// Each address is bound once without SO_REUSEPORT, so that another program on it is noticed, then
// once a worker with it (DESIGN §7). A number is never used for another address.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "net/listener.h"
#include "proxy/generation.h"

namespace weir::server {

class Listeners {
public:
  struct Open {
    std::uint32_t id = 0;
    Address wanted; // as configured: port 0 stays 0
    Address bound;
    std::vector<net::ListenSocket> sockets; // one a worker; moved out when they are handed over
  };

  /// The number of an address as configured; a new one if need be.
  std::uint32_t number(const Address& wanted);
  bool is_open(const Address& wanted) const;
  /// Sockets for `workers` threads. On failure `problem` names the address.
  Result<Open> bind(const Address& wanted, std::size_t workers, std::string& problem);
  void opened(const Open& open);
  void closed(const Address& wanted);
  const std::vector<Open>& all_open() const noexcept { return open_; }

private:
  std::vector<Address> numbers_; // index: the number
  std::vector<Open> open_;       // without sockets
};

} // namespace weir::server
