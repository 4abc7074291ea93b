// SPDX-License-Identifier: Apache-2.0
//
// Listeners: which addresses are open, under which number. Owner: Server; main thread, but for
// numbers(), which a build on a work thread uses while nothing else changes.
//
// Each address is bound once without SO_REUSEPORT, so that another program on it is noticed, then
// once a worker with it (DESIGN §7). A number is never used for another address. An address of UDP
// is another than that of TCP. The kernel chooses among the sockets of an address by a hash of both
// ends, so a client's datagrams stay with one worker as long as these sockets do: workers do not
// change while weir runs, and a reload that keeps a listener keeps its sockets.
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
    IpProtocol protocol = IpProtocol::tcp;
    Address bound;
    std::vector<net::ListenSocket> sockets; // one a worker; moved out when they are handed over
  };

  /// The number of an address as configured; a new one if need be.
  std::uint32_t number(const Address& wanted, IpProtocol protocol);
  bool is_open(const Address& wanted, IpProtocol protocol) const;
  /// Sockets for `workers` threads. On failure `problem` names the address.
  Result<Open> bind(const Address& wanted, IpProtocol protocol, std::size_t workers,
                    std::string& problem);
  void opened(const Open& open);
  void closed(std::uint32_t id);
  const std::vector<Open>& all_open() const noexcept { return open_; }
  /// As bound, those of one protocol.
  std::vector<Address> bound(IpProtocol protocol) const;

private:
  struct Numbered {
    Address wanted;
    IpProtocol protocol;
    friend bool operator==(const Numbered&, const Numbered&) = default;
  };
  std::vector<Numbered> numbers_; // index: the number
  std::vector<Open> open_;        // without sockets
};

} // namespace weir::server
