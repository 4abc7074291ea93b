// SPDX-License-Identifier: Apache-2.0
//
// OwnAddresses: which addresses lead back to this weir (WIRE_RULES W8.7): those its listeners are
// bound to, a wildcard standing for every address of the machine. A value: built by main when
// listeners or interfaces change, given to each worker; immutable there.
#pragma once

#include <vector>

#include "base/address.h"

namespace weir::net {

class OwnAddresses {
public:
  OwnAddresses() = default;
  /// `listening`: as bound, with ports; `datagrams`: the same of UDP. `machine`: the machine's
  /// addresses, ports ignored.
  OwnAddresses(std::vector<Address> listening, std::vector<Address> machine,
               std::vector<Address> datagrams = {});

  /// True if a connection (or datagram) to `address` would arrive here: in mapped form too, and
  /// 0.0.0.0 and ::, which the kernel takes for loopback.
  bool contains(const Address& address, IpProtocol protocol = IpProtocol::tcp) const;

private:
  bool of_machine(const Address& plain) const;

  std::vector<Address> listening_;
  std::vector<Address> datagrams_;
  std::vector<Address> machine_; // ports 0
};

/// What the interfaces have now (getifaddrs). Empty if the kernel does not say.
std::vector<Address> machine_addresses();

} // namespace weir::net
