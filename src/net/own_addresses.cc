// SPDX-License-Identifier: Apache-2.0
#include "net/own_addresses.h"

#include <ifaddrs.h>

#include <algorithm>

#include "net/socket.h"

namespace weir::net {

namespace {

/// ::ffff:a.b.c.d is a.b.c.d to the kernel. Other wrappings (NAT64, 6to4) leave the machine.
Address plain_form(const Address& address) {
  const auto& b = address.bytes();
  bool mapped = address.is_v6() && b[10] == 0xff && b[11] == 0xff &&
                std::all_of(b.begin(), b.begin() + 10, [](auto byte) { return byte == 0; });
  return mapped ? Address::v4({b[12], b[13], b[14], b[15]}, address.port()) : address;
}

} // namespace

OwnAddresses::OwnAddresses(std::vector<Address> listening, std::vector<Address> machine,
                           std::vector<Address> datagrams)
    : listening_(std::move(listening)), datagrams_(std::move(datagrams)),
      machine_(std::move(machine)) {
  for (auto* addresses : {&listening_, &datagrams_}) {
    for (Address& address : *addresses) {
      address = plain_form(address);
    }
  }
  for (Address& address : machine_) {
    address = plain_form(address).with_port(0);
  }
}

bool OwnAddresses::of_machine(const Address& plain) const {
  return plain.is_loopback() || is_wildcard(plain) ||
         std::find(machine_.begin(), machine_.end(), plain.with_port(0)) != machine_.end();
}

bool OwnAddresses::contains(const Address& address, IpProtocol protocol) const {
  Address plain = plain_form(address);
  const auto& here = protocol == IpProtocol::udp ? datagrams_ : listening_;
  return std::any_of(here.begin(), here.end(), [&](const Address& ours) {
    if (ours.port() != plain.port() || ours.is_v6() != plain.is_v6()) {
      return false;
    }
    if (is_wildcard(plain)) {
      return is_wildcard(ours) || ours.is_loopback();
    }
    return ours == plain || (is_wildcard(ours) && of_machine(plain));
  });
}

std::vector<Address> machine_addresses() {
  std::vector<Address> found;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) {
    return found;
  }
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) {
      continue;
    }
    Address address = Address::from_sockaddr(at->ifa_addr);
    if (address.valid() && std::find(found.begin(), found.end(), address) == found.end()) {
      found.push_back(address);
    }
  }
  ::freeifaddrs(first);
  return found;
}

} // namespace weir::net
